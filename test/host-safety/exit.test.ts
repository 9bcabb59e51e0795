import { afterAll, expect, it } from 'vitest';
import { CORE_VARIANTS, type HostProgram, HostProgramRunner } from '../support/host-program.ts';

const runner = new HostProgramRunner();
afterAll(() => runner.remove());

const exit = (scenario: string): HostProgram => ({ args: ['exit.cjs', scenario] });
const exitAfterAwait = (end: string): HostProgram => ({ args: ['exit-after-await.mjs', end] });

it.concurrent.each([
  'naturalEnd',
  'firstTurn',
  'timeout',
  'laterTimeout',
  'exitInBeforeExit',
  'throwsInExitListener',
  'countsBeforeExit',
  'worksInBeforeExit',
  'endsPoolInBeforeExit',
  'unrefTimer',
])('ends as without the agent: %s', async (scenario) => {
  await runner.expectSameBehavior(exit(scenario), CORE_VARIANTS);
});

it.concurrent.each([
  'nextTick',
  'promise',
  'immediate',
  'reallyExit',
  'exitCode',
  'exitCodeInBeforeExit',
  'throwsInBeforeExit',
  'exitInExitListener',
  'exitCodeInExitListener',
  'exitTwice',
  'worksOnceInBeforeExit',
  'awaitsInBeforeExit',
  'endsAsyncPoolInBeforeExit',
  'emitsBeforeExit',
  'removesListeners',
  'removesAllListeners',
  'unrefInterval',
  'unrefServer',
  'unrefSocket',
  'bigOutput',
])('ends as without the agent: %s', async (scenario) => {
  await runner.expectSameBehavior(exit(scenario));
});

it.concurrent.each([
  'throws',
  'throwsLater',
  'rejects',
  'rejectsLater',
  'continuesAfterError',
  'capturesError',
  'exitInErrorListener',
])('handles an error as without the agent: %s', async (scenario) => {
  await runner.expectSameBehavior(exit(scenario));
});

it.concurrent.each(['strict', 'warn', 'none', 'throw', 'warn-with-error-codes'])(
  'handles rejections as without the agent: --unhandled-rejections=%s',
  async (mode) => {
    const flags = [`--unhandled-rejections=${mode}`];
    await runner.expectSameBehavior({ ...exit('rejects'), flags });
    await runner.expectSameBehavior({ ...exit('rejectsLater'), flags });
  },
);

it.concurrent('aborts as without the agent', async () => {
  // Node.js prints addresses to the standard error.
  const shell = 'ulimit -c 0; exec "$@" 2>/dev/null';
  const { exit: plain } = await runner.expectSameBehavior({ ...exit('abort'), shell });
  expect(plain).toBe('SIGABRT');
});

it.concurrent.each<[string, HostProgram]>([
  ['an ES module that calls process.exit()', exitAfterAwait('3')],
  ['an ES module that throws', exitAfterAwait('throws')],
  ['an unsettled top-level await', { args: ['unsettled-await.mjs'] }],
  ['--eval', { args: ['-e', 'console.log("end")'] }],
  ['--eval with a module', { args: ['--input-type=module', '-e', 'process.exit(await 4)'] }],
  ['--print', { args: ['-p', 'process.exitCode = 5'] }],
  ['--check', { args: ['--check', 'test/host-safety/programs/empty.cjs'], cwd: '.' }],
  ['a script from the standard input', { args: [], stdin: 'console.log("end")' }],
  ['the REPL', { args: ['-i'], stdin: 'const rooms = 2\nrooms + 1\n.exit\n' }],
  ['the end of the standard input', { ...exit('readsStdin'), stdin: 'one\ntwo\n' }],
  ['process.exit() after input', { ...exit('exitInStdinListener'), stdin: 'one\n' }],
])('ends as without the agent: %s', async (_name, program) => {
  await runner.expectSameBehavior(program);
});
