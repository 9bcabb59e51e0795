import type { ChildProcess } from 'node:child_process';

/** A child of the process can keep the output open, so the end of the output can take longer than this. */
const MAX_OUTPUT_DELAY_MS = 5000;

/**
 * Waits until a process has ended and its output was read.
 *
 * @returns the signal that ended the process, or its exit code
 */
export function waitForExit(child: ChildProcess): Promise<number | NodeJS.Signals> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => {
      const timer = setTimeout(end, MAX_OUTPUT_DELAY_MS);
      child.once('close', end);
      function end() {
        clearTimeout(timer);
        resolve(signal ?? code ?? 0);
      }
    });
  });
}
