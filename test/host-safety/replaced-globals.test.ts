import { afterAll, it } from 'vitest';
import { HostProgramRunner } from '../support/host-program.ts';

const runner = new HostProgramRunner();
afterAll(() => runner.remove());

const SCENARIOS = [
  'frozenDateNow',
  'backwardDateNow',
  'invalidDateNow',
  'failingDateNow',
  'fakeDate',
  'noDate',
  'mockdate',
  'timekeeperFreeze',
  'timekeeperTravel',
  'sinon',
  'sinonNextTick',
  'sinonAdvance',
  'sinonRunsAll',
  'timersThatNeverFire',
  'timersThatReturnObjects',
  'timersThatReturnNothing',
  'timersThatFail',
  'timersOfAWindow',
  'timersModule',
  'performanceNow',
  'performance',
  'hrtime',
  'queueMicrotask',
  'nextTick',
  'promise',
  'random',
  'fs',
  'memoryFs',
  'stderr',
  'stdout',
  'console',
  'processEmit',
  'processOn',
  'processEnv',
  'processCwd',
  'pollutedPrototypes',
  'frozenPrototypes',
  'stackTraceLimit',
  'prepareStackTrace',
];
/** The agent exports while the application runs. */
const env = { PERFORMANCE_FLUSH_INTERVAL: '100' };

it.concurrent.each(SCENARIOS)(
  'ends as without the agent if the application replaces globals: %s',
  async (scenario) => {
    await runner.expectSameBehavior({ args: ['replaced-globals.cjs', scenario, 'ends'], env });
  },
);

it.concurrent.each(['prototypeMethods', 'json', 'buffer', 'fsPromises'])(
  'continues without rows if the application breaks a global: %s',
  async (scenario) => {
    const args = ['replaced-globals.cjs', scenario, 'ends'];
    await runner.expectSameBehavior({ args, env, losesRows: true });
  },
);

it.concurrent.each(['frozenDateNow', 'noDate', 'sinon', 'timersThatReturnNothing', 'promise'])(
  'is ended by the first SIGTERM if the application replaces globals: %s',
  async (scenario) => {
    const args = ['replaced-globals.cjs', scenario, 'waits'];
    await runner.expectSameBehavior({ args, env, signals: [['SIGTERM', 'served']] });
    await runner.expectSameBehavior({ args: ['replaced-globals.cjs', scenario, 'exits'], env });
  },
);

it.concurrent.each([
  '--frozen-intrinsics',
  '--disable-proto=throw',
  '--disable-proto=delete',
  '--disallow-code-generation-from-strings',
  '--no-deprecation',
  '--throw-deprecation',
  '--trace-uncaught',
  '--enable-source-maps',
  '--preserve-symlinks',
  '--stack-size=200',
  '--max-old-space-size=32',
  '--jitless',
  '--trace-exit',
])('ends as without the agent with %s', async (flag) => {
  await runner.expectSameBehavior({
    args: ['replaced-globals.cjs', 'none', 'ends'],
    flags: [flag],
    env,
  });
});
