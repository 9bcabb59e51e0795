import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { getExternalQuestdbTargets } from '../../../src/core/config/questdb-targets.ts';
import { parseSettings } from '../../../src/core/config/settings.ts';
import {
  addToBucket,
  computeStoredBound,
  toBucketRows,
} from '../../../src/core/histogram/histogram-buckets.ts';
import { computePointId } from '../../../src/core/schema/row-ids.ts';
import type { AlertRow } from '../../../src/core/schema/tables/alerts-table.ts';
import type { PerformanceMetricRow } from '../../../src/core/schema/tables/performance-metrics-table.ts';
import type { RuleDecisionRow } from '../../../src/core/schema/tables/rule-decisions-table.ts';
import { narrowScope, UNRESTRICTED_SCOPE } from '../../../src/core/tenant-scope.ts';
import { migrate } from '../../../src/storage/migrations/migrate.ts';
import { queryDatabaseStats } from '../../../src/storage/queries/database-stats.ts';
import { queryUptime } from '../../../src/storage/queries/host-health.ts';
import { queryDistributionTotals } from '../../../src/storage/queries/metric-totals.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../src/storage/queries/query-range.ts';
import { queryQueueStats } from '../../../src/storage/queries/queue-stats.ts';
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
/** The month is kept: a few hours of it must not be older than the rows may be. */
const START_MS = NOW_MS - MONTH_MS + HOUR_MS;
const HOSTILE = ["'; DROP TABLE performance_metrics; --", `o'hara "the \\ second"`, '$__all $x'];
const MANY = 10_000;
const RANGES = { 'a minute': MINUTE_MS, 'an hour': HOUR_MS, 'a day': DAY_MS, '30 days': MONTH_MS };

const questdb = new ExternalQuestdb();
const samples = [
  makeRandomRows(11, START_MS, NOW_MS - START_MS, 4000),
  makeRandomRows(12, NOW_MS - 10 * MINUTE_MS, 10 * MINUTE_MS, 600),
];
let store: QuestdbQueryClient;
let client: pg.Client;

beforeAll(async () => {
  await questdb.start();
  await migrate(questdb.target, DEFAULT_RETENTION);
  const points = samples.flatMap((sample) => sample.points);
  const requests = [...hostileRequests(), ...manyRequests()];
  const statements = points.slice(0, 1500).map(({ row }) => asStatement(row));
  const rows = [...points.map(({ row }) => row), ...samples.flatMap(({ gauges }) => gauges)];
  await insertRows(questdb, 'performance_metrics', [
    ...rows,
    ...statements,
    ...requests,
    ...singleRows(),
    ...breakerRows(),
    ...scalingRows(),
  ]);
  await insertRows(questdb, 'metric_buckets', [
    ...points.flatMap(({ buckets }) => buckets),
    ...[...statements, ...requests].flatMap(bucketsOf),
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
  await insertRows(questdb, 'alerts', alertRows());
  await insertRows(questdb, 'rule_decisions', decisionRows());
  await waitForRollups(questdb);
  store = new QuestdbQueryClient(
    getExternalQuestdbTargets(parseSettings(questdb.env).settings)!.read,
  );
  client = await openReadOnly(questdb.readTarget);
}, 240_000);

afterAll(async () => {
  await client?.end();
  await store?.close();
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

/** A breaker that is open, and one call that it has rejected. */
function breakerRows(): PerformanceMetricRow[] {
  const row = { ...ORIGIN, timestamp: NOW_MS - 20_000, endpoint: 'gateway', test: false };
  const calls = { name: 'perfscope.breaker.calls', operation: 'rejected', value: 1, sum: 1 };
  return [
    { ...row, id: 'b1', metricType: 'BREAKER_STATE', name: 'perfscope.breaker.state', value: 2 },
    { ...row, id: 'b2', metricType: 'CUSTOM', ...calls },
  ];
}

/** What two servers recommend: the same, one of them later than the other. */
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
    const of = (operation: string, endpoint: string, desired: number, current: number) =>
      Object.entries({ desired, current }).map(([what, value]) => ({
        ...row,
        id: `${instance} ${endpoint} ${what}`,
        operation,
        endpoint,
        value,
        name: `perfscope.scaling.${what}`,
      }));
    return [...of('queue', 'mails', 13 + i, 5), ...of('service', 'shop', 2, 2)];
  });
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

function bucketsOf(row: PerformanceMetricRow) {
  const buckets = new Map();
  addToBucket(buckets, computeStoredBound(row.value ?? 0, 1000), 1, 0);
  return toBucketRows(row, buckets, computePointId(row.id ?? ''), row.timestamp);
}

/** What no figure may count, and what Perfscope counts of itself. */
function singleRows(): PerformanceMetricRow[] {
  return [30_000, 2 * HOUR_MS].flatMap((agoMs, i) => [
    request(`sample-${i}`, NOW_MS - agoMs, 60_000, {
      metricType: 'CUSTOM',
      name: 'http.server.request.sample',
      count: 0,
      sum: undefined,
      tags: JSON.stringify({ 'http.response.status_code': 503, trace_id: 'abc' }),
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
    // Both of the same moment: the second counts.
    row('b', 1, 30_000, 'pending'),
    row('b', 2, 30_000, 'firing'),
  ];
}

const viewOf = (ms: number, chosen?: DashboardView['selected']): DashboardView => ({
  fromMs: NOW_MS - ms,
  toMs: NOW_MS,
  ...(chosen && { selected: chosen }),
});
const figure = (answers: ReadonlyMap<string, QueryResult>, name: string) =>
  Object.values(answers.get(name)?.rows[0] ?? {})[0] ?? undefined;
const near = (value: number | undefined) =>
  value === undefined
    ? undefined
    : expect.closeTo(value, Math.max(0, 6 - Math.ceil(Math.log10(Math.abs(value) + 1))));

describe.each(Object.entries(RANGES))('over %s', (name, ms) => {
  let answers: Map<string, QueryResult>;
  beforeAll(async () => {
    answers = await checkDashboards(client, viewOf(ms));
  });

  it('every panel can be drawn, and shows something', () => {
    const empty = DASHBOARD_QUERIES.filter(
      ({ name: query }) => answers.get(query)?.rows.length === 0,
    ).map(({ name: query }) => query);
    // What only happens now and then.
    const rare = ms < HOUR_MS ? RARE_IN_A_MINUTE : RARE;
    expect(empty.filter((query) => !rare.test(query))).toEqual([]);
  });

  it('the figures are those of the API', async () => {
    const question = { scope: UNRESTRICTED_SCOPE, range: { fromMs: NOW_MS - ms, toMs: NOW_MS } };
    const [all] = await queryDistributionTotals(store, question, {
      metricType: 'API_RESPONSE_TIME',
    });
    const database = await queryDatabaseStats(store, question);
    const queues = await queryQueueStats(store, question);
    for (const room of ['overview', 'api']) {
      const of = (title: string) => figure(answers, `perfscope-${room}: ${title}`);
      expect(of('Requests')).toEqual(near(all!.rate));
      expect(of('Average response')).toEqual(near(all!.average));
      expect(of('95th percentile')).toEqual(near(all!.p95));
      expect(of('Failed')).toEqual(near(all!.errorRate));
    }
    const of = (title: string) => figure(answers, `perfscope-database: ${title}`);
    expect(of('Statements') ?? 0).toEqual(near(database.rate));
    expect(of('Average')).toEqual(near(database.averageQueryTime));
    expect(of('95th percentile')).toEqual(near(database.p95QueryTime));
    expect(of('Slow')).toEqual(near(database.slowQueryShare));
    const table = answers.get('perfscope-queues: Queues')!.rows;
    expect(queues.length).toBeGreaterThan(0);
    for (const queue of queues.filter(({ completed, failed }) => completed + failed > 0)) {
      expect(table.find((row) => row.Queue === queue.queue)).toMatchObject({
        Waiting: queue.depth ?? null,
        Completed: queue.completed,
        'Failed jobs': queue.failed,
        Failed: near(queue.failureRate),
        Processing: near(queue.processingTime) ?? null,
        Wait: near(queue.waitTime) ?? null,
      });
    }
    const tenants = await queryDistributionTotals(
      store,
      { ...question, groupBy: ['organization', 'property'] },
      { metricType: 'API_RESPONSE_TIME' },
    );
    const uses = answers.get('perfscope-tenants: Who uses what')!.rows;
    expect(uses).toHaveLength(tenants.length);
    for (const { group, count, average } of tenants) {
      const { organization: Organization = '(none)', property: Property = '(none)' } = group;
      expect(uses).toContainEqual(
        expect.objectContaining({
          Organization,
          Property,
          Requests: count,
          Average: near(average),
        }),
      );
    }
    const ups = await queryUptime(store, { ...question, groupBy: ['service'] });
    const upTable = answers.get('perfscope-system: Uptime')!.rows;
    expect(Object.fromEntries(upTable.map((row) => [row.Service, row.Up]))).toEqual(
      Object.fromEntries(
        ups
          .filter(({ intervals }) => intervals > 0)
          .map((up) => [up.group.service, near(up.uptime)]),
      ),
    );
  });

  it('the lines add up to the total', async () => {
    const question = { scope: UNRESTRICTED_SCOPE, range: { fromMs: NOW_MS - ms, toMs: NOW_MS } };
    const [all] = await queryDistributionTotals(store, question, {
      metricType: 'API_RESPONSE_TIME',
    });
    const heat = answers.get('perfscope-api: Response times')!;
    const counted = heat.rows.reduce(
      (sum, row) =>
        sum + heat.columns.slice(1).reduce((part, column) => part + Number(row[column]), 0),
      0,
    );
    // Buckets of time are shown whole, so the first reaches out of the range.
    expect(counted).toBeGreaterThanOrEqual(all!.count);
    expect([name, counted]).toEqual([name, expect.any(Number)]);
    if (ms >= DAY_MS) expect(counted).toBeLessThan(all!.count * 1.1 + 1000);
  });
});

/** Panels about what does not happen in every range, or that this data have none of. */
const RARE =
  /New versions|dropped|for a connection|Network|Heap|Garbage|Connections|oldest|Disk|Load|Event loop/;
/** A minute has at least requests. */
const RARE_IN_A_MINUTE = /^perfscope-(?!(overview|api): (Requests|Response|Failed))/;

it.each(HOSTILE)('a tenant named %j is a name like any other', async (name) => {
  const chosen = { organization: [name], property: [name] };
  const answers = await checkDashboards(client, viewOf(7 * DAY_MS, chosen));
  const scope = narrowScope(UNRESTRICTED_SCOPE, { organizationId: name });
  const range = { fromMs: NOW_MS - 7 * DAY_MS, toMs: NOW_MS };
  const [all] = await queryDistributionTotals(
    store,
    { scope, range },
    { metricType: 'API_RESPONSE_TIME' },
  );
  expect(all?.count).toBe(3);
  expect(figure(answers, 'perfscope-overview: Average response')).toEqual(near(all!.average));
  const names = answers.get('perfscope-overview: $property')!.rows;
  expect(names).toEqual([{ name }]);
});

it('one tenant sees its own figures only, and several theirs together', async () => {
  for (const organizations of [['anna'], ['anna', 'bert', HOSTILE[0]!]]) {
    const chosen = { organization: organizations };
    const answers = await checkDashboards(client, viewOf(DAY_MS, chosen));
    const scope = narrowScope(UNRESTRICTED_SCOPE, { organizationId: organizations });
    const range = { fromMs: NOW_MS - DAY_MS, toMs: NOW_MS };
    const [all] = await queryDistributionTotals(
      store,
      { scope, range },
      { metricType: 'API_RESPONSE_TIME' },
    );
    expect(figure(answers, 'perfscope-overview: Requests')).toEqual(near(all!.rate));
    const seen = answers.get('perfscope-tenants: Who uses what')!.rows;
    expect(seen.filter((row) => !organizations.includes(String(row.Organization)))).toEqual([]);
    expect(seen.length).toBeGreaterThan(0);
  }
});

it.each([
  ['a tenant that is not there', viewOf(HOUR_MS, { organization: ['nobody'] })],
  ['no name at all', viewOf(HOUR_MS, { organization: [''], service: [''] })],
  ['a range without data', { fromMs: NOW_MS - 400 * DAY_MS, toMs: NOW_MS - 399 * DAY_MS }],
  ['the future', { fromMs: NOW_MS + DAY_MS, toMs: NOW_MS + 2 * DAY_MS }],
])('%s gives empty panels and no error', async (_, view) => {
  const answers = await checkDashboards(client, view);
  for (const title of ['Requests per second', 'Response time', 'Failed requests']) {
    expect(answers.get(`perfscope-overview: ${title}`)?.rows).toEqual([]);
  }
  expect(figure(answers, 'perfscope-overview: Average response')).toBeUndefined();
  expect(figure(answers, 'perfscope-overview: 95th percentile')).toBeUndefined();
});

it('ten thousand endpoints are offered up to a limit, and are all in All', async () => {
  const names = Array.from({ length: MANY }, (_, i) => `/many/${i}`);
  const all = await checkDashboards(client, viewOf(DAY_MS));
  expect(all.get('perfscope-api: $endpoint')?.rows).toHaveLength(5000);
  expect(all.get('perfscope-api: Endpoints')?.rows).toHaveLength(100);
  const lines = all.get('perfscope-api: Requests per second by endpoint')!.rows;
  expect(new Set(lines.map(({ metric }) => metric)).size).toBe(10);
  const some = await checkDashboards(client, viewOf(DAY_MS, { endpoint: names.slice(0, 50) }));
  expect(figure(some, 'perfscope-api: Requests')).toEqual(near(50 / (DAY_MS / 1000)));
});

it('more chosen names than QuestDB takes are refused, and harm nobody else', async () => {
  const endpoint = Array.from({ length: 2000 }, (_, i) => `/many/${i}`);
  const query = DASHBOARD_QUERIES.find(({ name }) => name === 'perfscope-api: Endpoints')!;
  for (let i = 0; i < 5; i++) {
    const other = await openReadOnly(questdb.readTarget);
    other.on('error', () => {});
    await expect(
      other.query(expandDashboardQuery(query, viewOf(DAY_MS, { endpoint }))),
    ).rejects.toThrow();
    await other.end().catch(() => {});
  }
  const { rows } = await client.query(
    expandDashboardQuery(query, viewOf(DAY_MS, { endpoint: ['/many/1'] })),
  );
  expect(rows).toHaveLength(1);
  const invalid = await questdb.sql(
    "SELECT view_name FROM materialized_views() WHERE view_status = 'invalid'",
  );
  expect(invalid).toEqual([]);
});

it('alerts are in the state of their last transition', async () => {
  const answers = await checkDashboards(client, viewOf(HOUR_MS));
  expect(answers.get('perfscope-alerts: Now')?.rows).toEqual([
    { Firing: 1, 'Not acknowledged': 1 },
  ]);
  expect(answers.get('perfscope-alerts: Alerts that go on')?.rows).toEqual([
    expect.objectContaining({ Rule: 'error-rate', State: 'firing', Service: 'shop' }),
  ]);
  expect(figure(answers, 'perfscope-alerts: Time to acknowledge')).toBe(5 * MINUTE_MS);
  expect(figure(answers, 'perfscope-alerts: Time to resolve')).toBe(20 * MINUTE_MS);
  expect(answers.get('perfscope-api: @Alerts')?.rows).toHaveLength(2);
  expect(answers.get('perfscope-api: Single requests')?.rows).toEqual([
    expect.objectContaining({ Duration: 60_000, Status: '503', Trace: 'abc' }),
  ]);
  expect(figure(answers, 'perfscope-own: Rows dropped')).toBe(7);
});

it('what several servers recommend is recommended once, and the newest counts', async () => {
  for (const ms of [MINUTE_MS, DAY_MS]) {
    const answers = await checkDashboards(client, viewOf(ms));
    const of = (title: string) => answers.get(`perfscope-actions: ${title}`)!.rows;
    expect(of('Recommendations')).toMatchObject([
      { Kind: 'queue', Name: 'mails', Present: 5, Recommended: 14, Difference: 9 },
      { Kind: 'service', Name: 'shop', Present: 2, Recommended: 2, Difference: 0 },
    ]);
    const lines = of('Workers of queues').map(({ metric, value }) => `${metric} ${value}`);
    expect(lines.at(-1)).toMatch(/^mails (recommended 14|present 5)$/);
    expect(new Set(lines)).toContain('mails recommended 14');
  }
  const chosen = { service: ['elsewhere'], organization: ['nobody'] };
  const answers = await checkDashboards(client, viewOf(HOUR_MS, chosen));
  expect(answers.get('perfscope-actions: Recommendations')!.rows).toMatchObject([
    { Kind: 'queue', Name: 'mails' },
  ]);
});

it('asking changes nothing, and is not allowed to', async () => {
  const state = () =>
    questdb.sql(
      "SELECT name, sequencerTxn FROM wal_tables() WHERE name NOT LIKE '%\\_1_' ORDER BY name",
    );
  const before = await state();
  await checkDashboards(client, viewOf(HOUR_MS));
  expect(await state()).toEqual(before);
  await expect(client.query('DROP TABLE performance_metrics')).rejects.toThrow(
    /denied|not allowed/i,
  );
});

it('answers again after QuestDB was restarted', async () => {
  const name = 'perfscope-overview: Average response';
  const before = figure(await checkDashboards(client, viewOf(DAY_MS)), name);
  client.on('error', () => {});
  await questdb.kill();
  await expect(checkDashboards(client, viewOf(DAY_MS))).rejects.toThrow();
  await questdb.start();
  client = await openReadOnly(questdb.readTarget);
  expect(figure(await checkDashboards(client, viewOf(DAY_MS)), name)).toEqual(
    near(before as number),
  );
});
