import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { PerfscopeClient } from '../../../../src/client/perfscope-client.ts';
import { HOUR_MS, MINUTE_MS } from '../../../../src/core/duration.ts';
import { OWN_SERVICE_NAME } from '../../../../src/core/own-service.ts';
import { createOrganizationScope, UNRESTRICTED_SCOPE } from '../../../../src/core/tenant-scope.ts';
import { TestApiServer } from '../../../support/api-server.ts';
import { waitForRollups } from '../../../support/wait-for-rollups.ts';

const api = new TestApiServer();
const TO = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS - 20_000;
const range = { from: TO - 5 * HOUR_MS - 90_000, to: TO };
let client: PerfscopeClient;

const KINDS = [
  { metricType: 'API_RESPONSE_TIME', name: 'http.server.request.duration', unit: 'ms' },
  { metricType: 'CUSTOM', name: 'shop.orders', unit: '{order}' },
  { metricType: 'CUSTOM', name: 'shop.orders', unit: 'EUR' },
  { metricType: 'CUSTOM', name: 'shop', unit: undefined },
  { metricType: 'HEAP_USAGE', name: 'v8js.memory.heap.used', unit: 'By' },
] as const;

beforeAll(async () => {
  await api.start();
  client = new PerfscopeClient({ url: api.url });
  const { add } = api.dependencies;
  for (let i = 0; i < 100; i++) {
    const tenant = i % 2 ? 'anna' : 'bert';
    for (const kind of KINDS) {
      const isGauge = kind.metricType === 'HEAP_USAGE';
      add('performance_metrics', [
        {
          ...{ ...kind, id: `${kind.name} ${kind.unit} ${i}`, value: i, test: i % 25 === 24 },
          ...(!isGauge && { count: 1 + (i % 3), sum: i }),
          ...{ organizationId: tenant, service: `${tenant}-${i % (isGauge ? 60 : 6)}` },
          timestamp: range.from + (i / 100) * (range.to - range.from),
        },
      ]);
    }
  }
  const at = { timestamp: TO - HOUR_MS, test: false, unit: 'ms', value: 1 };
  const request = { metricType: 'API_RESPONSE_TIME', service: 'anna-1', name: 'sample' } as const;
  add('performance_metrics', [
    { ...at, ...request, id: 'sample', count: 0 },
    { ...at, ...request, id: 'own', name: 'own', service: OWN_SERVICE_NAME, count: 1 },
  ]);
  await api.waitUntilStored();
  await waitForRollups(api.questdb);
});
afterAll(() => api.remove());
beforeEach(() => {
  api.scope = UNRESTRICTED_SCOPE;
});

async function selectMetrics(condition = '1 = 1') {
  const rows = await api.questdb.sql(
    `SELECT metric_type, name, unit, sum(coalesce(count, 1)), max(timestamp)
      FROM performance_metrics WHERE timestamp >= ${range.from * 1000}
      AND timestamp < ${range.to * 1000} AND coalesce(count, 1) > 0 AND test = false
      AND (service != '${OWN_SERVICE_NAME}' OR metric_type != 'API_RESPONSE_TIME') AND ${condition}
      GROUP BY metric_type, name, unit ORDER BY metric_type, name, unit`,
  );
  return rows.map(([metricType, name, unit, count, lastSeen]) => ({
    ...{ metricType, name, count: Number(count) },
    ...(unit !== null && { unit }),
    lastSeen: new Date(String(lastSeen)).toISOString(),
  }));
}

it.each([
  ['no filter', {}, '1 = 1', 5],
  ['a service', { service: ['anna-1'] }, "service = 'anna-1'", 5],
  ['metric types', { metricType: ['CUSTOM'] }, "metric_type = 'CUSTOM'", 3],
  ['a tenant', { organizationId: ['bert'] }, "organization_id = 'bert'", 5],
])('lists the metrics as SQL does, with %s', async (_, query, condition, count) => {
  const answer = await client.get('catalog', { ...range, ...(query as object) });
  const expected = await selectMetrics(condition);
  expect(expected).toHaveLength(count);
  expect(answer.metrics.map(({ services: __, ...metric }) => metric)).toEqual(expected);
  expect(answer.nextCursor).toBeUndefined();
});

it('lists at most 20 services, most measurements first', async () => {
  const { metrics } = await client.get('catalog', range);
  const heap = metrics.find(({ metricType }) => metricType === 'HEAP_USAGE');
  expect(heap?.services).toHaveLength(20);
  const [requests] = metrics;
  const rows = await api.questdb.sql(
    `SELECT service, sum(count) AS n FROM performance_metrics WHERE metric_type = 'API_RESPONSE_TIME'
      AND test = false AND service != '${OWN_SERVICE_NAME}' AND count > 0 GROUP BY service`,
  );
  const counts = new Map(rows.map(([service, count]) => [service, Number(count)]));
  expect(requests?.services.toSorted()).toEqual([...counts.keys()].sort());
  const ordered = (requests?.services ?? []).map((service) => counts.get(service) ?? 0);
  expect(ordered).toEqual(ordered.toSorted((a, b) => b - a));
});

it('sends pages in the same order', async () => {
  const { metrics } = await client.get('catalog', { ...range, includeTest: true });
  const paged: unknown[] = [];
  for await (const page of client.pages('catalog', { ...range, includeTest: true, limit: 1 })) {
    paged.push(...page.metrics);
  }
  expect(paged).toEqual(metrics);
});

it("shows tenants only their own metrics, and the server's requests only with its service", async () => {
  const own = await client.get('catalog', { ...range, service: [OWN_SERVICE_NAME] });
  expect(own.metrics).toMatchObject([{ name: 'own', services: [OWN_SERVICE_NAME] }]);
  api.scope = createOrganizationScope('anna');
  const { metrics } = await client.get('catalog', range);
  expect(metrics.map(({ services: _, ...metric }) => metric)).toEqual(
    await selectMetrics("organization_id = 'anna'"),
  );
  expect(JSON.stringify(metrics)).not.toContain('bert');
});
