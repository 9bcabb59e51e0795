import { createInterface } from 'node:readline/promises';
import { createError } from '../core/perfscope-error.ts';
import { print } from './command-output.ts';

/** Exit code of a command that Ctrl-C ended: 128 plus the number of SIGINT. */
const EXIT_INTERRUPTED = 130;

/**
 * Asks a question. The answer comes from the terminal, or from a pipe if `canPipe` is true. The question is printed to stderr, so stdout can
 * be redirected.
 *
 * Returns true if the answer is `y` or `yes`. After any other answer, Ctrl-C, or Ctrl-D, prints that
 * nothing was changed, sets the exit code (1, or 130 after Ctrl-C), and returns false.
 *
 * @throws PS_CONFIRMATION_REQUIRED if stdin is not a terminal and ends without an answer
 */
export async function askConfirmation(
  question: string,
  unchanged: string,
  { canPipe = false } = {},
): Promise<boolean> {
  const isTerminal = process.stdin.isTTY === true;
  // An open pipe without input would block the command forever.
  if (!isTerminal && !canPipe) throw createError('PS_CONFIRMATION_REQUIRED', {});
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const closed = new AbortController();
  let exitCode = 1;
  terminal.once('SIGINT', () => {
    exitCode = EXIT_INTERRUPTED;
    terminal.close();
  });
  // Without this, the question stays open forever if the input ends.
  terminal.once('close', () => closed.abort());
  try {
    const { signal } = closed;
    const answer = await terminal.question(`${question} [y/N] `, { signal });
    if (/^y(es)?$/i.test(answer.trim())) return true;
  } catch (error) {
    if (!closed.signal.aborted) throw error;
    process.stderr.write('\n');
    if (!isTerminal) throw createError('PS_CONFIRMATION_REQUIRED', {}, error);
  } finally {
    terminal.close();
  }
  print(unchanged);
  process.exitCode = exitCode;
  return false;
}
