import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
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
  let timer: NodeJS.Timeout | undefined;
  try {
    const answer = await Promise.race([
      new Promise<{ found: LibraryState[]; exitCode: number }>((done) =>
        child.once('message', done),
      ),
      ended.then((reason) => ({ reason })),
      new Promise<{ reason: string }>((done) => {
        timer = setTimeout(() => done({ reason: 'it told nothing in time' }), REPORT_TIMEOUT_MS);
      }),
    ]);
    if ('reason' in answer) throw createError('PS_DOCTOR_FAILED', { app, reason: answer.reason });
    if (answer.exitCode !== 0) {
      throw createError('PS_DOCTOR_FAILED', {
        app,
        reason: `it ended with code ${answer.exitCode}`,
      });
    }
    return formatLibraryLines(answer.found);
  } finally {
    clearTimeout(timer);
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
