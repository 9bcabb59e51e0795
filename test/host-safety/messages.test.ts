import { afterAll, describe, expect, it } from 'vitest';
import { type HostProgram, HostProgramRunner } from '../support/host-program.ts';

const runner = new HostProgramRunner();
afterAll(() => runner.remove());

/** The agent logs a warning about this value in each process that is an application. */
const env = { PERFORMANCE_BUFFER_SIZE: 'many' };
const WARNING = /^perfscope: .*PERFORMANCE_BUFFER_SIZE=many/gm;

const run = (program: HostProgram) =>
  runner.runWithAgent(program, { flag: '--import', questdb: 'stores' });

/** Runs a program in a terminal, and returns the lines that it prints there. */
async function runInTerminal(
  program: HostProgram,
  questdb: 'stores' | 'missing',
): Promise<string[]> {
  const shell = 'script -qec "$*" /dev/null';
  const { stdout } = await runner.runWithAgent(
    { ...program, shell },
    { flag: '--import', questdb },
  );
  return stdout.replaceAll('\r', '').split('\n');
}

describe.each([false, true])('with NODE_OPTIONS: %s', (usesNodeOptions) => {
  it.concurrent.each([
    'fork',
    'forkWithoutFlags',
    'spawn',
    'exec',
    'execFileSync',
    'grandchild',
    'cluster',
    'workerTimer',
    'workerWithoutFlags',
    'workerStdio',
  ])('only the application logs a warning: %s', async (scenario) => {
    const args = ['children.cjs', scenario];
    const { stdout, stderr } = await run({ args, env, usesNodeOptions });
    expect(stderr.match(WARNING)).toHaveLength(1);
    expect(stdout).not.toContain('perfscope');
  });
});

it.concurrent('an application that `node --watch` starts logs a warning', async () => {
  const { stdout, stderr } = await run({
    args: ['print.cjs', '100'],
    flags: ['--watch'],
    env,
    signals: [['SIGTERM', 'Completed running']],
  });
  expect(stderr.match(WARNING)).toHaveLength(1);
  expect(stdout).not.toContain('perfscope');
});

it.concurrent('logs nothing without a terminal if no data is lost', async () => {
  await runner.expectSameBehavior({ args: ['print.cjs', '1500'] });
});

it.concurrent('lists the measured libraries once on a terminal', async () => {
  const program = { args: ['print.cjs', '1500'] };
  const lines = await runInTerminal(program, 'stores');
  expect(lines.filter((line) => line.startsWith('perfscope: '))).toEqual([
    expect.stringMatching(/^perfscope: measuring HTTP, host, runtime; /),
  ]);
});

it.concurrent.each(['processes', 'threads'])(
  'sandboxed jobs in %s print nothing on a terminal, and the application prints once',
  async (kind) => {
    const lines = await runInTerminal({ args: ['sandbox.cjs', 'bullmq', kind, 'wait'] }, 'stores');
    expect(lines.filter((line) => line.startsWith('perfscope: '))).toEqual([
      expect.stringMatching(/^perfscope: measuring HTTP, host, runtime, bullmq 6/),
    ]);
  },
);

it.concurrent('lists a library on a terminal when it is loaded later', async () => {
  const lines = await runInTerminal({ args: ['late-library.cjs'] }, 'stores');
  expect(lines.filter((line) => line.startsWith('perfscope: '))).toEqual([
    'perfscope: measuring HTTP, host, runtime; no supported library is loaded in this process yet',
    expect.stringMatching(/^perfscope: measuring express 5[\d.]+$/),
  ]);
});

it.concurrent('logs on a terminal that no server is running', async () => {
  const lines = await runInTerminal({ args: ['print.cjs', '1500'] }, 'missing');
  expect(lines).toContainEqual(expect.stringMatching(/^perfscope: waiting for a server/));
});
