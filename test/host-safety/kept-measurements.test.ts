import { resolve } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { FakeQuestdb } from '../support/fake-questdb.ts';
import { type HostProgram, HostProgramRunner, readSpool } from '../support/host-program.ts';

const runner = new HostProgramRunner();
afterAll(() => runner.remove());

const LIBRARY = resolve('dist/agent-package/index.js');
const signals: HostProgram['signals'] = [['SIGTERM', 'up']];

/** Runs a program with the agent, and returns the rows that are then in QuestDB or in the spool. */
async function findRows(program: HostProgram, isReachable: boolean): Promise<string[]> {
  const questdb = new FakeQuestdb();
  await questdb.start();
  const url = isReachable ? questdb.url : 'http://127.0.0.1:1';
  const env = { PERFORMANCE_QUESTDB_URL: url, ...program.env };
  const run = await runner.runWithAgent(
    { ...program, env },
    { flag: '--import', questdb: 'missing' },
  );
  questdb.stop();
  // A row can be in both. QuestDB stores it once.
  return [...new Set([...questdb.lines, ...readSpool(run)])];
}

/** Returns the sum of a column of `performance_metrics` over the rows of a metric. */
function sum(rows: readonly string[], name: string, column: string): number {
  const ofMetric = rows.filter(
    (row) => row.startsWith('performance_metrics,') && row.includes(`,name=${name},`),
  );
  const pattern = new RegExp(`[ ,]${column}=(-?[\\d.]+)`);
  return ofMetric.reduce((total, row) => total + Number(pattern.exec(row)?.[1] ?? 0), 0);
}

/** Scenarios that call `process.exit()` before the agent has started all its parts. */
const EARLY_EXITS = [
  'exitInFirstTurn',
  'exitInTick',
  'exitInPromise',
  'exitInTimeout',
  'exitInImmediate',
] as const;

it.concurrent.each([
  ...EARLY_EXITS,
  'exitLater',
  'recordsInTimeout',
  'recordsInExitListener',
  'recordsInBeforeExit',
  'throwsInFirstTurn',
  'throwsLater',
  'rejects',
  'naturalEnd',
  'naturalEndLater',
  'exitOnSignal',
  'signalExit',
  'signalExit3',
  'frozenDate',
  'fakeTimers',
])('keeps all measurements of an application: %s', async (scenario) => {
  const program = { args: ['measurements.cjs', scenario, LIBRARY], signals };
  await runner.expectSameBehavior(program);
  for (const isReachable of [true, false]) {
    const rows = await findRows(program, isReachable);
    expect([sum(rows, 'rooms', 'value'), sum(rows, 'guests', 'sum')]).toEqual([6, 4]);
  }
});

it.concurrent.each([...EARLY_EXITS, 'throwsInFirstTurn', 'naturalEnd'])(
  'keeps the counters of an application without the library: %s',
  async (scenario) => {
    for (const isReachable of [true, false]) {
      const rows = await findRows({ args: ['measurements.cjs', scenario, ''] }, isReachable);
      expect(sum(rows, 'guests', 'sum')).toBe(4);
    }
  },
);

it.concurrent.each([
  'openAtSignal',
  'openAtHandledSignal',
  'openAtGracefulShutdown',
  'openAtExit',
  'openAtCrash',
  'openAtRejection',
])('counts a request that is open at the end as aborted: %s', async (scenario) => {
  const program = { args: ['measurements.cjs', scenario], signals };
  await runner.expectSameBehavior(program);
  for (const isReachable of [true, false]) {
    const rows = await findRows(program, isReachable);
    const columns = ['count', 'aborted_count'];
    expect(columns.map((column) => sum(rows, 'http.server.request.duration', column))).toEqual([
      1, 1,
    ]);
  }
});
