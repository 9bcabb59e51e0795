import { afterAll, beforeAll, expect, it } from 'vitest';
import { expectRows } from '../support/expect-rows.ts';
import { InstrumentedApp } from '../support/instrumented-app.ts';
import { QuestdbWithSpoolSender } from '../support/questdb-with-spool-sender.ts';

const VALUE_COUNT = 100_000;
const AWAY = { PERFORMANCE_QUESTDB_URL: 'http://127.0.0.1:1' };

const questdb = new QuestdbWithSpoolSender();
beforeAll(() => questdb.start());
afterAll(() => questdb.remove());

async function expectAllStored(service: string): Promise<void> {
  const count = (table: string) => () =>
    questdb.sql(
      `SELECT ${table === 'metric_buckets' ? 'sum(count)' : 'count()'} FROM ${table}
       WHERE service = '${service}' AND name = 'blocked'`,
    );
  await expectRows(count('performance_metrics'), [[VALUE_COUNT]]);
  await expectRows(count('metric_buckets'), [[VALUE_COUNT]]);
}

const TITLE = 'stores 100,000 values of a blocked event loop: at %s, QuestDB is %s, %s';
it.each([
  ['flush', 'available', 'register'],
  ['start', 'away', 'only the library'],
  ['worker', 'away', 'register'],
  ['beforeExit', 'available', 'register'],
  ['exit', 'away', 'register'],
] as const)(TITLE, expectNothingLost);
// Long: the cases in CI have each time with one of the two states of QuestDB.
it.each([
  ['flush', 'away', 'register'],
  ['start', 'away', 'register'],
  ['worker', 'available', 'register'],
  ['exit', 'available', 'register'],
  ['start', 'available', 'only the library'],
] as const)(TITLE, { tags: 'long' }, expectNothingLost);

async function expectNothingLost(time: string, state: string, mode: string): Promise<void> {
  const service = `blocked-${time}-${state}-${mode.length}`;
  const app = new InstrumentedApp('test/apps/blocked-loop.mjs', {
    args: [time],
    env: {
      ...questdb.serviceEnv,
      ...(state === 'away' && AWAY),
      OTEL_SERVICE_NAME: service,
      PERFORMANCE_EXIT_TIMEOUT: '300',
    },
    ...(mode === 'only the library' && { flags: [] }),
  });
  expect(await app.exited).toBe(0);
  expect(app.output).not.toContain('Dropped');
  await expectAllStored(service);
}

it('sends the rows of a worker thread that has ended while its process is running', async () => {
  const app = new InstrumentedApp('test/apps/blocked-loop.mjs', {
    args: ['endedWorker'],
    env: { ...questdb.serviceEnv, ...AWAY, OTEL_SERVICE_NAME: 'blocked-ended-worker' },
  });
  await expectAllStored('blocked-ended-worker');
  expect(app.child.exitCode).toBeNull();
  await app.stop('SIGKILL');
});
