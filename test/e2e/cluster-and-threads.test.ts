import { Queue } from 'bullmq';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { expectRows } from '../support/expect-rows.ts';
import { InstrumentedApp } from '../support/instrumented-app.ts';
import { PostgresAndRedis } from '../support/postgres-and-redis.ts';
import { QuestdbWithSpoolSender } from '../support/questdb-with-spool-sender.ts';
import { sendRequests } from '../support/send-requests.ts';
import { waitFor } from '../support/wait-for.ts';

const questdb = new QuestdbWithSpoolSender();
const databases = new PostgresAndRedis();
beforeAll(() => Promise.all([questdb.start(), databases.start()]));
afterAll(() => Promise.all([questdb.remove(), databases.remove()]));

function start(script: string, env: NodeJS.ProcessEnv = {}): InstrumentedApp {
  return new InstrumentedApp(script, {
    env: {
      ...questdb.serviceEnv,
      ...databases.env,
      PERFORMANCE_FLUSH_INTERVAL: '300',
      PERFORMANCE_ORGANIZATION_HEADER: 'x-org',
      ...env,
    },
  });
}

it('reports the same queue depths as Redis, and resumes after a Redis outage', async () => {
  const app = start('test/apps/booking-esm.mjs', { OTEL_SERVICE_NAME: 'polls' });
  const base = await app.url();
  await fetch(`${base}/pause`, { method: 'POST' });
  const { hostname: host, port } = new URL(databases.redis.url);
  const queue = new Queue('mails', { connection: { host, port: Number(port) } });
  const oldest = await queue.add('waits', {});
  const laterJobs = await queue.addBulk([
    { name: 'waits', data: {} },
    { name: 'waits', data: {}, opts: { lifo: true } },
    { name: 'first', data: {}, opts: { priority: 5 } },
    { name: 'later', data: {}, opts: { delay: 3_600_000 } },
  ]);
  const readDepths = (since = '1970-01-01') =>
    questdb.sql(
      `SELECT operation, last(value) FROM performance_metrics WHERE service = 'polls'
       AND name = 'perfscope.queue.depth' AND timestamp > '${since}' ORDER BY operation`,
    );
  const expectedDepths = [
    ['active', 0],
    ['delayed', 1],
    ['failed', 0],
    ['paused', 0],
    ['prioritized', 1],
    ['waiting', 3],
    ['waiting-children', 0],
  ];
  await expectRows(() => readDepths(), expectedDepths);
  const counts = await queue.getJobCounts('waiting', 'delayed', 'prioritized');
  expect(counts).toEqual({ waiting: 3, delayed: 1, prioritized: 1 });
  const ages = await waitFor(async () => {
    const rows = await questdb.sql(
      `SELECT value, datediff('T', '1970-01-01', timestamp) FROM performance_metrics
       WHERE service = 'polls' AND name = 'perfscope.queue.oldest.age' AND value > 0`,
    );
    return rows.some(([age]) => Number(age) > 1000) && rows;
  });
  const readMs = Date.now();
  // The agent computes the age after the start of the collection, which is the row's timestamp. It looks only at the
  // ends of the list of waiting jobs, so the oldest job that it finds can be a later one.
  const latestMs = Math.max(...laterJobs.map(({ timestamp }) => timestamp));
  for (const [age, collectionMs] of ages) {
    expect(Number(age)).toBeGreaterThanOrEqual(Number(collectionMs) - latestMs);
    expect(Number(age)).toBeLessThanOrEqual(readMs - oldest.timestamp);
  }
  await queue.close();

  await databases.redis.kill();
  await waitFor(async () => /queue mails is unreachable/.test(app.output));
  const outageStart = new Date().toISOString();
  await databases.redis.start();
  await waitFor(async () => /mails is reachable again/.test(app.output));
  await waitFor(async () => (await readDepths(outageStart)).length > 0);
  expect(app.output.match(/perfscope: The server of queue/g)).toHaveLength(2);
  await app.stop();
});

it('counts failed queries, and resumes after a PostgreSQL outage', async () => {
  const app = start('test/apps/booking-cjs.cjs', { OTEL_SERVICE_NAME: 'database-away' });
  const base = await app.url();
  await sendRequests(`${base}/broken`, 10);
  await databases.postgres.kill();
  await sendRequests(`${base}/broken`, 10);
  await databases.postgres.start();
  await waitFor(async () => (await fetch(`${base}/rooms/7`)).ok);
  await app.stop();
  await expectRows(
    () =>
      questdb.sql(
        `SELECT sum(error_count) FROM performance_metrics WHERE service = 'database-away'
         AND metric_type = 'DATABASE_QUERY_TIME' AND endpoint = 'SELECT secret_column FROM rooms'`,
      ),
    [[10]],
  );
});

it('counts every request even if there are more tenants than the limit, and logs each problem once', async () => {
  const app = start('test/apps/many-tenants.mjs', { OTEL_SERVICE_NAME: 'many' });
  const base = await app.url();
  const tenants = 4000;
  for (let from = 0; from < tenants; from += 100) {
    await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        fetch(base, { headers: { 'x-org': `org-${from + i}` } }),
      ),
    );
  }
  await sendRequests(base, 20, { headers: { 'x-org': 'y'.repeat(4000) } });
  await app.stop();
  const count = (columns: string) => () =>
    questdb.sql(`SELECT ${columns} FROM performance_metrics WHERE service = 'many'
      AND metric_type = 'API_RESPONSE_TIME'`);
  await expectRows(count('sum(count), count_distinct(organization_id)'), [[tenants + 20, 1900]]);
  await expectRows(
    () => questdb.sql("SELECT sum(sum) FROM performance_metrics WHERE name = 'many.count'"),
    [[tenants + 20]],
  );
  await expectRows(
    () =>
      questdb.sql(
        "SELECT sum(sum) FROM performance_metrics WHERE name = 'perfscope.tenant.refused'",
      ),
    [[20]],
  );
  expect(app.output.match(/totals stay exact/g)).toHaveLength(1);
  expect(app.output.match(/longer than 128 characters/g)).toHaveLength(1);
});

it('measures each worker thread and cluster worker as a separate instance', async () => {
  const app = start('test/apps/threads.mjs', { OTEL_SERVICE_NAME: 'threads' });
  expect(await app.exited).toBe(0);
  await expectRows(
    () =>
      questdb.sql(
        `SELECT count(), count_distinct(instance) FROM performance_metrics
         WHERE service = 'threads' AND name = 'threads'`,
      ),
    [[5 * 500, 5]],
  );
});
