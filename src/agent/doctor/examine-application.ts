import { spawn } from 'node:child_process';
import { dirname, resolve, sep } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { readStartupConfig } from '../../core/config/startup-config.ts';
import { createError } from '../../core/perfscope-error.ts';
import { findDeclaredLibraries } from '../library-coverage/declared-libraries.ts';
import { findBundledLibraries } from './bundled-libraries.ts';
import { checkDestinations } from './check-destination.ts';
import { formatCoverage } from './format-coverage.ts';
import { type LibraryReport, LibraryReportFolder } from './library-report.ts';

/** Time between SIGTERM and SIGKILL. */
const STOP_TIMEOUT_MS = 3000;
const POLL_INTERVAL_MS = 100;
/** Minimum time for Node.js to start, which takes long on a busy machine. */
const START_TIMEOUT_MS = 30_000;
/** Time without a newly loaded library after which all libraries are probably loaded. */
const QUIET_MS = 3000;

export interface ExamineOptions {
  /** Maximum time, in ms, to wait until the application has loaded one of its libraries. Starts with the application. */
  readonly timeoutMs: number;
}

/**
 * Checks the settings, which libraries of an application Perfscope can measure, and whether rows are stored. Runs the
 * application, unless the settings turn off all measurements.
 *
 * @returns the lines to print. A line that starts with `✗` describes a problem.
 * @throws PS_DOCTOR_FAILED if the application fails, or can't be examined
 */
export async function examineApplication(
  app: string,
  args: readonly string[],
  options: ExamineOptions,
): Promise<string[]> {
  const config = readStartupConfig();
  const problems = config.problems.map(({ message }) => `✗ ${message}`);
  const { enabled, PERFORMANCE_MONITORING_ENABLED, SYSTEM_HEALTH_ENABLED } = config.settings;
  if (!enabled) {
    const cause = PERFORMANCE_MONITORING_ENABLED
      ? 'OTEL_SDK_DISABLED is true'
      : 'PERFORMANCE_MONITORING_ENABLED is false';
    return [...problems, `✗ nothing is measured: ${cause}`];
  }
  const libraries = await examineLibraries(app, args, options);
  const health = SYSTEM_HEALTH_ENABLED
    ? []
    : ['Health snapshots are not stored: SYSTEM_HEALTH_ENABLED is false.'];
  return [...problems, ...libraries, ...health, ...(await checkDestinations(config))];
}

/**
 * Runs an application with its worker processes and threads. Ends when no more libraries are loaded, usually after a
 * few seconds.
 *
 * @returns one line for each library
 * @throws PS_DOCTOR_FAILED if the application fails, or can't be examined
 */
async function examineLibraries(
  app: string,
  args: readonly string[],
  { timeoutMs }: ExamineOptions,
): Promise<string[]> {
  const folder = new LibraryReportFolder();
  const script = resolve(app);
  // With `--import`, Node.js would load the application as an ES module, which bypasses hooks such as ts-node.
  const preload = folder.createPreload(
    fileURLToPath(new URL('./doctor-preload.js', import.meta.url)),
  );
  const child = spawn(process.execPath, ['--require', preload, script, ...args], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  let end: { readonly reason: string; readonly isFailure: boolean } | undefined;
  const exited = new Promise<void>((done) => {
    child.once('error', (error) => {
      end = { reason: error.message, isFailure: true };
      done();
    });
    child.once('exit', (code, signal) => {
      end = { reason: `it exited with ${signal ?? `code ${code}`}`, isFailure: code !== 0 };
      done();
    });
  });
  try {
    const isMain = ({ pid, threadId }: LibraryReport) => pid === child.pid && threadId === 0;
    const reports = await collectReports({
      folder,
      isMain,
      isEnded: () => end !== undefined,
      timeoutMs,
    });
    const main = reports.find(isMain);
    if (end?.isFailure) {
      const usedPort = reports.find((report) => report.usedPort !== undefined)?.usedPort;
      throw createError('PS_DOCTOR_FAILED', { app, reason: end.reason, usedPort });
    }
    if (!main) {
      const reason = end?.reason ?? 'it did not start in time';
      throw createError('PS_DOCTOR_FAILED', { app, reason });
    }
    const appFolder = findAppFolder(script);
    return formatCoverage({
      main,
      others: reports.filter((report) => report !== main),
      declared: findDeclaredLibraries(appFolder),
      bundled: findBundledLibraries(script, appFolder),
      timeoutMs: end ? undefined : timeoutMs,
    });
  } finally {
    child.kill('SIGTERM');
    const killTimer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await exited;
    clearTimeout(killTimer);
    folder.remove();
  }
}

/** Returns the folder of an application. A command such as `next start` runs the application in the current folder. */
function findAppFolder(script: string): string {
  return script.split(sep).includes('node_modules') ? process.cwd() : dirname(script);
}

interface CollectOptions extends ExamineOptions {
  readonly folder: LibraryReportFolder;
  /** Whether a report is from the main thread of the application. */
  readonly isMain: (report: LibraryReport) => boolean;
  readonly isEnded: () => boolean;
}

/** Reads reports until the application has ended, no more libraries are loaded, or the time is over. */
async function collectReports(options: CollectOptions): Promise<LibraryReport[]> {
  const { folder, isMain, isEnded, timeoutMs } = options;
  let deadlineMs = performance.now() + Math.max(timeoutMs, START_TIMEOUT_MS);
  let hasStarted = false;
  let known = '';
  let changedMs = performance.now();
  for (;;) {
    const wasEnded = isEnded();
    const reports = folder.read();
    const nowMs = performance.now();
    const libraries = JSON.stringify(reports.map((report) => report.libraries));
    if (libraries !== known) changedMs = nowMs;
    known = libraries;
    const main = reports.find(isMain);
    if (main && !hasStarted) deadlineMs = nowMs + timeoutMs;
    hasStarted = main !== undefined;
    const isQuiet = main?.isStarted === true && nowMs - changedMs >= QUIET_MS;
    const hasLibraries = reports.some((report) => report.libraries.length > 0);
    if (wasEnded || (isQuiet && hasLibraries) || nowMs >= deadlineMs) return reports;
    await delay(POLL_INTERVAL_MS);
  }
}
