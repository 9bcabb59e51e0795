import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withTimeout } from '../../core/concurrency.ts';
import { createError } from '../../core/perfscope-error.ts';
import {
  formatUnmeasuredReason,
  type LibraryState,
} from '../instrumentation/instrumentation-registry.ts';

const REPORT_TIMEOUT_MS = 30_000;
/** Time between SIGTERM and SIGKILL. */
const STOP_TIMEOUT_MS = 3000;

interface DoctorReport {
  libraries: LibraryState[];
  isEnabled: boolean;
  /** URL of the QuestDB that the rows are sent to. */
  questdbUrl: string | undefined;
  exitCode: number;
}

/**
 * Runs an application for a few seconds, and checks which of its libraries Perfscope can measure and
 * where the rows are sent.
 *
 * @returns one line for each library, and one for QuestDB
 * @throws PS_DOCTOR_FAILED if the application fails or sends no report within 30 s
 */
export async function examineApplication(app: string, args: readonly string[]): Promise<string[]> {
  // With `--import`, Node.js would load the application as an ES module, which bypasses hooks such as ts-node.
  const preload = fileURLToPath(new URL('./doctor-preload.js', import.meta.url));
  const child = spawn(process.execPath, ['--require', preload, resolve(app), ...args], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const exited = new Promise<string>((done) => {
    child.once('error', (error) => done(error.message));
    child.once('exit', (code, signal) => done(`it exited with ${signal ?? `code ${code}`}`));
  });
  try {
    const report = await withTimeout(
      REPORT_TIMEOUT_MS,
      Promise.race([
        new Promise<DoctorReport>((done) => child.once('message', done)),
        exited.then((reason) => ({ reason })),
      ]),
      () => ({ reason: `it did not report its libraries within ${REPORT_TIMEOUT_MS / 1000} s` }),
    );
    if ('reason' in report) throw createError('PS_DOCTOR_FAILED', { app, reason: report.reason });
    if (report.exitCode !== 0) {
      throw createError('PS_DOCTOR_FAILED', {
        app,
        reason: `it exited with code ${report.exitCode}`,
      });
    }
    return [...formatLibraryLines(report.libraries), formatDestination(report)];
  } finally {
    child.kill('SIGTERM');
    const killTimer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await exited;
    clearTimeout(killTimer);
  }
}

function formatLibraryLines(libraries: readonly LibraryState[]): string[] {
  if (libraries.length === 0) {
    return [
      'The application did not load express, pg, or bullmq. If it is bundled, exclude these packages',
      'from the bundle (esbuild: --external:pg). HTTP, host, and runtime metrics still work.',
    ];
  }
  return libraries.map((library) => {
    const { name, version, measured } = library;
    return `${measured ? '✓' : '✗'} ${name} ${version}${measured ? '' : `: ${formatUnmeasuredReason(library)}`}`;
  });
}

function formatDestination({ isEnabled, questdbUrl }: DoctorReport): string {
  if (!isEnabled) {
    return '✗ nothing is measured: PERFORMANCE_MONITORING_ENABLED is false, or OTEL_SDK_DISABLED is true';
  }
  if (questdbUrl !== undefined) return `✓ rows are sent to ${questdbUrl}`;
  return '✗ rows are not sent: no server is running on this machine, and PERFORMANCE_QUESTDB_URL is not set';
}
