import { afterAll, expect, it } from 'vitest';
import {
  type AgentVariant,
  type HostProgram,
  HostProgramRunner,
  readSpool,
} from '../support/host-program.ts';

const runner = new HostProgramRunner();
afterAll(() => runner.remove());

const MODULES = ['sdk-without-exporters.cjs', 'sdk-with-exporters.cjs'] as const;
const VARIANTS = (['refuses', 'hangs', 'missing', 'stores'] as const).map(
  (questdb): AgentVariant => ({ flag: '--require', questdb }),
);

function expectSame(program: HostProgram, variants = VARIANTS) {
  return runner.expectSameBehavior({ ...program, modules: MODULES }, variants);
}

const TERM = [['SIGTERM', 'up']] as const;

it.concurrent.each([
  'naturalEnd',
  'firstTurn',
  'laterTimeout',
  'countsBeforeExit',
  'worksInBeforeExit',
  'unrefTimer',
  'throwsLater',
  'rejectsLater',
])('ends as without the exporters: %s', async (scenario) => {
  await expectSame({ args: ['exit.cjs', scenario] });
});

it.concurrent.each([
  ['noListener', TERM],
  ['noListener', [['SIGINT', 'up']]],
  ['onceFirst', TERM],
  ['closesServer', TERM],
  ['removesAll', TERM],
  ['signalExit', TERM],
  ['throws', TERM],
] as const)('handles a signal as without the exporters: %s %j', async (scenario, signals) => {
  await expectSame({ args: ['signals.cjs', scenario], signals });
});

it.concurrent.each([
  ['await', []],
  ['twice', []],
  ['handler', TERM],
  ['exit', TERM],
] as const)('stops the SDK as without the exporters: %s', async (scenario, signals) => {
  const { stdout } = await expectSame({ args: ['sdk-shutdown.mjs', scenario], signals });
  expect(stdout).toContain('stopped');
});

it.concurrent('prints nothing while the exporters export', async () => {
  await expectSame({ args: ['alive.cjs'] });
});

it.concurrent.each([
  ['at the end', { args: ['exit.cjs', 'naturalEnd'] }],
  ['at process.exit()', { args: ['exit.cjs', 'firstTurn'] }],
  ['after SIGTERM', { args: ['signals.cjs', 'noListener'], signals: TERM }],
] as const)('spools the last interval %s', async (_name, program) => {
  const variant = { flag: '--require', questdb: 'refuses' } as const;
  const run = await runner.runWithAgent({ ...program, modules: MODULES }, variant);
  const lines = readSpool(run).join('\n');
  expect(lines).toContain('name=orders,');
  expect(lines).toContain('metric_type=DATABASE_QUERY_TIME');
});

it.concurrent('keeps exported intervals if the process is killed', async () => {
  const variant = { flag: '--require', questdb: 'refuses' } as const;
  const program = { args: ['sdk-shutdown.mjs', 'kill'], modules: MODULES };
  const run = await runner.runWithAgent(program, variant);
  expect(run.exit).toBe('SIGKILL');
  expect(readSpool(run).join('\n')).toContain('name=orders,');
});
