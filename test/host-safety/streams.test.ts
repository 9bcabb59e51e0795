import { afterAll, expect, it } from 'vitest';
import { type HostProgram, HostProgramRunner } from '../support/host-program.ts';

const runner = new HostProgramRunner();
afterAll(() => runner.remove());

/** The spool isn't writable, so the agent logs a warning. */
const env = { PERFORMANCE_FLUSH_INTERVAL: '100', PERFORMANCE_SPOOL_DIR: '/dev/null/spool' };
const alive: HostProgram = { args: ['alive.cjs'], env, losesRows: true };

it.concurrent.each([
  ['a full disk as standard error', 'exec "$@" 2>/dev/full'],
  ['no standard error', 'exec "$@" 2>&-'],
  ['no standard output', 'exec "$@" >&-'],
  ['no standard input', 'exec "$@" <&-'],
  ['no streams', 'exec "$@" <&- >&- 2>&-'],
  ['a full disk as standard output', 'exec "$@" >/dev/full'],
  ['a reader that ends', 'exec "$@" | head -c 1'],
  ['a reader of the standard error that ends', '{ "$@" 2>&1 >&3 | true; } 3>&1'],
])('runs as without the agent with %s', async (_name, shell) => {
  await runner.expectSameBehavior({ ...alive, shell });
  await runner.expectSameBehavior({ args: ['print.cjs', '50'], shell });
});

it.concurrent('runs as without the agent if its standard error has no reader', async () => {
  const { exit, stdout } = await runner.expectSameBehavior({ ...alive, hasBrokenStderr: true });
  expect({ exit, stdout }).toEqual({ exit: 'code 0', stdout: 'alive\n' });
});

it.concurrent('prints nothing to the standard output, even on a terminal', async () => {
  const file = `${runner.folder}/stdout`;
  // script(1) provides a terminal. The standard output of the program is a file.
  const shell = `script -qec "$* >${file}" /dev/null`;
  const args = ['print.cjs', '1500'];
  const terminal = await runner.runWithAgent(
    { args, shell: `${shell}; cat ${file}`, env },
    { flag: '--import', questdb: 'stores' },
  );
  const output = terminal.stdout.replaceAll('\r', '').split('\n');
  expect(output.filter((line) => !line.startsWith('perfscope: '))).toEqual([
    'three',
    'one',
    'two',
    '',
  ]);
});
