import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseSettings } from '../../../src/core/config/parse-settings.ts';
import { getExternalQuestdbTargets } from '../../../src/core/config/questdb-targets.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../src/core/duration.ts';
import {
  addToBucket,
  computeStoredBound,
  toBucketRows,
} from '../../../src/core/histogram/histogram-buckets.ts';
import { computePointId } from '../../../src/core/schema/row-ids.ts';
import type { AlertRow } from '../../../src/core/schema/tables/alerts-table.ts';
import type { ForecastRow } from '../../../src/core/schema/tables/forecasts-table.ts';
import type { MetricBandRow } from '../../../src/core/schema/tables/metric-bands-table.ts';
import type { ObjectiveRow } from '../../../src/core/schema/tables/objectives-table.ts';
import type { PerformanceMetricRow } from '../../../src/core/schema/tables/performance-metrics-table.ts';
import type { RuleDecisionRow } from '../../../src/core/schema/tables/rule-decisions-table.ts';
import { narrowScope, UNRESTRICTED_SCOPE } from '../../../src/core/tenant-scope.ts';
import { migrate } from '../../../src/storage/migrations/migrate.ts';
import { queryDatabaseStats } from '../../../src/storage/queries/database-stats.ts';
import { queryDistributionTotals } from '../../../src/storage/queries/operation-totals.ts';
import { queryOutgoingTotals } from '../../../src/storage/queries/outgoing-calls.ts';
import { queryQueueStats } from '../../../src/storage/queries/queue-stats.ts';
import { queryUptime } from '../../../src/storage/queries/uptime.ts';
import { QuestdbQueryClient } from '../../../src/storage/questdb/query-client.ts';
import {
  checkDashboards,
  DASHBOARD_QUERIES,
  expandDashboardQuery,
  openReadOnly,
  type QueryResult,
} from '../../support/check-dashboards.ts';
import { DEFAULT_RETENTION } from '../../support/default-retention.ts';
import type { DashboardView } from '../../support/expand-grafana-query.ts';
import { ExternalQuestdb } from '../../support/external-questdb.ts';
import { insertRows } from '../../support/insert-rows.ts';
import { makeRandomRows } from '../../support/random-rows.ts';
import { waitForRollups } from '../../support/wait-for-rollups.ts';

const NOW_MS = Math.floor(Date.now() / 1000) * 1000;
const MONTH_MS = 30 * DAY_MS;
/** One hour after the start of the retention period, so that no row expires during the test. */
const START_MS = NOW_MS - MONTH_MS + HOUR_MS;
const HOSTILE = ["'; DROP TABLE performance_metrics; --", `o'hara "the \\ second"`, '$__all $x'];
const MANY = 10_000;
const RANGES = { 'a minute': MINUTE_MS, '30 days': MONTH_MS };
const LONG_RANGES = { 'an hour': HOUR_MS, 'a day': DAY_MS };

const questdb = new ExternalQuestdb();
const samples = [
  makeRandomRows(11, START_MS, NOW_MS - START_MS, 4000),
  makeRandomRows(12, NOW_MS - 10 * MINUTE_MS, 10 * MINUTE_MS, 600),
];
let queryClient: QuestdbQueryClient;
let client: pg.Client;

beforeAll(async () => {
  await questdb.start();
  await migrate(questdb.target, DEFAULT_RETENTION);
  const points = samples.flatMap((sample) => sample.points);
  const requests = [...hostileRequests(), ...manyRequests(), ...requestsWithParts()];
  const statements = points.slice(0, 1500).map(({ row }) => asStatement(row));
  const calls = points.slice(-500).map(({ row }, i) => asCall(row, i));
  const rows = [...points.map(({ row }) => row), ...samples.flatMap(({ gauges }) => gauges)];
  await insertRows(questdb, 'performance_metrics', [
    ...rows,
    ...statements,
    ...calls,
    ...requests,
    ...singleRows(),
    ...breakerRows(),
    ...scalingRows(),
  ]);
  await insertRows(questdb, 'metric_buckets', [
    ...points.flatMap(({ buckets }) => buckets),
    ...[...statements, ...calls, ...requests].flatMap(bucketsOf),
  ]);
  await insertRows(
    questdb,
    'queue_metrics',
    samples.flatMap(({ jobs }) => jobs),
  );
  await insertRows(
    questdb,
    'system_health',
    samples.flatMap(({ health }) => health),
  );
  const alerts = alertRows();
  await insertRows(questdb, 'alerts', alerts);
  await insertRows(questdb, 'incidents', [
    {
      ...{
        timestamp: NOW_MS - 30_000,
        id: 'i',
        seq: 1,
        state: 'open',
        title: 'POST /bookings fails',
      },
      ...{ severity: 'high', startedAt: NOW_MS - 40 * MINUTE_MS, alerts: JSON.stringify(alerts) },
    },
  ]);
  const deploy = { service: 'shop', environment: 'prod', version: '2.0', previousVersion: '1.0' };
  await insertRows(questdb, 'deploys', [
    { ...deploy, timestamp: NOW_MS - 20_000, id: 'd1', seq: 1, startsAt: NOW_MS - 30_000 },
  ]);
  await insertRows(questdb, 'rule_decisions', decisionRows());
  await insertRows(questdb, 'objectives', [objectiveRow()]);
  await insertRows(questdb, 'metric_bands', bandRows());
  await insertRows(questdb, 'forecasts', [forecastRow()]);
  await waitForRollups(questdb);
  queryClient = new QuestdbQueryClient(
    getExternalQuestdbTargets(parseSettings(questdb.env).settings)!.read,
  );
  client = await openReadOnly(questdb.readTarget);
});

afterAll(async () => {
  await client?.end();
  await queryClient?.close();
  await questdb.remove();
});

const ORIGIN = { service: 'shop', serviceVersion: '1.2', environment: 'test', instance: 'shop-9' };

function request(id: string, timestamp: number, ms: number, more: Partial<PerformanceMetricRow>) {
  const row: PerformanceMetricRow = {
    ...ORIGIN,
    id,
    timestamp,
    metricType: 'API_RESPONSE_TIME',
    unit: 'ms',
    test: false,
    name: 'http.server.request.duration',
    endpoint: '/rooms/:id',
    operation: 'GET',
    count: 1,
    errorCount: 0,
    abortedCount: 0,
    sum: ms,
    value: ms,
    min: ms,
    max: ms,
    ...more,
  };
  return row;
}

/** Returns requests of 100 ms with their parts. */
function requestsWithParts(): PerformanceMetricRow[] {
  return [30_000, 2 * HOUR_MS].map((agoMs, i) =>
    request(`parts-${i}`, NOW_MS - agoMs, 100, {
      endpoint: '/parts',
      ...{ databaseTime: 60, databaseCalls: 2, outgoingTime: 20, outgoingCalls: 1 },
      ...{ queueTime: 0, queueCalls: 0, connectionWaitTime: 5 },
      ...{ eventLoopWaitTime: 5, ownTime: 10 },
    }),
  );
}

/** Returns the rows of an open breaker and one call that it rejected. */
function breakerRows(): PerformanceMetricRow[] {
  const row = { ...ORIGIN, timestamp: NOW_MS - 20_000, endpoint: 'gateway', test: false };
  const calls = { name: 'perfscope.breaker.calls', operation: 'rejected', value: 1, sum: 1 };
  return [
    { ...row, id: 'b1', metricType: 'BREAKER_STATE', name: 'perfscope.breaker.state', value: 2 },
    { ...row, id: 'b2', metricType: 'CUSTOM', ...calls },
  ];
}

/** Returns the recommendations of two servers. The second server's rows are newer. */
function scalingRows(): PerformanceMetricRow[] {
  return ['perfscope-1', 'perfscope-2'].flatMap((instance, i) => {
    const row = {
      ...ORIGIN,
      service: 'perfscope',
      instance,
      metricType: 'CUSTOM',
      unit: '1',
      timestamp: NOW_MS - 30_000 + 10_000 * i,
      test: false,
    };
    const createScalingRows = (
      operation: string,
      endpoint: string,
      desired: number,
      current: number,
    ) =>
      Object.entries({ desired, current }).map(([kind, value]) => ({
        ...row,
        id: `${instance} ${endpoint} ${kind}`,
        operation,
        endpoint,
        value,
        name: `perfscope.scaling.${kind}`,
      }));
    return [
      ...createScalingRows('queue', 'mails', 13 + i, 5),
      ...createScalingRows('service', 'shop', 2, 2),
    ];
  });
}

/** A forecast that Grafana shows without a tenant and without a service. */
function forecastRow(): ForecastRow {
  return {
    timestamp: NOW_MS - 5000,
    kind: 'disk',
    status: 'limit',
    method: 'linear',
    host: 'web-1',
    subjectId: 'f1',
    subject: 'Disk of host web-1',
    labels: '{"host":"web-1"}',
    unit: '%',
    value: 80,
    limitValue: 100,
    limitAt: NOW_MS + DAY_MS,
    earliestAt: NOW_MS + HOUR_MS,
    latestAt: NOW_MS + 2 * DAY_MS,
    error: 1,
    naiveError: 5,
  };
}

function objectiveRow(): ObjectiveRow {
  const labels = { organization: 'anna', property: 'north', service: 'shop' };
  return {
    timestamp: NOW_MS - 20_000,
    objective: 'target-error-rate',
    kind: 'availability',
    status: 'ok',
    organizationId: labels.organization,
    propertyId: labels.property,
    service: labels.service,
    labels: JSON.stringify(labels),
    target: 99,
    periodDays: 30,
    good: 995,
    total: 1000,
    achieved: 99.5,
    budgetRemaining: 50,
    eventsRemaining: 5,
    burnRateFast: 0.5,
    burnRateMedium: 0.5,
    burnRateSlow: 0.5,
    exhaustedAt: NOW_MS + HOUR_MS,
  };
}

function bandRows(): MetricBandRow[] {
  const hourMs = Math.floor(NOW_MS / HOUR_MS) * HOUR_MS - HOUR_MS;
  return ['p95', 'rate'].map((aggregate) => ({
    timestamp: hourMs,
    series: aggregate,
    metricType: 'API_RESPONSE_TIME',
    aggregate,
    service: 'shop',
    status: 'ready',
    ...{ lower: 10, expected: 20, upper: 40 },
  }));
}

function decisionRows(): RuleDecisionRow[] {
  const decision = {
    timestamp: NOW_MS - 20_000,
    id: 'd1',
    seq: 1,
    rule: 'demand',
    event: 'demand.high',
    setting: 'price.factor',
    status: 'set',
    author: 'perfscope',
    value: 1.2,
    previous: 1,
    defaultValue: 1,
    facts: '{}',
    reason: 'it holds',
    expiresAt: NOW_MS + HOUR_MS,
    dryRun: false,
    organizationId: 'anna',
    propertyId: 'north',
  };
  const outcome = { timestamp: NOW_MS - 10_000, status: 'failed', author: 'shop/shop-9' };
  return [decision, { ...decision, ...outcome }];
}

function hostileRequests(): PerformanceMetricRow[] {
  return HOSTILE.flatMap((name, i) =>
    [30_000, 3 * HOUR_MS, 2 * DAY_MS].map((agoMs, k) =>
      request(`hostile-${i}-${k}`, NOW_MS - agoMs, 10 + i, {
        organizationId: name,
        propertyId: name,
        endpoint: name,
      }),
    ),
  );
}

function manyRequests(): PerformanceMetricRow[] {
  return Array.from({ length: MANY }, (_, i) =>
    request(`many-${i}`, NOW_MS - 5 * HOUR_MS + i, 5 + (i % 50), { endpoint: `/many/${i}` }),
  );
}

function asStatement(row: PerformanceMetricRow): PerformanceMetricRow {
  return {
    ...row,
    id: `db-${row.id}`,
    metricType: 'DATABASE_QUERY_TIME',
    operation: 'SELECT',
    name: 'db.client.operation.duration',
    endpoint: 'SELECT * FROM rooms WHERE id = $1',
    count: 1,
    errorCount: 0,
    sum: row.max,
    value: row.max,
    min: row.max,
    max: row.max,
    organizationId: undefined,
    propertyId: undefined,
  };
}

/** Returns a call to one of three hosts. Every fifth call fails. */
function asCall(row: PerformanceMetricRow, i: number): PerformanceMetricRow {
  return {
    ...asStatement(row),
    id: `call-${row.id}`,
    metricType: 'OUTGOING_REQUEST_TIME',
    operation: 'GET',
    name: 'http.client.request.duration',
    endpoint: `host-${i % 3}.example`,
    ...(i % 5 === 0 && { errorCount: 1, errorType: i % 2 === 0 ? 'refused' : 'timeout' }),
  };
}

function bucketsOf(row: PerformanceMetricRow) {
  const buckets = new Map();
  addToBucket(buckets, computeStoredBound(row.value ?? 0, 1000), 1, 0);
  return toBucketRows(row, buckets, computePointId(row.id ?? ''), row.timestamp);
}

/** Returns Perfscope's own counters, and request samples and test rows, which panels must not count. */
function singleRows(): PerformanceMetricRow[] {
  return [30_000, 2 * HOUR_MS].flatMap((agoMs, i) => [
    request(`sample-${i}`, NOW_MS - agoMs, 60_000, {
      metricType: 'CUSTOM',
      name: 'http.server.request.sample',
      count: 0,
      sum: undefined,
      tags: JSON.stringify({
        'http.response.status_code': 503,
        parts: [
          { kind: 'outgoing', name: 'pay.example', start: 1, duration: 2.5, failed: true },
          { kind: 'database', name: 'SELECT "a" }', start: 4, duration: 0, failed: false },
        ],
        trace_id: 'abc',
      }),
    }),
    request(`repeated-${i}`, NOW_MS - agoMs, 8, {
      metricType: 'CUSTOM',
      name: 'perfscope.request.repeated_statements',
      unit: '{statement}',
      operation: 'SELECT a',
    }),
    request(`test-${i}`, NOW_MS - agoMs, 90_000, { test: true }),
    request(`dropped-${i}`, NOW_MS - agoMs, 7, {
      metricType: 'CUSTOM',
      name: 'perfscope.rows.dropped',
      unit: '{row}',
      endpoint: undefined,
      count: undefined,
      sum: 7,
      min: undefined,
      max: undefined,
      operation: undefined,
    }),
    ...['perfscope.spool.rows', 'perfscope.spool.lag', 'perfscope.spool.dead_letters'].map((name) =>
      request(`${name}-${i}`, NOW_MS - agoMs, 3, {
        metricType: 'CUSTOM',
        name,
        unit: name === 'perfscope.spool.lag' ? 'ms' : '{row}',
        endpoint: undefined,
        count: undefined,
        sum: 3,
        min: undefined,
        max: undefined,
        operation: undefined,
      }),
    ),
  ]);
}

function alertRows(): AlertRow[] {
  const firedAt = NOW_MS - 40 * MINUTE_MS;
  const row = (id: string, seq: number, agoMs: number, state: AlertRow['state']): AlertRow => ({
    timestamp: NOW_MS - agoMs,
    id,
    seq,
    state,
    rule: 'error-rate',
    severity: 'high',
    service: 'shop',
    organizationId: 'anna',
    value: 12,
    threshold: 10,
    labels: '{}',
    startedAt: firedAt - MINUTE_MS,
    firedAt: state === 'pending' ? undefined : firedAt,
  });
  return [
    row('a', 1, 41 * MINUTE_MS, 'pending'),
    row('a', 2, 40 * MINUTE_MS, 'firing'),
    row('a', 3, 35 * MINUTE_MS, 'acknowledged'),
    row('a', 4, 20 * MINUTE_MS, 'resolved'),
    // Both rows have the same timestamp, so the higher seq wins.
    row('b', 1, 30_000, 'pending'),
    row('b', 2, 30_000, 'firing'),
  ];
}

const createView = (ms: number, selected?: DashboardView['selected']): DashboardView => ({
  fromMs: NOW_MS - ms,
  toMs: NOW_MS,
  ...(selected && { selected }),
});
const getValue = (results: ReadonlyMap<string, QueryResult>, name: string) =>
  Object.values(results.get(name)?.rows[0] ?? {})[0] ?? undefined;
const sumOf = (results: ReadonlyMap<string, QueryResult>, name: string, column: string) =>
  results.get(name)!.rows.reduce((sum, row) => sum + Number(row[column]), 0);
const expectCloseTo = (value: number | undefined) =>
  value === undefined
    ? undefined
    : expect.closeTo(value, Math.max(0, 6 - Math.ceil(Math.log10(Math.abs(value) + 1))));

describe.each(Object.entries(RANGES))('over %s', describeRange);
// Long: the shortest and longest range in CI cover rows and roll-ups.
describe.each(Object.entries(LONG_RANGES))('over %s', { tags: 'long' }, describeRange);

function describeRange(name: string, ms: number): void {
  let results: Map<string, QueryResult>;
  beforeAll(async () => {
    results = await checkDashboards(client, createView(ms));
  });

  it('returns rows for every panel', () => {
    const empty = DASHBOARD_QUERIES.filter(
      ({ name: query }) => results.get(query)?.rows.length === 0,
    ).map(({ name: query }) => query);
    // Some panels show rare events and can be empty.
    const rare = ms < HOUR_MS ? RARE_IN_A_MINUTE : RARE;
    expect(empty.filter((query) => !rare.test(query))).toEqual([]);
  });

  it('returns where the time of requests goes', () => {
    const [row] = results
      .get('perfscope-api: Where the time goes by endpoint')!
      .rows.filter(({ Endpoint }) => Endpoint === '/parts');
    const means = { Database: 60, Outgoing: 20, Own: 10, Statements: 2, Calls: 1 };
    expect(row).toMatchObject({ Average: 100, 'Pool wait': 5, 'Loop wait': 5, ...means });
    expect(results.get('perfscope-api: Repeated statements')!.rows).toMatchObject([
      { Endpoint: '/rooms/:id', Statement: 'SELECT a', 'Per request': 8, Most: 8 },
    ]);
    expect(results.get('perfscope-api: Slow and failed requests')!.rows[0]).toMatchObject({
      Parts: 'outgoing pay.example: 1 ms + 2.5 ms (failed); database SELECT \\"a\\" }: 4 ms + 0 ms',
    });
  });

  it('returns the same values as the API', async () => {
    const query = { scope: UNRESTRICTED_SCOPE, range: { fromMs: NOW_MS - ms, toMs: NOW_MS } };
    const [all] = await queryDistributionTotals(queryClient, query, {
      metricType: 'API_RESPONSE_TIME',
    });
    const database = await queryDatabaseStats(queryClient, query);
    const queues = await queryQueueStats(queryClient, query);
    for (const dashboard of ['overview', 'api']) {
      const getPanelValue = (title: string) =>
        getValue(results, `perfscope-${dashboard}: ${title}`);
      expect(getPanelValue('Average response time')).toEqual(expectCloseTo(all!.average));
      expect(getPanelValue('95th percentile')).toEqual(expectCloseTo(all!.p95));
      expect(getPanelValue('Error rate')).toEqual(expectCloseTo(all!.errorRate));
    }
    const getDatabaseValue = (title: string) => getValue(results, `perfscope-database: ${title}`);
    expect(getDatabaseValue('Average time')).toEqual(expectCloseTo(database.average));
    expect(getDatabaseValue('95th percentile')).toEqual(expectCloseTo(database.p95));
    expect(getDatabaseValue('Slow statements')).toEqual(expectCloseTo(database.slowShare));
    const groups = await queryOutgoingTotals(queryClient, {
      ...query,
      groupBy: ['endpoint', 'operation', 'service'],
    });
    expect(results.get('perfscope-api: Outgoing calls')!.rows).toHaveLength(
      Math.min(100, groups.length),
    );
    for (const row of results.get('perfscope-api: Outgoing calls')!.rows) {
      const group = groups.find(
        (each) => each.group.endpoint === row.Host && each.group.service === row.Service,
      )!;
      expect(row).toMatchObject({
        Count: group.count,
        Average: expectCloseTo(group.average),
        p95: expectCloseTo(group.p95),
        Failed: expectCloseTo(group.errorRate),
      });
      const kinds = Object.values(group.errorRates).reduce((sum, each) => sum + each, 0);
      expect(kinds).toBeCloseTo(group.errorRate!);
    }
    const table = results.get('perfscope-queues: Queues')!.rows;
    expect(queues.length).toBeGreaterThan(0);
    for (const queue of queues.filter(({ completed, failed }) => completed + failed > 0)) {
      expect(table.find((row) => row.Queue === queue.queue)).toMatchObject({
        Waiting: queue.depth ?? null,
        Completed: queue.completed,
        'Failed jobs': queue.failed,
        Failed: expectCloseTo(queue.failureRate),
        Processing: expectCloseTo(queue.processingTime) ?? null,
        Wait: expectCloseTo(queue.waitTime) ?? null,
      });
    }
    const tenants = await queryDistributionTotals(
      queryClient,
      { ...query, groupBy: ['organization', 'property'] },
      { metricType: 'API_RESPONSE_TIME' },
    );
    const usageRows = results.get('perfscope-tenants: Usage by tenant')!.rows;
    expect(usageRows).toHaveLength(tenants.length);
    for (const { group, count, average } of tenants) {
      const { organization: Organization = '(none)', property: Property = '(none)' } = group;
      expect(usageRows).toContainEqual(
        expect.objectContaining({
          Organization,
          Property,
          Requests: count,
          Average: expectCloseTo(average),
        }),
      );
    }
    const uptimes = await queryUptime(queryClient, { ...query, groupBy: ['service'] });
    const upTable = results.get('perfscope-system: Uptime by service')!.rows;
    expect(Object.fromEntries(upTable.map((row) => [row.Service, row.Up]))).toEqual(
      Object.fromEntries(
        uptimes
          .filter(({ intervals }) => intervals > 0)
          .map((up) => [up.group.service, expectCloseTo(up.uptime)]),
      ),
    );
  });

  it('returns heatmap cells that add up to the total', async () => {
    const query = { scope: UNRESTRICTED_SCOPE, range: { fromMs: NOW_MS - ms, toMs: NOW_MS } };
    const [all] = await queryDistributionTotals(queryClient, query, {
      metricType: 'API_RESPONSE_TIME',
    });
    const heatmap = results.get('perfscope-api: Response time distribution')!;
    const counted = heatmap.rows.reduce(
      (sum, row) =>
        sum + heatmap.columns.slice(1).reduce((part, column) => part + Number(row[column]), 0),
      0,
    );
    // The first interval is shown completely, so it can include requests from before the range.
    expect(counted).toBeGreaterThanOrEqual(all!.count);
    expect([name, counted]).toEqual([name, expect.any(Number)]);
    if (ms >= DAY_MS) expect(counted).toBeLessThan(all!.count * 1.1 + 1000);
  });
}

/** Panels that can be empty: rare events, and metrics that the test data doesn't contain. */
const RARE =
  /Incidents|Libraries|All alerts|OTLP|New versions|Streams|Where the time|Repeated|Process CPU|Process memory|Dropped|dropped|for a connection|Network|Heap|Garbage|Connections|oldest|Disk|Load|Event loop/;
/** In a range of one minute, only the request panels must have rows. */
const RARE_IN_A_MINUTE =
  /^perfscope-(?!(overview|api): (Requests|Response|Failed|Error|Aborted|Apdex))/;

it.each(HOSTILE)('treats the tenant name %j as plain text', async (name) => {
  const selected = { organization: [name], property: [name] };
  const results = await checkDashboards(client, createView(7 * DAY_MS, selected));
  const scope = narrowScope(UNRESTRICTED_SCOPE, { organizationId: name });
  const range = { fromMs: NOW_MS - 7 * DAY_MS, toMs: NOW_MS };
  const [all] = await queryDistributionTotals(
    queryClient,
    { scope, range },
    { metricType: 'API_RESPONSE_TIME' },
  );
  expect(all?.count).toBe(3);
  expect(getValue(results, 'perfscope-overview: Average response time')).toEqual(
    expectCloseTo(all!.average),
  );
  const names = results.get('perfscope-overview: $property')!.rows;
  expect(names).toEqual([{ name }]);
});

it('shows only the data of the selected tenants', async () => {
  for (const organizations of [['anna'], ['anna', 'bert', HOSTILE[0]!]]) {
    const selected = { organization: organizations };
    const view = createView(DAY_MS, selected);
    const results = await checkDashboards(client, view, ['perfscope-tenants']);
    const scope = narrowScope(UNRESTRICTED_SCOPE, { organizationId: organizations });
    const range = { fromMs: NOW_MS - DAY_MS, toMs: NOW_MS };
    const [all] = await queryDistributionTotals(
      queryClient,
      { scope, range },
      { metricType: 'API_RESPONSE_TIME' },
    );
    expect(sumOf(results, 'perfscope-tenants: Usage by tenant', 'Requests')).toBe(all!.count);
    const usage = results.get('perfscope-tenants: Usage by tenant')!.rows;
    expect(usage.filter((row) => !organizations.includes(String(row.Organization)))).toEqual([]);
    expect(usage.length).toBeGreaterThan(0);
  }
});

it.each([
  ['an unknown tenant', createView(HOUR_MS, { organization: ['nobody'] })],
  ['an empty name', createView(HOUR_MS, { organization: [''], service: [''] })],
  ['a range without data', { fromMs: NOW_MS - 400 * DAY_MS, toMs: NOW_MS - 399 * DAY_MS }],
  ['a range in the future', { fromMs: NOW_MS + DAY_MS, toMs: NOW_MS + 2 * DAY_MS }],
])('returns empty panels and no errors for %s', async (_, view) => {
  const results = await checkDashboards(client, view);
  for (const title of ['Requests per second', 'Response time', 'Failed and aborted requests']) {
    expect(results.get(`perfscope-overview: ${title}`)?.rows).toEqual([]);
  }
  expect(getValue(results, 'perfscope-overview: Average response time')).toBeUndefined();
  expect(getValue(results, 'perfscope-overview: 95th percentile')).toBeUndefined();
});

it('lists at most 5,000 of 10,000 endpoints, but All includes all 10,000', async () => {
  const names = Array.from({ length: MANY }, (_, i) => `/many/${i}`);
  const all = await checkDashboards(client, createView(DAY_MS), ['perfscope-api']);
  expect(all.get('perfscope-api: $endpoint')?.rows).toHaveLength(5000);
  expect(all.get('perfscope-api: Endpoints')?.rows).toHaveLength(100);
  const lines = all.get('perfscope-api: Requests per second by endpoint')!.rows;
  expect(new Set(lines.map(({ metric }) => metric)).size).toBe(10);
  const selection = await checkDashboards(
    client,
    createView(DAY_MS, { endpoint: names.slice(0, 50) }),
    ['perfscope-api'],
  );
  expect(sumOf(selection, 'perfscope-api: Endpoints', 'Count')).toBe(50);
});

it('rejects a query with too many selected names without affecting other queries', async () => {
  const endpoint = Array.from({ length: 2000 }, (_, i) => `/many/${i}`);
  const query = DASHBOARD_QUERIES.find(({ name }) => name === 'perfscope-api: Endpoints')!;
  for (let i = 0; i < 5; i++) {
    const other = await openReadOnly(questdb.readTarget);
    other.on('error', () => {});
    await expect(
      other.query(expandDashboardQuery(query, createView(DAY_MS, { endpoint }))),
    ).rejects.toThrow();
    await other.end().catch(() => {});
  }
  const { rows } = await client.query(
    expandDashboardQuery(query, createView(DAY_MS, { endpoint: ['/many/1'] })),
  );
  expect(rows).toHaveLength(1);
  const invalid = await questdb.sql(
    "SELECT view_name FROM materialized_views() WHERE view_status = 'invalid'",
  );
  expect(invalid).toEqual([]);
});

it('shows the state after the last transition of each alert', async () => {
  const dashboards = ['perfscope-alerts', 'perfscope-api', 'perfscope-own'];
  const results = await checkDashboards(client, createView(HOUR_MS), dashboards);
  expect(results.get('perfscope-alerts: Firing now')?.rows).toEqual([
    { Firing: 1, 'Not acknowledged': 1 },
  ]);
  expect(results.get('perfscope-alerts: Active alerts')?.rows).toEqual([
    expect.objectContaining({ Rule: 'error-rate', State: 'firing', Service: 'shop' }),
  ]);
  expect(getValue(results, 'perfscope-alerts: Time to acknowledge')).toBe(5 * MINUTE_MS);
  expect(getValue(results, 'perfscope-alerts: Time to resolve')).toBe(20 * MINUTE_MS);
  expect(results.get('perfscope-api: @All alerts')?.rows).toHaveLength(2);
  expect(results.get('perfscope-api: @Incidents')?.rows).toHaveLength(1);
  expect(results.get('perfscope-api: Slow and failed requests')?.rows).toEqual([
    expect.objectContaining({ Duration: 60_000, Status: '503', Trace: 'abc' }),
  ]);
  expect(getValue(results, 'perfscope-own: Dropped rows')).toBe(7);
  expect(getValue(results, 'perfscope-own: Dead letters')).toBe(3);
});

it('shows the latest recommendation once if several servers recorded it', async () => {
  const dashboards = ['perfscope-actions'];
  for (const ms of [MINUTE_MS, DAY_MS]) {
    const results = await checkDashboards(client, createView(ms), dashboards);
    const getPanelRows = (title: string) => results.get(`perfscope-actions: ${title}`)!.rows;
    expect(getPanelRows('Recommendations')).toMatchObject([
      { Kind: 'queue', Name: 'mails', Current: 5, Recommended: 14, Difference: 9 },
      { Kind: 'service', Name: 'shop', Current: 2, Recommended: 2, Difference: 0 },
    ]);
    const lines = getPanelRows('Queue workers').map(({ metric, value }) => `${metric} ${value}`);
    expect(lines.at(-1)).toMatch(/^mails (recommended 14|current 5)$/);
    expect(new Set(lines)).toContain('mails recommended 14');
  }
  const selected = { service: ['elsewhere'], organization: ['nobody'] };
  const results = await checkDashboards(client, createView(HOUR_MS, selected), dashboards);
  expect(results.get('perfscope-actions: Recommendations')!.rows).toMatchObject([
    { Kind: 'queue', Name: 'mails' },
  ]);
});

it('queries do not change data, and the Grafana user cannot write', async () => {
  const state = () =>
    questdb.sql(
      "SELECT name, sequencerTxn FROM wal_tables() WHERE name NOT LIKE '%\\_1_' ORDER BY name",
    );
  const before = await state();
  await checkDashboards(client, createView(HOUR_MS));
  expect(await state()).toEqual(before);
  await expect(client.query('DROP TABLE performance_metrics')).rejects.toThrow(
    /denied|not allowed/i,
  );
});

it('returns the same values after QuestDB restarts', async () => {
  const name = 'perfscope-overview: Average response time';
  const check = () => checkDashboards(client, createView(DAY_MS), ['perfscope-overview']);
  const before = getValue(await check(), name);
  client.on('error', () => {});
  await questdb.kill();
  await expect(check()).rejects.toThrow();
  await questdb.start();
  client = await openReadOnly(questdb.readTarget);
  expect(getValue(await check(), name)).toEqual(expectCloseTo(before as number));
});
