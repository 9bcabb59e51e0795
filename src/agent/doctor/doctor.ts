import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { withTimeout } from '../../core/concurrency.ts';
import { createError } from '../../core/errors.ts';
import type { LibraryState } from '../instrumentation/instrumentation-registry.ts';
import { formatUnmeasuredReason } from '../instrumentation/instrumentation-registry.ts';

/** Longest time in ms that an application may take to tell. */
const REPORT_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 3000;

/**
 * Runs an application for some seconds, and tells which libraries it loads and which of them can be
 * measured.
 *
 * @returns one line for each library
 * @throws PS_DOCTOR_FAILED when the application ends without having told
 */
export async function examineApplication(app: string, args: readonly string[]): Promise<string[]> {
  const probe = new URL('./doctor-probe.js', import.meta.url).href;
  const child = spawn(process.execPath, ['--import', probe, resolve(app), ...args], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const ended = new Promise<string>((done) => {
    child.once('error', (error) => done(error.message));
    child.once('exit', (code, signal) => done(`it ended with ${signal ?? `code ${code}`}`));
  });
  try {
    const answer = await withTimeout(
      REPORT_TIMEOUT_MS,
      Promise.race([
        new Promise<{ found: LibraryState[]; exitCode: number }>((done) =>
          child.once('message', done),
        ),
        ended.then((reason) => ({ reason })),
      ]),
      () => ({ reason: 'it told nothing in time' }),
    );
    if ('reason' in answer) throw createError('PS_DOCTOR_FAILED', { app, reason: answer.reason });
    if (answer.exitCode !== 0) {
      throw createError('PS_DOCTOR_FAILED', {
        app,
        reason: `it ended with code ${answer.exitCode}`,
      });
    }
    return formatLibraryLines(answer.found);
  } finally {
    child.kill('SIGTERM');
    const force = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await ended;
    clearTimeout(force);
  }
}

function formatLibraryLines(found: readonly LibraryState[]): string[] {
  if (found.length === 0) {
    return [
      'No express, pg or bullmq was loaded. If the application is bundled, leave these packages',
      'outside the bundle (esbuild: --external:pg). HTTP, host and runtime are measured anyway.',
    ];
  }
  return found.map((library) => {
    const { name, version, measured } = library;
    return `${measured ? '✓' : '✗'} ${name} ${version}${measured ? '' : `: ${formatUnmeasuredReason(library)}`}`;
  });
}
