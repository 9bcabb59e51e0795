import { resolve } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { HostProgramRunner } from '../support/host-program.ts';

const runner = new HostProgramRunner();
afterAll(() => runner.remove());

it.concurrent.each([
  'fork',
  'forkWithoutFlags',
  'disconnects',
  'killsChild',
  'spawn',
  'exec',
  'execFileSync',
  'spawnSync',
  'grandchild',
  'detached',
  'cluster',
])('child processes run as without the agent: %s', async (scenario) => {
  const args = ['children.cjs', scenario];
  await runner.expectSameBehavior({ args });
  await runner.expectSameBehavior({ args, usesNodeOptions: true });
});

it.concurrent.each([
  'workerTimer',
  'workerMessage',
  'workerExit',
  'workerExitLater',
  'workerExitCode',
  'workerThrows',
  'workerRejects',
  'workerBeforeExit',
  'workerTerminated',
  'workerUnref',
  'workerWithoutFlags',
  'workerStdio',
  'workerEnvironment',
  'workerLimits',
  'workersInSequence',
  'workerServesRequest',
])('worker threads run as without the agent: %s', async (scenario) => {
  await runner.expectSameBehavior({ args: ['children.cjs', scenario] });
});

it.concurrent.each([
  ['bullmq', 'processes'],
  ['bullmq', 'threads'],
  ['bullmq-5', 'processes'],
  ['bullmq-5', 'threads'],
])('sandboxed jobs of %s in %s run as without the agent', async (name, kind) => {
  const args = ['sandbox.cjs', name, kind];
  const { stdout, stderr } = await runner.expectSameBehavior({ args });
  await runner.expectSameBehavior({ args, usesNodeOptions: true });
  expect(stdout).toBe('processor 1\nprocessor 2\nresults [ 2, 3 ]\n');
  expect(stderr).toBe('processor error\nprocessor error\n');
});

it.concurrent.each(['passes', 'fails'])(
  'node --test runs a test that %s as without the agent',
  async (result) => {
    const file = resolve('test/host-safety/programs/node-test.cjs');
    // The reporters print durations.
    const shell = 'exec "$@" >/dev/null';
    const program = { args: ['--test', file], env: { NODE_TEST_RESULT: result }, shell };
    await runner.expectSameBehavior(program);
    await runner.expectSameBehavior({ ...program, usesNodeOptions: true });
  },
);
