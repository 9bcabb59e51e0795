import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodeBinary } from '../../scripts/node-versions.mjs';
import { expectRows } from '../support/expect-rows.ts';
import { InstrumentedApp } from '../support/instrumented-app.ts';
import { PackedInstall } from '../support/packed-install.ts';
import { PerfscopeServer } from '../support/perfscope-server.ts';
import { PostgresAndRedis } from '../support/postgres-and-redis.ts';
import { sendRequests } from '../support/send-requests.ts';
import { waitFor } from '../support/wait-for.ts';

const server = new PerfscopeServer({
  PERFORMANCE_ORGANIZATION_HEADER: 'X-Organization',
  PERFORMANCE_PROPERTY_HEADER: 'x-property',
});
const databases = new PostgresAndRedis();
beforeAll(() => Promise.all([server.start(), databases.start()]));
afterAll(() => Promise.all([server.remove(), databases.remove()]));

const CASES = ([22, 24, 26] as const).flatMap((node) =>
  ['booking-esm.mjs', 'booking-cjs.cjs'].map((script) => [node, script] as const),
);

describe.each([
  ['@perfscope/agent', 'express@4', 'bullmq@5', 'ioredis@5'],
  ['perfscope', 'express@5', 'bullmq@5', 'ioredis@5'],
  ['perfscope', 'express@4', 'bullmq@6', 'ioredis@5'],
  ['@perfscope/agent', 'express@5', 'bullmq@6', 'ioredis@5'],
])('%s with %s and %s', (name, ...packages) => {
  const install = new PackedInstall(name);
  beforeAll(() => install.install(...packages, 'pg@8'));
  afterAll(() => install.remove());

  const title = 'counts requests, statements, and jobs on Node %s for %s';
  const ciCases = CASES.filter(([node]) => isInCi(packages, node));
  const longCases = CASES.filter(([node]) => !isInCi(packages, node));
  it.concurrent.each(ciCases)(title, check);
  // Long: the oldest and the newest versions in CI cover the other combinations.
  it.concurrent.each(longCases)(title, { tags: 'long' }, check);

  async function check(node: number, script: string): Promise<void> {
    const service = `${packages.join(' ')} ${node} ${script}`;
    const env = {
      ...server.env,
      ...databases.env,
      OTEL_SERVICE_NAME: service,
      QUEUE_NAME: service.replaceAll(/\W/g, '-'),
    };
    const { folder: cwd, register } = install;
    const app = new InstrumentedApp(script, { env, cwd, register, node: nodeBinary(node) });
    const base = await app.url();
    const grand = { headers: { 'x-organization': 'Grand', 'x-property': 'lake "side"' } };
    const inn = { headers: { 'x-organization': 'Inn' } };
    await Promise.all([
      sendRequests(`${base}/rooms/7`, 40, grand),
      // A handler passes these requests to the route of the other requests.
      sendRequests(`${base}/old-rooms/7`, 30, inn),
      sendRequests(`${base}/direct`, 20),
      sendRequests(`${base}/broken`, 10, inn),
      sendRequests(`${base}/bookings`, 15, { method: 'POST', ...grand }),
      sendRequests(`${base}/bookings?fail=yes`, 5, { method: 'POST', ...inn }),
    ]);
    await waitFor(async () => {
      const counts = (await (await fetch(`${base}/counts`)).json()) as Record<string, number>;
      return counts.failed === 5 && counts.waiting === 0 && counts.active === 0;
    });
    await app.stop();

    const query = (text: string) => server.sql(text.replaceAll('$service', () => `'${service}'`));
    await expectRows(
      () => query(API),
      [
        ['/bookings', 'Grand', 'lake "side"', 15, 0],
        ['/bookings', 'Inn', null, 5, 0],
        ['/broken', 'Inn', null, 10, 10],
        ['/direct', null, null, 20, 0],
        ['/rooms/:id', 'Grand', 'lake "side"', 40, 0],
        ['/rooms/:id', 'Inn', null, 30, 0],
      ],
    );
    await expectRows(
      () => query(DATABASE),
      [
        ['BEGIN', '', 'Grand', 15, 0],
        ['BEGIN', '', 'Inn', 5, 0],
        ['COMMIT', '', 'Grand', 15, 0],
        ['COMMIT', '', 'Inn', 5, 0],
        ['INSERT', 'guests', 'Grand', 15, 0],
        ['INSERT', 'guests', 'Inn', 5, 0],
        ['SELECT', 'guests', 'Grand', 55, 0],
        ['SELECT', 'guests', 'Inn', 40, 0],
        ['SELECT', 'rooms', null, 20, 0],
        ['SELECT', 'rooms', 'Grand', 40, 0],
        ['SELECT', 'rooms', 'Inn', 40, 10],
      ],
    );
    await expectRows(
      () => query(JOBS),
      [
        ['active', 'Grand', 15, 15],
        ['active', 'Inn', 10, 5],
        ['completed', 'Grand', 15, 15],
        ['failed', 'Inn', 5, 5],
        ['waiting', 'Grand', 15, 15],
        ['waiting', 'Inn', 10, 5],
      ],
    );
    expect(await query(WRONG_TIMES)).toEqual([]);
    await expectRows(
      () => query(TIMES),
      [
        ['messaging.process.duration', 'Grand', 15, 0],
        ['messaging.process.duration', 'Inn', 10, 10],
        ['perfscope.queue.wait.duration', 'Grand', 15, 0],
        ['perfscope.queue.wait.duration', 'Inn', 10, 0],
      ],
    );
    const errorMessages = await query(
      "SELECT DISTINCT error_message FROM queue_metrics WHERE service = $service AND status = 'failed'",
    );
    expect(errorMessages).toEqual([['card [number] of [email]']]);
  }
});

/** Returns true for the oldest and the newest combination of versions. */
function isInCi([express, bullmq]: readonly string[], node: number): boolean {
  return node === 22
    ? express === 'express@4' && bullmq === 'bullmq@5'
    : node === 26 && express === 'express@5' && bullmq === 'bullmq@6';
}

const API = `SELECT endpoint, organization_id, property_id, sum(count), sum(error_count)
  FROM performance_metrics WHERE service = $service AND metric_type = 'API_RESPONSE_TIME'
  AND endpoint <> '/counts' ORDER BY endpoint, organization_id`;
const DATABASE = `SELECT operation, regexp_replace(tags, '.*"db.collection.name":"([^"]*)".*|.*', '$1') t,
  organization_id, sum(count), sum(error_count) FROM performance_metrics
  WHERE service = $service AND metric_type = 'DATABASE_QUERY_TIME' ORDER BY operation, t, organization_id`;
const JOBS = `SELECT status, organization_id, count(), count_distinct(job_id) FROM queue_metrics
  WHERE service = $service ORDER BY status, organization_id`;
const WRONG_TIMES = `SELECT * FROM queue_metrics WHERE service = $service AND status IN ('completed', 'failed')
  AND (created_at > started_at OR started_at > coalesce(completed_at, failed_at) OR wait_time IS NULL
       OR duration <> datediff('T', started_at, coalesce(completed_at, failed_at)))`;
const TIMES = `SELECT name, organization_id, sum(count), sum(error_count) FROM performance_metrics
  WHERE service = $service AND metric_type IN ('QUEUE_PROCESSING_TIME', 'QUEUE_WAIT_TIME')
  ORDER BY name, organization_id`;
