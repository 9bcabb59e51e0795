import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../src/core/duration.ts';
import {
  addToBucket,
  type BucketCounts,
  computeStoredBound,
  toBucketRows,
} from '../../../src/core/histogram/histogram-buckets.ts';
import { computePointId } from '../../../src/core/schema/row-ids.ts';
import type { AlertRow } from '../../../src/core/schema/tables/alerts-table.ts';
import type { IncidentRow } from '../../../src/core/schema/tables/incidents-table.ts';
import type { PerformanceMetricRow } from '../../../src/core/schema/tables/performance-metrics-table.ts';
import type { QueueMetricRow } from '../../../src/core/schema/tables/queue-metrics-table.ts';
import type { RuleDecisionRow } from '../../../src/core/schema/tables/rule-decisions-table.ts';
import type { SystemHealthRow } from '../../../src/core/schema/tables/system-health-table.ts';
import { migrate } from '../../../src/storage/migrations/migrate.ts';
import {
  DASHBOARD_QUERIES,
  openReadOnly,
  type QueryResult,
  runDashboardQuery,
} from '../../support/check-dashboards.ts';
import { DEFAULT_RETENTION } from '../../support/default-retention.ts';
import type { DashboardView } from '../../support/expand-grafana-query.ts';
import { ExternalQuestdb } from '../../support/external-questdb.ts';
import { insertRows } from '../../support/insert-rows.ts';
import { waitForWal } from '../../support/wait-for-rollups.ts';

/**
 * In the past, and 15 minutes after the start of an hour, so that no roll-up has a whole hour of the service. A roll-up
 * knows only the hour of the first measurement.
 */
const NOW_MS = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - 45 * MINUTE_MS;
const STEP_MS = 30_000;
/** The service runs for ten minutes: two requests per minute finish, and four are aborted. */
const START_MS = NOW_MS - 10 * MINUTE_MS;
const TIMES = Array.from({ length: 20 }, (_, i) => START_MS + i * STEP_MS);
const RARE_MS = NOW_MS - 20 * DAY_MS;
const DURATION_MS = 100;

const questdb = new ExternalQuestdb({ isShared: true });
let client: pg.Client;

beforeAll(async () => {
  await questdb.start();
  await migrate(questdb.target, DEFAULT_RETENTION);
  const requests = requestRows();
  await insertRows(questdb, 'performance_metrics', [...requests, ...gaugeRows(), ...messageRows()]);
  await insertRows(questdb, 'metric_buckets', requests.flatMap(toBuckets));
  await insertRows(questdb, 'system_health', healthRows());
  await insertRows(questdb, 'queue_metrics', jobRows());
  await insertRows(questdb, 'alerts', alertRows());
  await insertRows(questdb, 'incidents', incidentRows());
  await insertRows(questdb, 'rule_decisions', decisionRows());
  await waitForWal(questdb);
  client = await openReadOnly(questdb.readTarget);
});

afterAll(async () => {
  await client?.end();
  await questdb.remove();
});

const ORIGIN = { service: 'shop', serviceVersion: '1', environment: 'test', instance: 'new' };

function requestRows(): PerformanceMetricRow[] {
  const createRequest = (
    id: string,
    timestamp: number,
    more: Partial<PerformanceMetricRow> = {},
  ): PerformanceMetricRow => ({
    ...ORIGIN,
    id,
    timestamp,
    metricType: 'API_RESPONSE_TIME',
    name: 'http.server.request.duration',
    unit: 'ms',
    endpoint: '/rooms/:id',
    operation: 'GET',
    test: false,
    organizationId: 'anna',
    count: 1,
    count2xx: 1,
    errorCount: 0,
    abortedCount: 2,
    sum: DURATION_MS,
    value: DURATION_MS,
    min: DURATION_MS,
    max: DURATION_MS,
    ...more,
  });
  return TIMES.flatMap((time, i) => [
    createRequest(`anna ${i}`, time),
    createRequest(`own ${i}`, time, { service: 'perfscope', count: 100, abortedCount: 0 }),
  ]).concat(
    // All clients of this endpoint gave up.
    createRequest('aborted', NOW_MS - MINUTE_MS, {
      ...{ endpoint: '/slow', count: 0, count2xx: 0, abortedCount: 1 },
      ...{ sum: undefined, value: undefined, min: undefined, max: undefined },
    }),
    createRequest('nobody', NOW_MS - MINUTE_MS, {
      ...{ service: 'mail', organizationId: undefined, endpoint: undefined },
      ...{ abortedCount: 0, count: 7 },
    }),
    createRequest('rare', RARE_MS, { service: 'rare', abortedCount: 0 }),
    createRequest('stream', NOW_MS - MINUTE_MS, {
      ...{ metricType: 'API_STREAM_DURATION', endpoint: '/events', count: 2, abortedCount: 0 },
      ...{ sum: 20_000, max: 15_000, firstByteSum: 30, firstByteMax: 20 },
    }),
  );
}

function toBuckets(row: PerformanceMetricRow) {
  const counts: BucketCounts = new Map();
  if (row.count) addToBucket(counts, computeStoredBound(DURATION_MS, 1000), row.count, 0);
  return toBucketRows(row, counts, computePointId(row.id ?? ''), row.timestamp);
}

/** Returns the gauges of a process that ended five minutes ago, and of the process that replaced it. */
function gaugeRows(): PerformanceMetricRow[] {
  const changeMs = NOW_MS - 5 * MINUTE_MS;
  const pools = TIMES.flatMap((timestamp, i) => {
    const row = { ...ORIGIN, timestamp, test: false, endpoint: 'pool', unit: '{connection}' };
    const instance = timestamp < changeMs ? 'old' : 'new';
    const count = { metricType: 'DATABASE_CONNECTIONS', name: 'db.client.connection.count' };
    const max = { metricType: 'CUSTOM', name: 'db.client.connection.max' };
    return [
      { ...row, ...count, instance, id: `used ${i}`, operation: 'used', value: 4 },
      { ...row, ...count, instance, id: `idle ${i}`, operation: 'idle', value: 6 },
      { ...row, ...max, instance, id: `max ${i}`, value: 10 },
    ];
  });
  const createDepth = (endpoint: string, queueScope: string, operation: string, value: number) => ({
    ...ORIGIN,
    timestamp: NOW_MS - MINUTE_MS,
    id: `${endpoint} ${queueScope} ${operation}`,
    test: false,
    metricType: 'QUEUE_DEPTH',
    name: 'perfscope.queue.depth',
    unit: '{job}',
    ...{ endpoint, queueScope, operation, value },
  });
  return [
    ...pools,
    createDepth('emails', 'a', 'waiting', 3),
    createDepth('emails', 'b', 'waiting', 4),
    createDepth('emails', 'b', 'active', 1),
    createDepth('invoices', 'a', 'waiting', 5),
  ];
}

function healthRows(): SystemHealthRow[] {
  const createHealth = (instance: string, minutesAgo: number, status: string) => ({
    ...ORIGIN,
    instance,
    id: `${instance} ${minutesAgo}`,
    timestamp: NOW_MS - minutesAgo * MINUTE_MS,
    status,
  });
  return [
    createHealth('older', 30, 'unhealthy'),
    createHealth('old', 6, 'unhealthy'),
    createHealth('new', 1, 'healthy'),
    createHealth('second', 1, 'degraded'),
  ];
}

/** Returns jobs that met the target in four of ten minutes. */
function jobRows(): QueueMetricRow[] {
  return Array.from({ length: 10 }, (_, i) => ({
    ...ORIGIN,
    timestamp: START_MS + i * MINUTE_MS + 1000,
    id: `job ${i}`,
    test: false,
    status: 'completed',
    queueName: 'emails',
    queueScope: 'a',
    jobId: String(i),
    jobType: 'send',
    duration: i < 4 ? 10 : 600_000,
    waitTime: 5,
  }));
}

/** Returns histograms of a queue with rows for single jobs, and of a queue without. */
function messageRows(): PerformanceMetricRow[] {
  const createMessages = (endpoint: string, more: Partial<PerformanceMetricRow>) => ({
    ...ORIGIN,
    timestamp: START_MS + 1000,
    id: `messages ${endpoint}`,
    test: false,
    metricType: 'QUEUE_PROCESSING_TIME',
    name: 'messaging.process.duration',
    unit: 'ms',
    ...{ endpoint, operation: 'process', count: 10, errorCount: 3, sum: 200, value: 20 },
    ...more,
  });
  return [createMessages('emails', { queueScope: 'a' }), createMessages('events', {})];
}

/** Returns 40 alerts of two organizations that fired within two minutes, and one of another service. */
function alertRows(): AlertRow[] {
  const createAlert = (id: string, firedAt: number, more: Partial<AlertRow>): AlertRow => ({
    timestamp: firedAt,
    id,
    seq: 1,
    state: 'firing',
    rule: 'response-time',
    severity: 'critical',
    service: 'shop',
    organizationId: 'anna',
    value: 6500,
    threshold: 5000,
    labels: '{"endpoint":"/rooms/:id"}',
    startedAt: firedAt,
    firedAt,
    ...more,
  });
  return [
    ...Array.from({ length: 40 }, (_, i) =>
      createAlert(`alert ${i}`, NOW_MS - 8 * MINUTE_MS + i * 3000, {
        ...(i % 2 === 1 && { organizationId: 'bert', rule: 'error-rate', value: 15.1204 }),
      }),
    ),
    createAlert('mail', NOW_MS - 4 * MINUTE_MS, { service: 'mail' }),
  ];
}

/** An incident of each organization, one of another service, and one that became a part of another incident. */
function incidentRows(): IncidentRow[] {
  const createIncident = (
    title: string,
    alerts: readonly AlertRow[],
    more: Partial<IncidentRow> = {},
  ): IncidentRow => ({
    timestamp: NOW_MS - 4 * MINUTE_MS,
    id: title,
    seq: 1,
    state: 'open',
    severity: 'critical',
    title,
    alerts: JSON.stringify(alerts.map(({ id, rule }) => ({ id, rule }))),
    startedAt: Math.min(...alerts.map(({ timestamp }) => timestamp)),
    ...more,
  });
  const alerts = alertRows();
  const select = (service: string, organization: string) =>
    alerts.filter((row) => row.service === service && row.organizationId === organization);
  return [
    createIncident('anna: slow', select('shop', 'anna'), { title: 'not yet known' }),
    createIncident('anna: slow', select('shop', 'anna'), { seq: 2 }),
    createIncident('bert: errors', select('shop', 'bert')),
    createIncident('mail: slow', select('mail', 'anna')),
    createIncident('bert: slow', select('shop', 'bert').slice(1), { state: 'merged' }),
  ];
}

/** A setting that was changed before the hour that most tests show, and a setting that was changed in it. */
function decisionRows(): RuleDecisionRow[] {
  const createDecision = (setting: string, timestamp: number, value: number, seq: number) => ({
    ...{ timestamp, id: setting, seq, rule: 'demand', event: 'demand.high', setting },
    ...{ status: 'set', author: 'perfscope', value, previous: 1, defaultValue: 1, facts: '{}' },
    ...{ reason: '', expiresAt: NOW_MS + HOUR_MS, dryRun: false, organizationId: 'anna' },
  });
  return [
    createDecision('price', NOW_MS - 3 * HOUR_MS, 4, 1),
    createDecision('price', NOW_MS - 2 * HOUR_MS, 3, 2),
    createDecision('limit', NOW_MS - 10 * MINUTE_MS, 9, 1),
    createDecision('limit', NOW_MS - 5 * MINUTE_MS, 2, 2),
  ];
}

async function run(
  name: string,
  view: Partial<DashboardView> & { lengthMs?: number } = {},
): Promise<QueryResult> {
  const query = DASHBOARD_QUERIES.find((each) => each.name === `perfscope-${name}`);
  if (!query) throw new Error(`no query ${name}`);
  const { lengthMs = HOUR_MS, ...rest } = view;
  return runDashboardQuery(client, query, { fromMs: NOW_MS - lengthMs, toMs: NOW_MS, ...rest });
}
const SHOP = { selected: { service: ['shop'] } };
const getFirst = ({ rows }: QueryResult) => Object.values(rows[0] ?? {})[0];

it('shows aborted requests although no finished request failed', async () => {
  for (const dashboard of ['overview', 'api']) {
    expect(getFirst(await run(`${dashboard}: Error rate`, SHOP))).toBe(0);
    expect(getFirst(await run(`${dashboard}: Aborted requests`, SHOP))).toBeCloseTo(
      (100 * 41) / 61,
    );
    const { rows } = await run(`${dashboard}: Requests per second`, { ...SHOP, interval: '1m' });
    expect(rows[0]).toMatchObject({ '2xx': 2 / 60, '5xx': 0, aborted: 4 / 60, 'no status': 0 });
  }
  const { rows } = await run('api: Endpoints', SHOP);
  expect(rows).toEqual([
    expect.objectContaining({ Endpoint: '/rooms/:id', Count: 60, Failed: 0 }),
    expect.objectContaining({ Endpoint: '/slow', Count: 1, Aborted: 100, Average: null }),
  ]);
});

it('excludes Perfscope’s own requests unless its service is selected', async () => {
  const count = async (service?: string) => {
    const { rows } = await run(
      'api: Endpoints',
      service ? { selected: { service: [service] } } : {},
    );
    return rows.reduce((sum, { Count }) => sum + Number(Count), 0);
  };
  expect(await count()).toBe(61 + 7);
  expect(await count('perfscope')).toBe(2000);
});

it('shows rows without a tenant or an endpoint if (none) is selected', async () => {
  const { rows: organizations } = await run('overview: $organization');
  expect(organizations.map(({ name }) => name)).toContain('(none)');
  for (const filter of ['organization', 'property', 'endpoint']) {
    const { rows } = await run('api: Endpoints', {
      selected: { [filter]: ['(none)'], service: ['mail'] },
    });
    expect([filter, rows]).toEqual([
      filter,
      [expect.objectContaining({ Endpoint: '(none)', Count: 7 })],
    ]);
  }
});

it('adds up connections and processes that still report', async () => {
  expect((await run('database: Connections')).rows).toEqual([{ Open: 10, Maximum: 10 }]);
  expect((await run('system: Processes')).rows).toEqual([{ Processes: 2, 'Not healthy': 1 }]);
  const { rows } = await run('database: Connections by state', { interval: '1h' });
  const last = Object.fromEntries(rows.map(({ metric, value }) => [metric, value]));
  expect(last).toEqual({ used: 4, idle: 6, maximum: 10 });
  const { rows: processes } = await run('system: Process details');
  expect(Object.fromEntries(processes.map((row) => [row.Process, row.Status]))).toEqual({
    older: 'not reporting',
    old: 'not reporting',
    new: 'healthy',
    second: 'degraded',
  });
  // At an earlier end of the range, the process that has ended since then was running.
  const toMs = NOW_MS - 6 * MINUTE_MS + 1000;
  expect((await run('system: Processes', { toMs })).rows).toEqual([
    { Processes: 1, 'Not healthy': 1 },
  ]);
});

it('draws heatmap cells at the end of their interval, over any range', async () => {
  for (const [lengthMs, stepMs] of [
    [HOUR_MS, 2 * MINUTE_MS],
    [30 * DAY_MS, DAY_MS],
  ] as const) {
    const { rows, columns } = await run('api: Response time distribution', { ...SHOP, lengthMs });
    const times = rows.map(({ time }) => (time as Date).getTime());
    const steps = times.slice(1).map((time, i) => time - times[i]!);
    expect(new Set(steps)).toEqual(new Set([stepMs]));
    expect(times.length).toBeGreaterThanOrEqual(30);
    const filled = rows.filter((row) => columns.slice(1).some((column) => Number(row[column]) > 0));
    const [first, last] = [filled[0]!.time as Date, filled.at(-1)!.time as Date];
    expect(first.getTime()).toBeGreaterThan(START_MS);
    expect(first.getTime() - stepMs).toBeLessThanOrEqual(START_MS);
    expect(last.getTime()).toBeGreaterThan(TIMES.at(-1)!);
  }
});

it('shows rates in a readable unit, over the time with data', async () => {
  const perMinute = await run('overview: Requests', { ...SHOP, lengthMs: 30 * DAY_MS });
  expect(perMinute.rows).toMatchObject([{ metric: 'per minute', value: expect.closeTo(6.1, 1) }]);
  const rare = { selected: { service: ['rare'] }, lengthMs: 30 * DAY_MS };
  expect((await run('overview: Requests', rare)).rows).toMatchObject([
    { metric: 'per day', value: expect.closeTo(1 / 20, 3) },
  ]);
  const own = { selected: { service: ['perfscope'] } };
  expect((await run('overview: Requests', own)).rows).toMatchObject([
    { metric: 'per second', value: expect.closeTo(2000 / 600, 1) },
  ]);
});

it('computes the share of a target independently of the interval and the range', async () => {
  for (const interval of ['10s', '1m', '1h']) {
    for (const lengthMs of [10 * MINUTE_MS, HOUR_MS, DAY_MS]) {
      const result = await run('targets: Job processing met', { interval, lengthMs });
      expect([interval, lengthMs, getFirst(result)]).toEqual([interval, lengthMs, 40]);
    }
  }
});

it('limits percentiles to the longest duration', async () => {
  const { rows } = await run('api: Endpoints', SHOP);
  expect(rows[0]).toMatchObject({ p95: DURATION_MS, Longest: DURATION_MS });
  const charts = [
    ...(await run('api: Response time', SHOP)).rows,
    ...(await run('trends: 95th percentile', SHOP)).rows,
  ];
  expect(charts.length).toBeGreaterThan(5);
  for (const { time: _, metric: __, ...values } of charts) {
    for (const value of Object.values(values)) expect(value).toBe(DURATION_MS);
  }
  expect((await run('tenants: Usage by tenant', SHOP)).rows[0]).toMatchObject({ p95: DURATION_MS });
});

it('marks each incident of the selected service and organization once', async () => {
  const incidents = async (selected: Record<string, string[]>) =>
    (await run('api: @Incidents', { selected })).rows.map(({ text }) => text);
  expect(await incidents({})).toEqual(['anna: slow', 'bert: errors', 'mail: slow']);
  expect(await incidents({ service: ['shop'], organization: ['bert'] })).toEqual(['bert: errors']);
  expect((await run('api: @All alerts')).rows).toHaveLength(41);
});

it('shows 0 instead of an empty value, and alerts with units and links', async () => {
  const nobody = { selected: { organization: ['nobody'] } };
  expect((await run('alerts: Firing now', nobody)).rows).toEqual([
    { Firing: 0, 'Not acknowledged': 0 },
  ]);
  const { rows } = await run('alerts: Active alerts');
  expect(rows).toContainEqual(
    expect.objectContaining({
      ...{ Rule: 'response-time', Value: '6.5 s', Limit: '5 s', Subject: '/rooms/:id' },
      ...{ link_dashboard: 'api', link_organization: 'anna', link_property: '$__all' },
      link_from: expect.stringMatching(/^\d{13}$/),
    }),
  );
  expect(rows).toContainEqual(expect.objectContaining({ Rule: 'error-rate', Value: '15.12 %' }));
});

it('names the scope of queues only if the same name exists in several scopes', async () => {
  const { rows } = await run('queues: Waiting jobs');
  expect(rows.map(({ metric, value }) => `${metric}: ${value}`).sort()).toEqual([
    'emails (a): 3',
    'emails (b): 4',
    'invoices: 5',
  ]);
  const { rows: states } = await run('queues: Jobs by state');
  expect(states.map(({ metric, value }) => `${metric}: ${value}`).sort()).toEqual([
    'active: 1',
    'waiting: 12',
  ]);
  expect((await run('queues: Queues')).rows).toEqual([
    expect.objectContaining({ Queue: 'emails', Scope: 'a', Waiting: 3, Completed: 10 }),
    expect.objectContaining({ Queue: 'events', Scope: null, Waiting: null, Completed: 7 }),
  ]);
});

it('shows queues that are known only from histograms of messages', async () => {
  const { rows } = await run('queues: Queues', { selected: { queue: ['events'] } });
  expect(rows).toEqual([
    expect.objectContaining({ Completed: 7, 'Failed jobs': 3, Failed: 30, Processing: 20 }),
  ]);
  const names = await run('queues: $queue');
  expect(names.rows.map(({ name }) => name)).toEqual(['emails', 'events', 'invoices']);
  const usage = await run('queues: Queue usage by tenant');
  expect(usage.rows.map(({ Queue, Finished }) => [Queue, Finished])).toEqual([
    ['emails', 10],
    ['events', 10],
  ]);
});

it('shows streams only in their own table', async () => {
  expect((await run('api: Streams')).rows).toEqual([
    expect.objectContaining({
      ...{ Endpoint: '/events', Ended: 2, 'First byte': 15, 'Slowest first byte': 20 },
      ...{ 'Average open time': 10_000, 'Longest open time': 15_000 },
    }),
  ]);
  const { rows } = await run('api: Endpoints', SHOP);
  expect(rows.map(({ Endpoint }) => Endpoint)).toEqual(['/rooms/:id', '/slow']);
});

it('computes the Apdex and the error budget', async () => {
  expect(getFirst(await run('overview: Apdex', SHOP))).toBe(1);
  expect(getFirst(await run('overview: Error budget left', SHOP))).toBe(100);
  const { rows } = await run('targets: Error budget left over time', SHOP);
  expect(rows.at(-1)).toMatchObject({ left: 100 });
});

it('continues the value of a setting from before the range, and to its end', async () => {
  const { rows } = await run('actions: Setting values', { interval: '1m' });
  const toPoints = (metric: string) =>
    rows
      .filter((row) => row.metric === metric)
      .map(({ time, value }) => [((time as Date).getTime() - NOW_MS) / MINUTE_MS, value]);
  expect(toPoints('price anna')).toEqual([
    [-60, 3],
    [0, 3],
  ]);
  expect(toPoints('limit anna')).toEqual([
    [-10, 9],
    [-5, 2],
    [0, 2],
  ]);
});
