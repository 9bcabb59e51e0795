// Compares the rows of an agent with the rows that a server stores if it receives the agent's OTLP metrics.
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { metrics } from '@opentelemetry/api';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Agent } from '../../../../src/agent/agent.ts';
import { parseSettings } from '../../../../src/core/config/parse-settings.ts';
import { DEFAULT_TENANT_ATTRIBUTES } from '../../../../src/core/otel/mapping/tenant-attributes.ts';
import { MetricConverter } from '../../../../src/core/otel/rows/metrics-to-rows.ts';
import { CumulativeSeries } from '../../../../src/core/otel/series/cumulative-series.ts';
import { PerformanceMetricType } from '../../../../src/core/schema/enums.ts';
import type { MetricBucketRow } from '../../../../src/core/schema/tables/metric-buckets-table.ts';
import type { PerformanceMetricRow } from '../../../../src/core/schema/tables/performance-metrics-table.ts';
import { FakeQuestdb } from '../../../support/fake-questdb.ts';
import { listenOnFreePort } from '../../../support/listen-on-free-port.ts';
import { OtlpReceiver } from '../../../support/otlp-receiver.ts';

const log = { info: () => {}, warn: () => {}, error: () => {} };
const TENANT = { organizationId: 'acme', propertyId: 'hotel' };
const server = createServer((request, response) => {
  response.statusCode = Number(request.url?.slice(1));
  response.end();
});
let folder: string;
let questdb: FakeQuestdb;
let receiver: OtlpReceiver;
let agent: Agent;
let url: string;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'perfscope-round-trip-'));
  questdb = new FakeQuestdb();
  await questdb.start();
  receiver = await new OtlpReceiver().start();
  url = `http://127.0.0.1:${await listenOnFreePort(server)}`;
});
afterEach(async () => {
  await agent.shutdown(0);
  server.close();
  server.closeAllConnections();
  questdb.stop();
  receiver.stop();
  rmSync(folder, { recursive: true });
});

function startAgent(env: Record<string, string>): void {
  const { settings } = parseSettings({
    PERFORMANCE_QUESTDB_URL: questdb.url,
    PERFORMANCE_SPOOL_DIR: join(folder, 'spool'),
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_METRIC_EXPORT_INTERVAL: '3600000',
    ...env,
  });
  const resource = {
    service: 'orders',
    serviceVersion: '2',
    environment: 'test',
    instance: 'orders-1',
  };
  const discoveryFile = join(folder, 'server.json');
  agent = new Agent({
    config: { settings, problems: [], resource, host: 'h', discoveryFile, folder },
    log,
  });
  agent.instrument();
  agent.connect();
}

async function useApplication(): Promise<void> {
  const { recorder } = agent;
  for (const status of [200, 200, 302, 404, 503])
    await (await fetch(`${url}/${status}`, { redirect: 'manual' })).text();
  const job = { queueName: 'mails', jobId: '1', jobType: 'send', queueScope: 'q@r:1/0', ...TENANT };
  agent.recordJob({ ...job, status: 'completed', duration: 2500, waitTime: 40 });
  agent.recordJob(
    { ...job, jobId: '2', status: 'failed', duration: 10 },
    { error: new Error('x') },
  );
  for (const value of [1, 30, 700]) {
    const metricType = PerformanceMetricType.API_RESPONSE_TIME;
    recorder.recordMetric({ name: 'quote', metricType, value, endpoint: '/q', operation: 'GET' });
    const database = PerformanceMetricType.DATABASE_QUERY_TIME;
    recorder.recordMetric({
      name: 'find',
      metricType: database,
      value,
      endpoint: 'users',
      ...TENANT,
    });
    recorder.recordMetric({
      name: 'stars',
      value,
      unit: '{star}',
      endpoint: 'review',
      error: value > 100,
    });
  }
  const meter = metrics.getMeter('shop');
  meter.createCounter('orders', { unit: '{order}' }).add(3);
  meter.createHistogram('size', { unit: 'By' }).record(4000);
  meter.createHistogram('wait', { unit: 's' }).record(0.25);
}

const NAMES = [
  'find',
  'http.server.request.duration',
  'messaging.process.duration',
  'orders',
  'perfscope.queue.wait.duration',
  'quote',
  'size',
  'stars',
  'wait',
];
const SUMS = [
  'count',
  'errorCount',
  'sum',
  'count2xx',
  'count3xx',
  'count4xx',
  'count5xx',
] as const;
type Dimensions = Pick<
  PerformanceMetricRow,
  'metricType' | 'name' | 'endpoint' | 'operation' | 'queueScope' | 'organizationId' | 'propertyId'
> & { readonly service: string; readonly instance: string };

/** The agent's own endpoints are in this process, so only requests of the application count. */
function isOfApplication({ name, operation }: Dimensions): boolean {
  return name !== undefined && NAMES.includes(name) && operation !== 'POST';
}

function toKey(row: Dimensions): string {
  const { service, instance, metricType, name, endpoint, operation, queueScope } = row;
  const { organizationId, propertyId } = row;
  const tenant = [organizationId, propertyId];
  return [service, instance, metricType, name, endpoint, operation, queueScope, ...tenant].join(
    '|',
  );
}

/** Adds up rows by their dimensions. Sums are rounded, because numbers are added in another order. */
function toTotals(rows: readonly PerformanceMetricRow[], hasMinAndMax: boolean) {
  const groups = Object.groupBy(
    rows.filter((row) => isOfApplication(row as Dimensions)),
    (row) => toKey(row as Dimensions),
  );
  return Object.fromEntries(
    Object.entries(groups).map(([key, group = []]) => {
      const add = (column: (typeof SUMS)[number]) =>
        group.reduce((sum, row) => sum + (row[column] ?? 0), 0);
      const limits = hasMinAndMax && {
        min: Math.min(...group.map(({ min }) => min ?? 0)),
        max: Math.max(...group.map(({ max }) => max ?? 0)),
      };
      const sums = SUMS.map((column) => [column, Number(add(column).toFixed(6))] as const);
      return [key, { unit: group[0]?.unit, ...Object.fromEntries(sums), ...limits }];
    }),
  );
}

function toBuckets(rows: readonly MetricBucketRow[]) {
  const buckets: Record<string, number[]> = {};
  for (const row of rows.filter((each) => isOfApplication(each as Dimensions))) {
    const key = `${toKey(row as Dimensions)}|${row.bucketUpper?.toPrecision(10)}`;
    const [count = 0, errorCount = 0] = buckets[key] ?? [];
    buckets[key] = [count + (row.count ?? 0), errorCount + (row.errorCount ?? 0)];
  }
  return buckets;
}

/** Parses lines of the line protocol that contain no escaped characters other than spaces, commas, and `=`. */
function parseLines<R>(table: string): R[] {
  return questdb.lines
    .filter((line) => line.startsWith(`${table},`))
    .map((line) => {
      const [symbols = '', fields = ''] = line.match(/(?:\\.|"(?:\\.|[^"\\])*"|[^ \\"])+/g) ?? [];
      const pairs = `${symbols.slice(table.length)},${fields}`.matchAll(
        /([a-z_0-9]+)=("(?:\\.|[^"\\])*"|(?:\\.|[^,\\])*)/g,
      );
      return Object.fromEntries(
        [...pairs].map(([, name = '', value = '']) => {
          const key = name.replace(/_([a-z\d])/g, (_, letter: string) => letter.toUpperCase());
          const isText = symbols.includes(`,${name}=`);
          const number = Number(value.replace(/i$/, ''));
          return [key, isText || Number.isNaN(number) ? value.replace(/\\(.)/g, '$1') : number];
        }),
      ) as R;
    });
}

/** Returns the rows that a server stores for the received requests. */
function convertReceived() {
  const converter = new MetricConverter({
    tenantAttributes: DEFAULT_TENANT_ATTRIBUTES,
    retentionMs: 86_400_000,
    thresholds: { responseTimeWarning: 2000, responseTimeCritical: 5000, errorRate: 5 },
  });
  const series = new CumulativeSeries({ sinceMs: 0 });
  const result = { metrics: [] as PerformanceMetricRow[], buckets: [] as MetricBucketRow[] };
  for (const { resources } of receiver.requests) {
    const transaction = series.begin(Date.now());
    const converted = converter.convert(resources, { transaction, nowMs: Date.now() });
    transaction.commit();
    expect([...converted.rejected.keys()]).toEqual([]);
    result.metrics.push(...converted.metrics);
    result.buckets.push(...converted.buckets);
  }
  return result;
}

it.each(['delta', 'cumulative', 'lowmemory'])(
  'stores the same values as the agent with exponential histograms and %s temporality',
  async (temporality) => {
    startAgent({
      OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: temporality,
      OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION:
        'base2_exponential_bucket_histogram',
    });
    for (let i = 0; i < 2; i++) {
      await useApplication();
      await agent.flush();
    }
    const received = convertReceived();
    // A cumulative point has the minimum and the maximum since the start, not of the interval.
    const hasMinAndMax = temporality !== 'cumulative';
    const expected = toTotals(parseLines('performance_metrics'), hasMinAndMax);
    expect(Object.keys(expected).length).toBeGreaterThanOrEqual(NAMES.length);
    expect(toTotals(received.metrics, hasMinAndMax)).toEqual(expected);
    expect(toBuckets(received.buckets)).toEqual(toBuckets(parseLines('metric_buckets')));
  },
);

it('stores the same counts and sums as the agent with explicit histograms', async () => {
  startAgent({});
  await useApplication();
  await agent.flush();
  const totals = toTotals(convertReceived().metrics, false);
  expect(totals).toEqual(toTotals(parseLines('performance_metrics'), false));
});
