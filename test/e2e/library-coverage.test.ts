import { afterAll, beforeAll, expect, it } from 'vitest';
import { fingerprintSql } from '../../src/core/sql/sql-fingerprint.ts';
import { expectRows } from '../support/expect-rows.ts';
import { InstrumentedApp } from '../support/instrumented-app.ts';
import { PostgresAndRedis } from '../support/postgres-and-redis.ts';
import { QuestdbWithSpoolSender } from '../support/questdb-with-spool-sender.ts';
import { waitFor } from '../support/wait-for.ts';

const questdb = new QuestdbWithSpoolSender();
const databases = new PostgresAndRedis();
beforeAll(() => Promise.all([questdb.start(), databases.start()]));
afterAll(() => Promise.all([questdb.remove(), databases.remove()]));

function start(script: string, service: string, args: string[] = []): InstrumentedApp {
  return new InstrumentedApp(script, {
    args,
    env: {
      ...questdb.serviceEnv,
      ...databases.env,
      PERFORMANCE_FLUSH_INTERVAL: '300',
      OTEL_SERVICE_NAME: service,
    },
  });
}

it('counts each query, prepared statement, cursor, stream, COPY, and transaction statement once', async () => {
  const app = start('test/apps/statements.cjs', 'statements');
  expect(await app.exited).toBe(0);
  expect(app.output).toMatch(/done/);
  await expectRows(
    () =>
      questdb.sql(
        `SELECT endpoint, sum(count), sum(error_count) FROM performance_metrics
         WHERE service = 'statements' AND metric_type = 'DATABASE_QUERY_TIME' ORDER BY endpoint`,
      ),
    [
      ['BEGIN', 1, 0],
      ['COMMIT', 1, 0],
      ['CONNECT', 2, 2],
      ['COPY lines FROM STDIN', 1, 0],
      ['COPY lines TO STDOUT', 1, 0],
      ['CREATE TABLE IF NOT EXISTS lines(id int, text text)', 1, 0],
      ['DROP TABLE lines', 1, 0],
      ['ROLLBACK', 1, 0],
      ['SELECT ? / (id - ?) FROM lines', 1, 1],
      ['SELECT id FROM lines', 1, 0],
      ['SELECT id, text FROM lines', 1, 0],
      ['SELECT text FROM lines WHERE id = ?', 3, 0],
    ],
  );
});

it('stores failed connections as errors without credentials', async () => {
  await expectRows(
    () =>
      questdb.sql(
        `SELECT kind, error_type, endpoint, message, context, sum(count) FROM error_logs
         WHERE service = 'statements'`,
      ),
    [
      [
        'database',
        'ECONNREFUSED',
        'CONNECT',
        'connect ECONNREFUSED 127.0.0.1:1',
        '{"server":"127.0.0.1:1/eve"}',
        2,
      ],
    ],
  );
});

it('counts each statement of a multi-statement query, as PostgreSQL does', async () => {
  const app = start('test/apps/multi-statement-query.cjs', 'several');
  expect(await app.exited).toBe(0);
  expect(app.output).toContain('SELECT 2, SELECT 2');
  const statements = await databases.sql(
    "SELECT query, calls::int FROM pg_stat_statements WHERE query LIKE '%several%'",
  );
  const expectedCounts = statements
    .map(({ query, calls }) => [
      fingerprintSql(String(query).replace(/\$\d+/g, '1'), 'postgresql').text,
      calls,
    ])
    .sort();
  expect(expectedCounts).toHaveLength(6);
  const rows = (columns: string, rest: string) => () =>
    questdb.sql(`SELECT ${columns} FROM performance_metrics
      WHERE service = 'several' AND metric_type = 'DATABASE_QUERY_TIME' ${rest}`);
  await expectRows(
    async () => (await rows('endpoint, sum(count)', 'AND error_count = 0')()).sort(),
    expectedCounts,
  );
  await expectRows(rows('endpoint, sum(count)', 'AND error_count > 0 ORDER BY endpoint'), [
    ['SELECT ? / (id - ?) FROM several', 1],
    ['SELECT id FROM several; SELEC text FROM several', 1],
  ]);
  // The durations of the four statements in the first query add up to its duration of over 200 ms.
  const [[totalMs] = []] = await rows('sum(sum)', 'AND error_count = 0')();
  expect(totalMs).toBeGreaterThan(200);
});

it('records flows, delayed jobs, priorities, schedulers, retries, and stalled jobs', async () => {
  const hanging = start('test/apps/jobs.mjs', 'hanging', ['hang']);
  await waitFor(async () => hanging.output.includes('hanging'));
  await hanging.stop('SIGKILL');
  const app = start('test/apps/jobs.mjs', 'jobs');
  expect(await app.exited).toBe(0);
  const rows = (columns: string, rest: string) => () =>
    questdb.sql(`SELECT ${columns} FROM queue_metrics WHERE service = 'jobs' ${rest}`);
  const countByStatus = (queue: string) =>
    rows(
      'job_type, status, count(), count_distinct(job_id)',
      `AND queue_name = '${queue}' AND job_type <> 'again' ORDER BY job_type, status`,
    );
  await expectRows(countByStatus('kinds'), [
    ['breaks', 'active', 2, 1],
    ['breaks', 'delayed', 1, 1],
    ['breaks', 'failed', 1, 1],
    ['breaks', 'waiting', 1, 1],
    ['child', 'active', 2, 2],
    ['child', 'completed', 2, 2],
    ['child', 'waiting', 2, 2],
    ['delayed', 'active', 1, 1],
    ['delayed', 'completed', 1, 1],
    ['delayed', 'delayed', 1, 1],
    ['delayed', 'waiting', 1, 1],
    ['first', 'active', 1, 1],
    ['first', 'completed', 1, 1],
    ['first', 'prioritized', 1, 1],
  ]);
  await expectRows(countByStatus('parents'), [
    ['parent', 'active', 1, 1],
    ['parent', 'completed', 1, 1],
    ['parent', 'waiting', 1, 1],
    ['parent', 'waiting-children', 1, 1],
  ]);
  await expectRows(
    rows('status, count()', "AND job_type = 'again' AND status = 'completed' ORDER BY status"),
    [['completed', 3]],
  );
  await expectRows(
    rows(
      'status, count()',
      "AND queue_name = 'hangs' AND status IN ('stalled', 'completed') ORDER BY status",
    ),
    [
      ['completed', 1],
      ['stalled', 1],
    ],
  );
  await expectRows(rows('DISTINCT organization_id', "AND job_type IN ('child', 'parent')"), [
    ['flow'],
  ]);
  const [[waited] = []] = await rows(
    'wait_time',
    "AND job_type = 'delayed' AND status = 'completed'",
  )();
  // The wait time of a delayed job starts when the job is due, as in BullMQ.
  expect(`waited ${waited} ms`).toBe(/waited \d+ ms/.exec(app.output)?.[0]);
  await expectRows(
    () =>
      questdb.sql(
        `SELECT name, operation, sum(count), sum(sum) FROM performance_metrics
         WHERE service = 'jobs' AND endpoint = 'own' ORDER BY name`,
      ),
    [
      ['messaging.process.duration', 'print', 1, 40],
      ['perfscope.queue.wait.duration', 'print', 1, 10],
    ],
  );
});
