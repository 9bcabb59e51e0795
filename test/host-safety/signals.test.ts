import { afterAll, expect, it } from 'vitest';
import { CORE_VARIANTS, type HostProgram, HostProgramRunner } from '../support/host-program.ts';

type Signals = HostProgram['signals'];

const runner = new HostProgramRunner();
afterAll(() => runner.remove());

const TERM = [['SIGTERM', 'up']] as const;
const handles = (scenario: string, signals: Signals = TERM, signal = 'SIGTERM'): HostProgram => ({
  args: ['signals.cjs', scenario, signal],
  signals,
});
/** The program's shutdown starts after two signals, so the second signal is never too late. */
const handlesTwo = (scenario: string, [signal, after]: readonly [NodeJS.Signals, string]) => ({
  args: ['signals.cjs', scenario, 'SIGTERM', '2'],
  signals: [...TERM, [signal, after] as const],
});

it.concurrent.each(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR2', 'SIGQUIT'] as const)(
  'is ended by %s if the application has no listener',
  async (signal) => {
    // SIGQUIT writes a core file.
    const shell = 'ulimit -c 0; exec "$@"';
    const program = { ...handles('noListener', [[signal, 'up']]), shell };
    const { exit } = await runner.expectSameBehavior(program);
    expect(exit).toBe(signal);
  },
);

it.concurrent.each(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR2', 'SIGKILL'])(
  'handles %s from its own process.kill() as without the agent',
  async (signal) => {
    for (const scenario of ['killsItself', 'killsItselfLater']) {
      const { exit } = await runner.expectSameBehavior(handles(scenario, [], signal));
      expect(exit).toBe(signal);
    }
  },
);

it.concurrent.each([
  'noListener',
  'onceFirst',
  'onlyIfNone',
  'closesServer',
  'signalExit',
  'signalExit3',
])('shuts down as without the agent: %s', async (scenario) => {
  await runner.expectSameBehavior(handles(scenario), CORE_VARIANTS);
});

it.concurrent.each([
  'exitsInListener',
  'once',
  'on',
  'async',
  'removed',
  'removesAll',
  'throws',
  'rejects',
  'killsItselfAgain',
  'signalExitAndListener',
  'exitListenerOnly',
])('shuts down as without the agent: %s', async (scenario) => {
  await runner.expectSameBehavior(handles(scenario));
});

it.concurrent.each<[string, HostProgram]>([
  ['a second signal', handles('onceThenDies', [...TERM, ['SIGTERM', 'first']])],
  ['a second signal during the shutdown', handlesTwo('on', ['SIGTERM', 'draining'])],
  ['SIGINT during the shutdown', handlesTwo('on', ['SIGINT', 'draining'])],
  ['a listener that removes itself', handles('removedInListener', [...TERM, ['SIGTERM', 'first']])],
  ['ignored signals', handlesTwo('ignores', ['SIGTERM', 'ignored'])],
  [
    'a listener of another signal',
    handles('addedByOtherSignal', [
      ['SIGINT', 'up'],
      ['SIGTERM', 'added'],
    ]),
  ],
  ['a listener in a listener', handles('addedByListener', [...TERM, ['SIGTERM', 'first']])],
  ['a signal without a listener', handles('on', [['SIGINT', 'up']])],
  ['process.emit() without a listener', handles('emits', [])],
  ['process.emit() with a listener', handles('emitsToListener', [])],
  ['a restart as in nodemon', handles('killsItselfAgain', [['SIGUSR2', 'up']], 'SIGUSR2')],
  ['signal-exit with SIGINT', handles('signalExit', [['SIGINT', 'up']], 'SIGINT')],
  ['signal-exit with SIGHUP', handles('signalExit3', [['SIGHUP', 'up']], 'SIGHUP')],
])('handles signals as without the agent: %s', async (_name, program) => {
  await runner.expectSameBehavior(program);
});

it.concurrent.each(['SIGTERM', 'SIGINT'] as const)(
  'is ended by %s after a busy loop at the latest',
  async (signal) => {
    // JavaScript can't handle a signal during a busy loop, so the agent delays the end until its rows are written.
    for (const { flag, questdb } of CORE_VARIANTS) {
      const program = handles('busy', [[signal, 'up']]);
      expect((await runner.runWithAgent(program, { flag, questdb })).exit).toBe(signal);
    }
  },
);
