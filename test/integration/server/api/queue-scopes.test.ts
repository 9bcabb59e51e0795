import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { PerfscopeClient } from '../../../../src/client/perfscope-client.ts';
import { createOrganizationScope, UNRESTRICTED_SCOPE } from '../../../../src/core/tenant-scope.ts';
import { makeHistogram } from '../../../support/alert-fixtures.ts';
import { TestApiServer } from '../../../support/api-server.ts';

const MINUTE_MS = 60_000;
/** In the past, and 45 s after the start of a minute, so that this minute is evaluated. */
const NOW = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS - 15_000;
const RANGE = { from: NOW - 5 * MINUTE_MS, to: NOW };
const PROD = 'prod@redis.example:6379/0';
const STAGE = 'stage@redis.example:6379/0';
const resource = { service: 'mailer', instance: 'mailer-1', test: false };
const api = new TestApiServer();
let client: PerfscopeClient;

beforeAll(async () => {
  api.now = () => NOW;
  await api.start();
  client = new PerfscopeClient({ url: api.url });
  addGauge('QUEUE_DEPTH', 'perfscope.queue.depth', PROD, 150, 'waiting');
  addGauge('QUEUE_DEPTH', 'perfscope.queue.depth', STAGE, 0, 'waiting');
  addGauge('CUSTOM', 'perfscope.queue.workers', PROD, 0);
  addGauge('CUSTOM', 'perfscope.queue.workers', STAGE, 2);
  addGauge('QUEUE_DEPTH', 'perfscope.queue.depth', undefined, 7, 'waiting');
  for (let i = 0; i < 120; i++) addJob(i, 'waiting', {});
  for (let i = 0; i < 120; i++) addJob(i, 'completed', { duration: 100, waitTime: 5 });
  // A failed attempt of the first job. The job waits for its next attempt.
  addJob(0, 'waiting', { duration: 100, timestamp: NOW - 1000 });
  addService();
  await api.waitUntilStored();
});
afterAll(() => api.remove());
beforeEach(() => {
  api.scope = UNRESTRICTED_SCOPE;
  api.role = 'ADMIN';
});

function addGauge(
  metricType: string,
  name: string,
  queueScope: string | undefined,
  value: number,
  operation?: string,
): void {
  const timestamp = NOW - 5000;
  const id = `${name} ${queueScope}`;
  const row = { ...resource, timestamp, id, metricType, name, queueScope, value, operation };
  api.dependencies.add('performance_metrics', [{ ...row, endpoint: 'mail' }]);
}

function addJob(i: number, status: string, fields: object): void {
  const job = { queueName: 'mail', queueScope: STAGE, jobId: `${i}`, jobType: 'send', status };
  const id = `${status} ${i}`;
  const timestamp = NOW - 40_000;
  api.dependencies.add('queue_metrics', [
    { ...resource, ...job, organizationId: 'alpha', id, timestamp, ...fields },
  ]);
}

/** Adds an asynchronous service: its requests wait for 2 s each, but its event loop is mostly idle. */
function addService(): void {
  const { row } = makeHistogram(
    {
      ...resource,
      timestamp: NOW - 20_000,
      metricType: 'API_RESPONSE_TIME',
      endpoint: '/rooms',
      operation: 'GET',
    },
    { count: 2000, ms: 2000 },
  );
  api.dependencies.add('performance_metrics', [row]);
  api.dependencies.add('system_health', [
    {
      service: 'mailer',
      instance: 'mailer-1',
      timestamp: NOW - 20_000,
      id: 'health',
      eventLoopUtilization: 30,
    },
  ]);
}

it('lists queues with the same name separately', async () => {
  const { queues, series } = await client.get('queues', { ...RANGE, step: '5m' });
  expect(
    queues.map(({ queue, scope, depth, workers, completed }) => [
      ...[queue, scope, depth],
      ...[workers, completed],
    ]),
  ).toEqual([
    ['mail', undefined, 7, undefined, 0],
    ['mail', PROD, 150, 0, 0],
    ['mail', STAGE, 0, 2, 120],
  ]);
  expect(series?.map(({ scope, points }) => [scope, points[0]?.arrived])).toEqual([
    [undefined, 0],
    [PROD, 0],
    [STAGE, 120],
  ]);
  // No job of this queue ended, so its time to drain is unknown.
  expect(queues[1]).not.toHaveProperty('timeToDrain');
  for (const scope of ['stage', STAGE]) {
    const selected = await client.get('queues', { ...RANGE, scope: [scope] });
    expect(selected.queues.map((queue) => queue.scope)).toEqual([STAGE]);
  }
});

it('returns only the prefix to callers limited to a tenant', async () => {
  api.scope = createOrganizationScope('alpha');
  api.role = 'VIEWER';
  const { queues, tenants } = await client.get('queues', { ...RANGE, scope: ['stage'] });
  expect(queues).toMatchObject([{ queue: 'mail', scope: 'stage', completed: 120 }]);
  expect(tenants).toMatchObject([{ queue: 'mail', scope: 'stage', organizationId: 'alpha' }]);
  const dashboard = await client.get('dashboard', RANGE);
  expect(dashboard.queues).toMatchObject([{ queue: 'mail', scope: 'stage' }]);
  for (const query of [{ groupBy: ['queueScope' as const] }, { queueScope: [STAGE] }]) {
    await expect(client.get('trends', { ...RANGE, ...query })).rejects.toThrow(/can't view hosts/);
  }
});

it('recommends workers for each scope', async () => {
  const { recommendations } = await client.get('scaling', { queue: ['mail'] });
  expect(
    recommendations.map(({ name, scope, desired, current, backlog }) => [
      ...[name, scope, desired],
      ...[current, backlog],
    ]),
  ).toEqual([
    ['mail', undefined, 1, undefined, 7],
    ['mail', PROD, 1, 0, 150],
    ['mail', STAGE, 1, 2, 0],
  ]);
  const stage = await client.get('scaling', { scope: ['stage'] });
  expect(stage.recommendations.map(({ scope }) => scope)).toEqual([STAGE]);
});

it('recommends replicas by the utilization of the event loop', async () => {
  const { recommendations } = await client.get('scaling', { service: ['mailer'] });
  expect(recommendations).toMatchObject([{ kind: 'service', desired: 1, current: 1 }]);
  expect(recommendations[0]?.reason).toMatch(/keep 0\.3 event loops busy/);
});
