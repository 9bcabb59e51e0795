import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { PerfscopeClient } from '../../../../src/client/perfscope-client.ts';
import { HOUR_MS, MINUTE_MS } from '../../../../src/core/duration.ts';
import { OWN_SERVICE_NAME } from '../../../../src/core/own-service.ts';
import type { PerformanceMetricType } from '../../../../src/core/schema/enums.ts';
import { createOrganizationScope, UNRESTRICTED_SCOPE } from '../../../../src/core/tenant-scope.ts';
import { ENDPOINTS } from '../../../../src/server/api/endpoint-registry.ts';
import { TestApiServer } from '../../../support/api-server.ts';
import { waitForRollups } from '../../../support/wait-for-rollups.ts';

const api = new TestApiServer();
/** End of the range, within a minute that the roll-ups don't contain. */
const TO = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS - 20_000;
const range = { from: TO - 7 * HOUR_MS - 90_000, to: TO };
const RANGE_SQL = `timestamp >= ${range.from * 1000} AND timestamp < ${range.to * 1000}`;
const TENANTS = ['anna', 'bert'];
let client: PerfscopeClient;

const DIMENSIONS = [
  ['service', 'service'],
  ['version', 'service_version'],
  ['environment', 'environment'],
  ['instance', 'instance'],
  ['endpoint', 'endpoint'],
  ['operation', 'operation'],
  ['organizationId', 'organization_id'],
  ['propertyId', 'property_id'],
] as const;

beforeAll(async () => {
  await api.start();
  client = new PerfscopeClient({ url: api.url });
  const { add } = api.dependencies;
  for (let i = 0; i < 90; i++) {
    const tenant = TENANTS[i % 2] ?? '';
    const common = {
      timestamp: range.from + (i / 90) * (range.to - range.from),
      organizationId: tenant,
      propertyId: `${tenant}-${i % 3}`,
      service: `${tenant}-shop-${i % 4}`,
      serviceVersion: `1.${i % 5}.0`,
      environment: i % 7 === 0 ? undefined : 'prod',
      instance: `host-${i % 6}`,
      test: i % 30 === 29,
    };
    const types: PerformanceMetricType[] = ['API_RESPONSE_TIME', 'OUTGOING_REQUEST_TIME'];
    for (const metricType of types) {
      const endpoint = i % 9 === 0 ? undefined : `/${tenant}/Room-${i % 8}`;
      const values = { endpoint, operation: i % 2 ? 'GET' : 'POST', count: 1 + (i % 5), sum: 5 };
      const row = { ...common, ...values, id: `${metricType}${i}`, metricType, name: metricType };
      add('performance_metrics', [{ ...row, unit: 'ms', value: 5 }]);
    }
    const depth = { endpoint: `${tenant}-depth-${i % 3}`, operation: 'waiting', value: i };
    add('performance_metrics', [
      { ...common, ...depth, id: `d${i}`, metricType: 'QUEUE_DEPTH', name: 'depth', unit: '{job}' },
    ]);
    const job = { queueName: `${tenant}-jobs-${i % 2}`, jobId: `${i}`, jobType: 'send' };
    add('queue_metrics', [{ ...common, ...job, id: `j${i}`, status: 'completed' }]);
  }
  const sample = { id: 'sample', metricType: 'API_RESPONSE_TIME', name: 'sample', unit: 'ms' };
  const at = { timestamp: TO - HOUR_MS, test: false };
  add('performance_metrics', [
    { ...at, ...sample, count: 0, value: 1, endpoint: '/sample' },
    {
      ...at,
      ...{ id: 'own', metricType: 'API_RESPONSE_TIME', name: 'own', unit: 'ms', count: 9 },
      ...{ endpoint: '/own', service: OWN_SERVICE_NAME },
    },
  ]);
  await api.waitUntilStored();
  await waitForRollups(api.questdb);
});
afterAll(() => api.remove());
beforeEach(() => {
  api.scope = UNRESTRICTED_SCOPE;
  api.role = 'ADMIN';
});

/** Returns values as the endpoint does, from a statement that selects names and counts. */
async function selectCounts(statement: string) {
  const rows = (await api.questdb.sql(statement)) as [string, number][];
  return rows
    .map(([value, count]) => ({ value, count: Number(count) }))
    .sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1));
}

it.each(DIMENSIONS)('lists the values of %s as SQL does', async (dimension, column) => {
  for (const [parameters, condition] of [
    [{}, '1 = 1'],
    [{ metricType: 'OUTGOING_REQUEST_TIME' }, "metric_type = 'OUTGOING_REQUEST_TIME'"],
    [{ service: ['anna-shop-0', 'bert-shop-1'] }, "service IN ('anna-shop-0', 'bert-shop-1')"],
    [{ organizationId: ['anna'] }, "organization_id = 'anna'"],
  ] as const) {
    const answer = await client.get('values', {
      ...range,
      dimension,
      limit: 1000,
      ...structuredClone(parameters as object),
    });
    const isOwn = dimension === 'service' ? '' : `AND service != '${OWN_SERVICE_NAME}'`;
    const expected = await selectCounts(
      `SELECT ${column}, sum(coalesce(count, 1)) FROM performance_metrics WHERE ${RANGE_SQL}
        AND coalesce(count, 1) > 0 AND test = false AND ${column} IS NOT NULL AND ${condition}
        ${isOwn} GROUP BY ${column}`,
    );
    expect(answer).toMatchObject({ from: new Date(range.from).toISOString(), dimension });
    expect(answer.values).toEqual(expected);
    expect(expected.length).toBeGreaterThan(0);
  }
});

it('lists queues that have only jobs or only a depth', async () => {
  const { values } = await client.get('values', { ...range, dimension: 'queue' });
  const counts = await selectCounts(
    `SELECT queue, sum(n) FROM (
      SELECT endpoint AS queue, count() AS n FROM performance_metrics
        WHERE ${RANGE_SQL} AND test = false AND metric_type = 'QUEUE_DEPTH' GROUP BY queue
      UNION ALL SELECT queue_name AS queue, count() AS n FROM queue_metrics
        WHERE ${RANGE_SQL} AND test = false GROUP BY queue) GROUP BY queue`,
  );
  expect(values).toEqual(counts);
  const { queues } = await client.get('queues', range);
  expect(values.map(({ value }) => value).sort()).toEqual(queues.map(({ queue }) => queue).sort());
  const depths = await client.get('values', {
    ...range,
    dimension: 'queue',
    metricType: 'QUEUE_DEPTH',
  });
  expect(depths.values.every(({ value }) => value.includes('-depth-'))).toBe(true);
  const others = await client.get('values', {
    ...range,
    dimension: 'queue',
    metricType: 'API_RESPONSE_TIME',
  });
  expect(others.values).toEqual([]);
});

it("finds text in upper and lower case, and excludes request samples and the server's own requests", async () => {
  const query = { ...range, dimension: 'endpoint' } as const;
  const { values } = await client.get('values', { ...query, search: 'ANNA/room' });
  expect(values.length).toBeGreaterThan(3);
  expect(values.every(({ value }) => value.startsWith('/anna/Room-'))).toBe(true);
  const limited = await client.get('values', { ...query, search: 'ANNA/room', limit: 2 });
  expect(limited.values).toEqual(values.slice(0, 2));
  expect((await client.get('values', { ...query, search: '%' })).values).toEqual([]);
  const all = (await client.get('values', { ...query, limit: 1000 })).values;
  expect(all.filter(({ value }) => ['/sample', '/own'].includes(value))).toEqual([]);
  const own = await client.get('values', { ...query, service: [OWN_SERVICE_NAME] });
  expect(own.values).toEqual([{ value: '/own', count: 9 }]);
  const tests = await client.get('values', { ...query, includeTest: true, limit: 1000 });
  const sum = (list: typeof all) => list.reduce((total, { count }) => total + count, 0);
  expect(sum(tests.values)).toBeGreaterThan(sum(all));
});

it('shows tenants only their own values, and no hosts', async () => {
  api.scope = createOrganizationScope('anna', ['anna-1']);
  for (const dimension of ENDPOINTS.values.query.shape.dimension.unwrap().options) {
    const response = client.get('values', { ...range, dimension });
    if (dimension === 'instance') {
      await expect(response).rejects.toMatchObject({ status: 403, code: 'PS_FORBIDDEN' });
    } else {
      const { values } = await response;
      expect(values.length).toBeGreaterThan(0);
      expect(JSON.stringify(values)).not.toMatch(/bert|anna-[02]"/);
    }
  }
});
