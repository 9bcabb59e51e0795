import { spawn } from 'node:child_process';
import { waitForExit } from './wait-for-exit.ts';

export interface CommandResult {
  /** Exit code, or the name of the signal that ended the command. */
  readonly status: number | NodeJS.Signals;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a Perfscope command and waits until it exits. Doesn't block the event loop, so fake servers in the test's
 * process can respond to the command.
 *
 * @param input standard input of the command. Default: empty.
 */
export async function runPerfscope(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  input = '',
): Promise<CommandResult> {
  const child = spawn(process.execPath, ['dist/bin.js', ...args], { env });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (chunk) => {
      output[name] += chunk;
    });
  }
  // A command that doesn't read its input can exit before the input is written.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const status = await waitForExit(child);
  return { status, ...output };
}
