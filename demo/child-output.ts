import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

/** Lines about problems. The demo shows no other lines of its processes. */
const PROBLEM_PATTERN = /error|warn/i;
/** Lines that belong to the line before, such as the lines of a stack trace. */
const CONTINUATION_PATTERN = /^\s+\S/;

/**
 * Waits until a line of a child's output matches the pattern. Returns the first group of the match. Later
 * lines about problems are passed to `log`, one by one.
 *
 * @throws Error with the child's output if it exits first
 */
export function waitForOutput(
  child: Pick<ChildProcess, 'stdout' | 'stderr' | 'once'>,
  pattern: RegExp,
  log: (line: string) => void,
): Promise<string> {
  return new Promise((done, fail) => {
    let output = '';
    let isReady = false;
    for (const stream of [child.stdout, child.stderr]) {
      if (!stream) continue;
      let isProblem = false;
      createInterface({ input: stream }).on('line', (line) => {
        if (isReady) {
          const continues = isProblem && CONTINUATION_PATTERN.test(line);
          isProblem = continues || PROBLEM_PATTERN.test(line);
          if (isProblem) log(line.trimEnd());
          return;
        }
        output += `${line}\n`;
        const match = pattern.exec(line);
        if (!match) return;
        isReady = true;
        done(match[1]!);
      });
    }
    child.once('exit', (code) => fail(new Error(`${output.trim()} (exit code ${code})`)));
  });
}
