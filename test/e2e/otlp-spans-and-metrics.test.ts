// A service sends the same requests as spans and as metrics. Spans arrive first, because they are exported more often.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { HOUR_MS, MINUTE_MS } from '../../src/core/duration.ts';
import { ROLLUP_DEFINITIONS } from '../../src/core/schema/rollup-definitions.ts';
import { formatRollupName } from '../../src/core/schema/rollup-names.ts';
import { expectRows } from '../support/expect-rows.ts';
import { PerfscopeServer } from '../support/perfscope-server.ts';
import { createHistogram, encodeMetrics, sendOtlp } from '../support/send-otlp.ts';
import { waitFor } from '../support/wait-for.ts';
import { waitForRollups } from '../support/wait-for-rollups.ts';

const RULES = `interval: 2s
rules:
  - name: requests
    measure: { type: API_RESPONSE_TIME, aggregate: count, groupBy: [service], window: 30m }
    thresholds: { warning: 1 }
  - name: slow
    measure: { type: API_RESPONSE_TIME, aggregate: p95, groupBy: [service], window: 30m }
    thresholds: { warning: 1 }
  - name: failed
    measure: { type: API_RESPONSE_TIME, aggregate: error_ratio, groupBy: [service], window: 30m }
    thresholds: { warning: 1 }
`;
const ROUTE = '/rooms/{id}';
/** Different from the values of the metric, so that any remaining part of the spans is visible. */
const SPANS = { count: 6, ms: 4000 };
/** Two series: 9 requests of up to 100 ms, and a failed request of up to 100 ms. */
const METRIC = { count: 10, sum: 500, errorCount: 1, maxMs: 100 };

/** Roll-ups of all units. */
const ROLLUPS = ROLLUP_DEFINITIONS.slice(0, 2).flatMap((definition) =>
  definition.units.map((unit) => formatRollupName(definition, unit)),
);

const server = new PerfscopeServer();
/** A whole minute, so that the metric's interval is in one roll-up interval. */
const nowMs = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS;

beforeAll(async () => {
  const rules = join(server.folder, 'rules.yaml');
  writeFileSync(rules, RULES);
  server.env.PERFORMANCE_RULES_FILE = rules;
  await server.start();
});
afterAll(() => server.remove());

/** Sends failed requests that ended before `endMs`. */
async function sendSpans(service: string, endMs: number): Promise<void> {
  const attributes = Object.entries({ 'http.request.method': 'GET', 'http.route': ROUTE }).map(
    ([key, stringValue]) => ({ key, value: { stringValue } }),
  );
  const spans = Array.from({ length: SPANS.count }, (_, i) => ({
    ...{ name: `GET ${ROUTE}`, kind: 2, status: { code: 2 } },
    traceId: (i + 1).toString(16).padStart(32, '0'),
    spanId: (i + 1).toString(16).padStart(16, '0'),
    startTimeUnixNano: `${endMs - 1000 * i - SPANS.ms}000000`,
    endTimeUnixNano: `${endMs - 1000 * i}000000`,
    attributes: [...attributes, { key: 'http.response.status_code', value: { intValue: '500' } }],
  }));
  const resource = {
    attributes: [
      { key: 'service.name', value: { stringValue: service } },
      { key: 'service.instance.id', value: { stringValue: 'test-1' } },
    ],
  };
  const data = { resourceSpans: [{ resource, scopeSpans: [{ spans }] }] };
  expect(await sendOtlp(server.url, data, { path: '/v1/traces' })).toMatchObject({ status: 200 });
}

/** Sends the first metric of the same process. Its interval ends at `endMs`. */
function sendMetric(service: string, endMs: number) {
  const createPoint = (count: number, status: number) => ({
    attributes: {
      'http.request.method': 'GET',
      'http.route': ROUTE,
      'http.response.status_code': status,
    },
    ...{ startTimeMs: endMs - MINUTE_MS, timeMs: endMs, count, sum: count * 0.05, max: 0.1 },
    bucketCounts: [count, 0, 0],
  });
  return sendOtlp(
    server.url,
    encodeMetrics(
      { 'service.name': service },
      createHistogram('http.server.request.duration', [createPoint(9, 200), createPoint(1, 500)]),
    ),
  );
}

const expectCounts = (table: string, service: string, count: number, errorCount: number) =>
  expectRows(
    () =>
      server.sql(
        `SELECT sum(count), sum(error_count) FROM ${table} WHERE service = '${service}' AND name = 'http.server.request.duration'`,
      ),
    [[count, errorCount]],
  );

/** Returns the totals of a service, as the API shows them. */
async function getTotals(service: string, endMs: number) {
  const range = new URLSearchParams({
    from: new Date(endMs - MINUTE_MS).toISOString(),
    to: new Date(endMs + MINUTE_MS).toISOString(),
  });
  const byService = await server.get(`/api/performance/endpoints?${range}&groupBy=service`);
  const services = byService.endpoints as { group: { service: string }; count: number }[];
  // Blank rows have no service.
  expect(services.filter(({ group }) => !group.service)).toEqual([]);
  const routes = await server.get(`/api/performance/endpoints?${range}&service=${service}`);
  const trends = await server.get(
    `/api/performance/trends?${range}&service=${service}&aggregate=count&aggregate=p95&step=1h`,
  );
  return { service: services.find(({ group }) => group.service === service), routes, trends };
}

function expectOnlyMetric({ service, routes, trends }: Awaited<ReturnType<typeof getTotals>>) {
  const expected = { count: METRIC.count, errorRate: 10, count2xx: 9, count5xx: 1 };
  const limited = { ...expected, average: METRIC.sum / METRIC.count, max: METRIC.maxMs };
  expect(service).toMatchObject(limited);
  expect((service as unknown as { p99: number }).p99).toBeLessThanOrEqual(METRIC.maxMs);
  expect(routes.endpoints).toMatchObject([{ group: { endpoint: ROUTE }, ...limited }]);
  expect(JSON.stringify(trends)).toContain(`"count":${METRIC.count},`);
}

const listAlertValues = async (service: string) => {
  const { alerts } = await server.get('/api/performance/alerts');
  return Object.fromEntries(
    (alerts as { rule: string; value: number; labels: { service?: string } }[])
      .filter(({ labels }) => labels.service === service)
      .map(({ rule, value }) => [rule, value]),
  );
};

it('requests are counted once in rows, roll-ups, the API, and alerts', async () => {
  const processes = [
    { service: 'recent', endMs: nowMs - MINUTE_MS },
    // The API reads these from roll-ups.
    { service: 'older', endMs: nowMs - 5 * HOUR_MS },
  ];
  for (const { service, endMs } of processes) await sendSpans(service, endMs - 10_000);
  for (const { service } of processes) {
    await expectCounts('metric_buckets', service, SPANS.count, SPANS.count);
  }
  await waitForRollups(server);
  for (const { service, endMs } of processes) {
    expect((await getTotals(service, endMs)).service).toMatchObject({
      ...{ count: SPANS.count, errorRate: 100, max: SPANS.ms },
    });
  }
  await waitFor(async () => (await listAlertValues('recent')).requests === SPANS.count);
  for (const { service, endMs } of processes) {
    expect(await sendMetric(service, endMs)).toMatchObject({ status: 200 });
  }
  const tables = ['performance_metrics', 'metric_buckets'];
  for (const { service } of processes) {
    for (const table of tables) {
      await expectCounts(table, service, METRIC.count, METRIC.errorCount);
    }
  }
  await waitForRollups(server);
  for (const { service, endMs } of processes) {
    for (const table of ROLLUPS) {
      await expectCounts(table, service, METRIC.count, METRIC.errorCount);
    }
    expectOnlyMetric(await getTotals(service, endMs));
  }
  await waitFor(async () => {
    const { requests, failed, slow } = await listAlertValues('recent');
    return requests === METRIC.count && failed === 10 && slow! <= METRIC.maxMs;
  });
});

it('requests are counted once if the server is killed between spans and metrics', async () => {
  const endMs = nowMs - MINUTE_MS;
  await sendSpans('killed', endMs - 10_000);
  await server.stop('SIGKILL');
  await server.start();
  await waitFor(async () => (await sendMetric('killed', endMs)).status === 200);
  // The rows of the killed server are sent first, and later again if the server repeats them.
  await expectRows(
    () => server.sql(`SELECT count() FROM error_logs WHERE service = 'killed'`),
    [[1]],
  );
  for (const table of ['performance_metrics', 'metric_buckets']) {
    await expectCounts(table, 'killed', METRIC.count, METRIC.errorCount);
  }
});
