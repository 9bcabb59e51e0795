import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Measurement } from '../../../../src/agent/record/measurement.ts';
import { ApiError, PerfscopeClient } from '../../../../src/client.ts';
import { MINUTE_MS } from '../../../../src/core/duration.ts';
import { OWN_SERVICE_NAME } from '../../../../src/core/own-service.ts';
import type { PerformanceMetricRow } from '../../../../src/core/schema/tables/performance-metrics-table.ts';
import { createOrganizationScope, UNRESTRICTED_SCOPE } from '../../../../src/core/tenant-scope.ts';
import { ENDPOINTS, type EndpointName } from '../../../../src/server/api/endpoint-registry.ts';
import { TestApiServer } from '../../../support/api-server.ts';
import { suspendTable } from '../../../support/suspend-table.ts';
import { waitFor } from '../../../support/wait-for.ts';

const api = new TestApiServer();
/** Start of a past time range of ten whole minutes. */
const FROM = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS - 12 * MINUTE_MS;
const TO = FROM + 10 * MINUTE_MS;
const range = { from: FROM, to: TO };
/** Part of every name of the second organization. */
const OTHER_MARKER = 'foreign-secret';
let client: PerfscopeClient;

beforeAll(async () => {
  await api.start();
  client = new PerfscopeClient({ url: api.url });
  const { recorder, add } = api.dependencies;
  const recordRequest = (minute: number, overrides: Partial<Measurement>) =>
    recorder.recordMetric({
      metricType: 'API_RESPONSE_TIME',
      name: 'http.server.request.duration',
      value: 10,
      operation: 'GET',
      endpoint: '/rooms',
      organizationId: 'anna',
      propertyId: 'north',
      timestamp: FROM + minute * MINUTE_MS + 1000,
      ...overrides,
    });
  for (let i = 0; i < 30; i++) recordRequest(i % 10, {});
  for (let i = 0; i < 10; i++) recordRequest(5, { endpoint: '=cmd()', value: 1000, error: i < 5 });
  for (let i = 0; i < 5; i++) recordRequest(-5, { value: 20 });
  recordRequest(3, { test: true, value: 5000 });
  const otherTenant = {
    organizationId: OTHER_MARKER,
    propertyId: OTHER_MARKER,
    operation: OTHER_MARKER,
  };
  for (let i = 0; i < 3; i++)
    recordRequest(2, { ...otherTenant, endpoint: OTHER_MARKER, service: OTHER_MARKER });
  for (const tenant of [{ organizationId: 'anna' }, otherTenant]) {
    recorder.recordMetric({
      metricType: 'OUTGOING_REQUEST_TIME',
      name: 'http.client.request.duration',
      value: 40,
      operation: 'GET',
      endpoint: `payments.${tenant.organizationId}.example`,
      ...tenant,
      timestamp: FROM + MINUTE_MS,
    });
  }
  for (const [i, value] of [10, 20, 900].entries()) {
    for (const tenant of [{ organizationId: 'anna' }, otherTenant]) {
      recorder.recordMetric({
        metricType: 'DATABASE_QUERY_TIME',
        name: 'db.client.operation.duration',
        value,
        operation: 'SELECT',
        endpoint: `SELECT ${i} ${tenant.organizationId}`,
        ...tenant,
        timestamp: FROM + MINUTE_MS,
        tags: { tenant: tenant.organizationId },
      });
    }
  }
  for (const tenant of [{ organizationId: 'anna' }, otherTenant]) {
    for (let i = 0; i < 4; i++) {
      recorder.recordQueueMetric({
        queueName: `mail-${tenant.organizationId}`,
        jobId: `${i}`,
        jobType: 'send',
        status: i === 0 ? 'failed' : 'completed',
        duration: 100,
        waitTime: 40,
        ...tenant,
        timestamp: FROM + 4 * MINUTE_MS,
      });
    }
    recorder.recordMetric({
      metricType: 'QUEUE_DEPTH',
      name: 'perfscope.queue.depth',
      value: 7,
      unit: '{job}',
      endpoint: `mail-${tenant.organizationId}`,
      operation: 'waiting',
      ...tenant,
      timestamp: FROM + 4 * MINUTE_MS,
    });
  }
  add(
    'system_health',
    Array.from({ length: 10 }, (_, i) => ({
      id: `h${i}`,
      service: i % 2 ? OTHER_MARKER : 'shop',
      instance: i % 2 ? OTHER_MARKER : 'shop-1',
      timestamp: FROM + i * MINUTE_MS,
      createdAt: FROM,
      status: 'healthy',
      cpuUsage: 10 + i,
    })),
  );
  const process = {
    metricType: 'CUSTOM',
    name: 'perfscope.coverage',
    unit: '1',
    test: false,
  } as const;
  add(
    'performance_metrics',
    ['web-1', 'web-2', 'web-2'].map((instance, i) => ({
      ...process,
      id: `coverage${i}`,
      service: 'shop',
      serviceVersion: '1.2.0',
      instance,
      timestamp: FROM + i * MINUTE_MS,
      endpoint: 'pg',
      operation: '9.0.0',
      value: i === 1 ? 0 : 1,
      tags: i === 1 ? '{"reason":"not yet"}' : undefined,
    })),
  );
  add('performance_metrics', [
    {
      ...process,
      id: 'coverage3',
      service: 'shop',
      instance: 'web-1',
      timestamp: FROM,
      endpoint: 'express',
      operation: '3.0.0',
      value: 0,
      tags: '{"reason":"only version 4 to 5 is supported"}',
    },
  ]);
  const error = { level: 'error', kind: 'job', errorType: 'Error', count: 1, stackTrace: 'at x' };
  add('error_logs', [
    ...[0, 1, 2].map((i) => ({
      ...error,
      id: `e${i}`,
      fingerprint: 'f1',
      message: `no room ${i}`,
      count: 1 + i,
      timestamp: FROM + i * MINUTE_MS,
      organizationId: 'anna',
      propertyId: 'north',
      service: 'shop',
      endpoint: 'mail',
      context: '{"attempts":3}',
    })),
    {
      ...error,
      id: 'e9',
      fingerprint: 'f2',
      kind: 'uncaught',
      level: 'fatal',
      timestamp: FROM + 5 * MINUTE_MS,
      organizationId: 'anna',
      message: 'gone',
    },
    {
      ...error,
      id: OTHER_MARKER,
      fingerprint: 'f1',
      message: OTHER_MARKER,
      count: 100,
      context: OTHER_MARKER,
      timestamp: FROM + 6 * MINUTE_MS,
      organizationId: OTHER_MARKER,
      propertyId: OTHER_MARKER,
      service: OTHER_MARKER,
      endpoint: OTHER_MARKER,
      userId: OTHER_MARKER,
      stackTrace: OTHER_MARKER,
    },
  ]);
  add('performance_metrics', [
    {
      ...toRequestRow('/mixed'),
      ...{ count: 10, errorCount: 2, abortedCount: 5, sum: 1000, min: 50, max: 300, value: 100 },
      ...{ count2xx: 6, count3xx: 1, count4xx: 1, count5xx: 2 },
      ...{ firstByteSum: 800, firstByteMax: 250 },
    },
    { ...toRequestRow('/left'), count: 0, errorCount: 0, abortedCount: 3, sum: 0 },
    {
      ...toRequestRow('/events'),
      ...{ metricType: 'API_STREAM_DURATION', name: 'http.server.stream.duration' },
      ...{
        count: 2,
        errorCount: 0,
        abortedCount: 0,
        sum: 120_000,
        min: 1,
        max: 90_000,
        count2xx: 2,
      },
      ...{ firstByteSum: 10, firstByteMax: 8, value: 60_000 },
    },
    {
      ...toRequestRow('/mixed'),
      ...{ id: 'own', service: OWN_SERVICE_NAME, count: 1000, errorCount: 1000, sum: 1e6 },
    },
    {
      ...toRequestRow('/parts'),
      ...{ organizationId: 'parts', operation: 'POST', count: 4, sum: 400, value: 100 },
      ...{ databaseTime: 240, databaseCalls: 8, outgoingTime: 60, outgoingCalls: 4 },
      ...{ queueTime: 20, queueCalls: 2, connectionWaitTime: 40, eventLoopWaitTime: 0 },
      ownTime: 40,
    },
    // An older agent stores no breakdown.
    {
      ...toRequestRow('/parts'),
      ...{ id: 'no parts', organizationId: 'parts', operation: 'POST', count: 4, sum: 400 },
      value: 100,
    },
    ...[3, 2].map((requests, i) => ({
      ...toRequestRow('/parts'),
      ...{ id: `repeated-${i}`, organizationId: 'parts', metricType: 'CUSTOM' as const },
      ...{ name: 'perfscope.request.repeated_statements', unit: '{statement}' },
      ...{ operation: `SELECT ${i}`, count: requests, sum: 10 * requests, max: 12, value: 10 },
    })),
    ...['/a', undefined].map((endpoint, i) => ({
      ...toRequestRow('/a'),
      ...{ id: `route-${i}`, organizationId: 'routes', endpoint, count: 3 + i, sum: 10, value: 1 },
    })),
  ]);
  await api.waitUntilStored();
});
afterAll(() => api.remove());

function toRequestRow(endpoint: string): PerformanceMetricRow {
  return {
    id: endpoint,
    metricType: 'API_RESPONSE_TIME',
    name: 'http.server.request.duration',
    unit: 'ms',
    endpoint,
    operation: 'GET',
    organizationId: 'statuses',
    service: 'shop',
    instance: 'shop-1',
    timestamp: FROM + MINUTE_MS,
    test: false,
  };
}
beforeEach(() => {
  api.scope = UNRESTRICTED_SCOPE;
});

describe('endpoints', () => {
  beforeEach(() => {
    api.scope = createOrganizationScope('anna');
  });

  it('dashboard returns all metrics and their previous values', async () => {
    const dashboard = await client.get('dashboard', range);
    expect(dashboard).toMatchObject({
      from: new Date(FROM).toISOString(),
      to: new Date(TO).toISOString(),
      api: { count: 40, errorCount: 5, errorRate: 12.5, average: 257.5, min: 10, max: 1000 },
      database: { count: 3, average: 310, averageQueryTime: 310 },
      queues: [{ queue: 'mail-anna', completed: 3, failed: 1, failureRate: 25, depth: 7 }],
      systemHealth: [],
      trends: { responseTime: { current: 257.5, previous: 20 } },
    });
    expect((await client.get('dashboard', { ...range, includeTest: true })).api.count).toBe(41);
    expect((await client.get('dashboard', { ...range, propertyId: ['south'] })).api.count).toBe(0);
  });

  it('endpoints sorts groups, and groups by any dimensions', async () => {
    const { endpoints, nextCursor } = await client.get('endpoints', { ...range, sort: 'average' });
    expect(endpoints).toMatchObject([
      {
        group: { endpoint: '=cmd()', operation: 'GET' },
        count: 10,
        average: 1000,
        errorRate: 50,
        rate: 10 / 600,
        apdex: 0.25,
        slowShare: 100,
      },
      { group: { endpoint: '/rooms', operation: 'GET' }, count: 30, average: 10, apdex: 1 },
    ]);
    expect(endpoints[1]?.p99).toBeCloseTo(10, -0.3);
    expect(nextCursor).toBeUndefined();
    const ascending = await client.get('endpoints', { ...range, sort: 'endpoint', limit: 1 });
    expect(ascending.endpoints).toMatchObject([{ group: { endpoint: '/rooms' } }]);
    const byTenant = await client.get('endpoints', {
      ...range,
      groupBy: ['organizationId', 'propertyId', 'service'],
      endpoint: ['/rooms'],
    });
    expect(byTenant.endpoints).toMatchObject([
      { group: { organizationId: 'anna', propertyId: 'north', service: 'shop' }, count: 30 },
    ]);
  });

  it('endpoints and dashboard return aborted requests, statuses, and streams', async () => {
    api.scope = createOrganizationScope('statuses');
    const details = {
      ...{ count: 10, errorCount: 2, errorRate: 20, average: 100, abortedCount: 5 },
      ...{ count2xx: 6, count3xx: 1, count4xx: 1, count5xx: 2 },
      ...{ firstByteAverage: 80, firstByteMax: 250 },
    };
    const stream = {
      ...{ count: 2, errorCount: 0, average: 60_000, max: 90_000, count2xx: 2 },
      ...{ firstByteAverage: 5, firstByteMax: 8 },
    };
    const { endpoints, streams } = await client.get('endpoints', { ...range, sort: 'abortedRate' });
    expect(endpoints).toMatchObject([
      { group: { endpoint: '/left' }, count: 0, abortedCount: 3, abortedRate: 100 },
      { group: { endpoint: '/mixed' }, ...details, abortedRate: 100 / 3 },
    ]);
    expect(endpoints[0]).not.toHaveProperty('average');
    expect(streams).toMatchObject([
      { group: { endpoint: '/events', operation: 'GET' }, ...stream },
    ]);
    const { api: figures } = await client.get('dashboard', range);
    expect(figures).toMatchObject({ ...details, abortedCount: 8, streams: stream });
  });

  it('endpoints and dashboard return where the time goes', async () => {
    api.scope = createOrganizationScope('parts');
    const breakdown = {
      ...{ databaseTime: 60, databaseShare: 60, databaseCalls: 2 },
      ...{ outgoingTime: 15, outgoingShare: 15, outgoingCalls: 1 },
      ...{ queueTime: 5, queueShare: 5, queueCalls: 0.5 },
      ...{ connectionWaitTime: 10, connectionWaitShare: 10 },
      ...{ eventLoopWaitTime: 0, eventLoopWaitShare: 0, ownTime: 10, ownShare: 10 },
    };
    const { endpoints } = await client.get('endpoints', { ...range, sort: 'databaseTime' });
    const repeatedStatement = { statement: 'SELECT 0', requests: 3, average: 10, max: 12 };
    expect(endpoints).toMatchObject([
      { group: { endpoint: '/parts' }, count: 8, average: 100, ...breakdown, repeatedStatement },
    ]);
    expect((await client.get('dashboard', range)).api).toMatchObject(breakdown);
    const byService = await client.get('endpoints', { ...range, groupBy: ['service'] });
    expect(byService.endpoints).toMatchObject([breakdown]);
    expect(byService.endpoints[0]).not.toHaveProperty('repeatedStatement');
    const filtered = await client.get('endpoints', { ...range, operation: ['POST'] });
    expect(filtered.endpoints).toMatchObject([{ repeatedStatement }]);
  });

  it.each([
    [['(no route)'], [4]],
    [['(none)'], [4]],
    [
      ['(none)', '/a'],
      [4, 3],
    ],
    [['/a'], [3]],
  ])('endpoints selects requests without a route with the filter %j', async (endpoint, counts) => {
    api.scope = createOrganizationScope('routes');
    const { endpoints } = await client.get('endpoints', { ...range, sort: 'count', endpoint });
    expect(endpoints.map(({ count }) => count)).toEqual(counts);
  });

  it("the server's own requests are only in figures of its service", async () => {
    api.scope = createOrganizationScope('statuses');
    const own = { ...range, service: [OWN_SERVICE_NAME] };
    expect((await client.get('endpoints', own)).endpoints).toMatchObject([{ count: 1000 }]);
    expect((await client.get('dashboard', own)).api).toMatchObject({ count: 1000 });
    const { series } = await client.get('trends', { ...range, step: '10m', aggregate: ['count'] });
    expect(series[0]?.points).toMatchObject([{ count: 10 }]);
  });

  it('endpoints escapes formulas in CSV', async () => {
    const text = await client.csv('endpoints', { ...range, sort: 'endpoint' });
    const lines = text.split('\r\n');
    expect(lines[0]).toMatch(/^endpoint,operation,count,rate,errorCount,errorRate,average,/);
    expect(lines[1]).toMatch(/^\/rooms,GET,30,0\.05,0,0,10,/);
    expect(lines[2]).toMatch(/^'=cmd\(\),GET,10,/);
    const response = await fetch(`${api.url}/api/performance/endpoints?from=${FROM}&to=${TO}`, {
      headers: { Accept: 'text/csv' },
    });
    expect(response.headers.get('Content-Type')).toContain('text/csv');
  });

  it('database returns statements and the share of slow queries', async () => {
    const { figures, statements } = await client.get('database', { ...range, sort: 'max' });
    expect(figures).toMatchObject({ count: 3, average: 310 });
    expect(figures.slowShare).toBeCloseTo(100 / 3);
    expect(figures.slowQueryShare).toBe(figures.slowShare);
    expect(statements.map(({ group, slowShare }) => [group.endpoint, slowShare])).toEqual([
      ['SELECT 2 anna', 100],
      ['SELECT 1 anna', 0],
      ['SELECT 0 anna', 0],
    ]);
  });

  it('queues returns tenants and metrics over time', async () => {
    const { queues, tenants, series } = await client.get('queues', { ...range, step: '1m' });
    expect(queues).toMatchObject([{ queue: 'mail-anna', completed: 3, failed: 1 }]);
    expect(tenants).toMatchObject([
      { organizationId: 'anna', ended: 4, processing: 400, processingShare: 100, waiting: 160 },
    ]);
    expect(series).toEqual([
      {
        queue: 'mail-anna',
        points: [
          {
            at: new Date(FROM + 4 * MINUTE_MS).toISOString(),
            arrived: 0,
            completed: 3,
            failed: 1,
            stalled: 0,
            averageProcessing: 100,
            averageWait: 40,
            depth: 7,
          },
        ],
      },
    ]);
    expect((await client.get('queues', range)).series).toBeUndefined();
  });

  it('trends shifts the points of an earlier range to the current range', async () => {
    const trends = await client.get('trends', {
      ...range,
      step: '1m',
      compare: 'previous',
      groupBy: ['organizationId'],
      aggregate: ['count', 'average', 'errorRate', 'max', 'p50', 'apdex'],
    });
    expect(trends).toMatchObject({ step: '1m', timeZone: 'Europe/Vienna', omittedSeries: 0 });
    const [series] = trends.series;
    expect(series?.group).toEqual({ organizationId: 'anna' });
    expect(series?.points.map(({ at }) => at)).toEqual(
      Array.from({ length: 10 }, (_, i) => new Date(FROM + i * MINUTE_MS).toISOString()),
    );
    expect(series?.points[5]).toMatchObject({ count: 13, max: 1000, errorRate: (100 * 5) / 13 });
    expect(series?.compared).toMatchObject([
      { at: new Date(FROM + 5 * MINUTE_MS).toISOString(), count: 5, average: 20 },
    ]);
    expect(trends.summary.responseTime).toMatchObject({ current: 257.5, previous: 20 });
  });

  it('trends returns gauges, and limits the number of series', async () => {
    const depth = { ...range, metricType: 'QUEUE_DEPTH', aggregate: ['last', 'max'] } as const;
    const gauge = await client.get('trends', { ...depth, aggregate: [...depth.aggregate] });
    expect(gauge.series[0]?.points).toMatchObject([{ last: 7, max: 7 }]);
    const { series, omittedSeries } = await client.get('trends', {
      ...range,
      groupBy: ['endpoint'],
      limit: 1,
      step: '10m',
    });
    expect([series.length, series[0]?.group.endpoint, omittedSeries]).toEqual([1, '/rooms', 1]);
    const csv = await client.csv('trends', { ...range, step: '10m', aggregate: ['count'] });
    expect(csv.split('\r\n').slice(0, 2)).toEqual([
      'at,compared,count',
      expect.stringMatching(/Z,false,\d+$/),
    ]);
  });

  it('health returns hosts and uptime only to callers with access to hosts', async () => {
    const limited = await client.get('health', range);
    expect(limited).toEqual({ status: 'healthy', timestamp: expect.any(String) });
    api.scope = UNRESTRICTED_SCOPE;
    const all = await client.get('health', { ...range, service: ['shop'] });
    expect(all.metrics).toMatchObject({ cpu: 12, gauges: { activeUsers: 3 } });
    expect(all.hosts).toMatchObject([{ service: 'shop', cpuUsage: 18 }]);
    // The service reports every other minute. A single interval without a report isn't downtime.
    expect(all.uptime).toEqual([{ service: 'shop', uptime: 100, intervals: 10, reported: 5 }]);
  });

  it('coverage returns the latest state of each process, only to callers with access to hosts', async () => {
    expect((await client.get('coverage', range)).coverage).toEqual([]);
    api.scope = UNRESTRICTED_SCOPE;
    const { coverage } = await client.get('coverage', { ...range, service: ['shop'] });
    expect(coverage).toEqual([
      {
        service: 'shop',
        library: 'express',
        libraryVersion: '3.0.0',
        measured: 0,
        unmeasured: 1,
        reason: 'only version 4 to 5 is supported',
      },
      {
        service: 'shop',
        version: '1.2.0',
        library: 'pg',
        libraryVersion: '9.0.0',
        measured: 2,
        unmeasured: 0,
      },
    ]);
  });

  it('metrics filters rows and returns their tags', async () => {
    const { metrics } = await client.get('metrics', {
      ...range,
      metricType: ['DATABASE_QUERY_TIME'],
      endpoint: ['SELECT 2 anna'],
    });
    expect(metrics).toMatchObject([
      {
        value: 900,
        name: 'db.client.operation.duration',
        tags: { tenant: 'anna' },
        service: 'shop',
      },
    ]);
    expect((await client.get('metrics', { ...range, userId: ['nobody'] })).metrics).toEqual([]);
    const csv = await client.csv('metrics', { ...range, metricType: ['DATABASE_QUERY_TIME'] });
    expect(csv.split('\r\n')).toHaveLength(5);
    expect(csv).toContain('"{""tenant"":""anna""}"');
  });

  it("errors groups occurrences and returns each group's last occurrence", async () => {
    const { errors } = await client.get('errors', { ...range, sort: 'count' });
    expect(errors).toMatchObject([
      {
        fingerprint: 'f1',
        count: 6,
        kind: 'job',
        message: 'no room 2',
        endpoint: 'mail',
        firstSeen: new Date(FROM).toISOString(),
        lastSeen: new Date(FROM + 2 * MINUTE_MS).toISOString(),
        example: { id: 'e2', context: { attempts: 3 }, stackTrace: 'at x', propertyId: 'north' },
      },
      { fingerprint: 'f2', count: 1, level: 'fatal', type: 'Error', message: 'gone' },
    ]);
    const filtered = await client.get('errors', {
      ...range,
      kind: ['uncaught'],
      level: ['fatal'],
    });
    expect(filtered.errors.map(({ fingerprint }) => fingerprint)).toEqual(['f2']);
    expect((await client.get('errors', { ...range, endpoint: ['mail'] })).errors).toHaveLength(1);
    const seen: string[] = [];
    for await (const page of client.pages('errors', { ...range, limit: 1 })) {
      seen.push(...page.errors.map(({ fingerprint }) => fingerprint));
    }
    expect(seen).toEqual(['f2', 'f1']);
    const { errors: series, times } = await client.get('errors', {
      ...range,
      fingerprint: ['f1'],
      step: '1m',
    });
    expect(series).toHaveLength(1);
    expect(series[0]?.points).toHaveLength(times?.length ?? 0);
    expect(times?.[0]).toBe(new Date(FROM).toISOString());
    expect(series[0]?.points?.reduce((sum, count) => sum + count, 0)).toBe(6);
    expect(series[0]?.points?.[2]).toBeGreaterThan(0);
    const csv = await client.csv('errors', range);
    expect(csv.split('\r\n')[0]).toBe(
      'fingerprint,count,firstSeen,lastSeen,kind,level,type,message,endpoint,service',
    );
  });

  it('openapi describes all endpoints', async () => {
    const document = await client.get('openapi');
    expect(document.openapi).toBe('3.1.0');
    expect(Object.keys(document.paths as object)).toContain('/api/performance/trends');
  });
});

/** Query strings for testing tenant isolation. Add an entry for each new endpoint. */
const SCOPE_TEST_QUERIES: { readonly [N in EndpointName]: string | undefined } = {
  dashboard: `?from=${FROM}&to=${TO}&includeTest=true`,
  trends: `?from=${FROM}&to=${TO}&groupBy=organizationId,endpoint,service&compare=yesterday`,
  // Only administrators can run backtests.
  backtest: undefined,
  noise: undefined,
  // Responses contain no names.
  distribution: undefined,
  trendsSql: `?from=${FROM}&to=${TO}&organizationId=${OTHER_MARKER}`,
  endpoints: `?from=${FROM}&to=${TO}&groupBy=organizationId,endpoint,service,operation`,
  database: `?from=${FROM}&to=${TO}&groupBy=organizationId,endpoint,service,operation`,
  outgoing: `?from=${FROM}&to=${TO}&groupBy=organizationId,endpoint,service,operation`,
  queues: `?from=${FROM}&to=${TO}&step=1m`,
  jobs: `?from=${FROM}&to=${TO}&includeTest=true`,
  job: undefined,
  health: `?from=${FROM}&to=${TO}`,
  coverage: undefined,
  metrics: `?from=${FROM}&to=${TO}&limit=10000`,
  values: `?from=${FROM}&to=${TO}&dimension=endpoint`,
  catalog: `?from=${FROM}&to=${TO}`,
  errors: `?from=${FROM}&to=${TO}`,
  stream: '?interval=1m',
  test: '?action=dashboard',
  // Public, and returns no rows.
  openapi: undefined,
  storage: undefined,
  keys: undefined,
  key: undefined,
  marks: undefined,
  deploys: undefined,
  deploy: undefined,
  compare: undefined,
  me: undefined,
  alerts: undefined,
  alert: undefined,
  alertSeries: undefined,
  acknowledge: undefined,
  incidents: undefined,
  incident: undefined,
  acknowledgeIncident: undefined,
  rules: undefined,
  rule: undefined,
  bands: undefined,
  anomalies: undefined,
  objectives: undefined,
  objective: undefined,
  forecasts: undefined,
  businessImpact: undefined,
  forecast: undefined,
  silences: undefined,
  silence: undefined,
  notifications: undefined,
  read: undefined,
  receivers: undefined,
  testReceiver: undefined,
  people: undefined,
  person: undefined,
  actions: undefined,
  decisions: undefined,
  scaling: undefined,
  bottlenecks: `?from=${FROM}&to=${TO}&groupBy=organizationId,endpoint,service,operation`,
  suggestions: undefined,
  dismissSuggestion: undefined,
  explainSuggestion: undefined,
};
/** Endpoints whose isolation is tested in other files, such as `alerts-api.test.ts` and `jobs-api.test.ts`. */
const TESTED_ELSEWHERE = [
  'keys',
  'key',
  'me',
  'job',
  'marks',
  'bands',
  'anomalies',
  'alerts',
  'alert',
  'alertSeries',
  'acknowledge',
  'incidents',
  'incident',
  'acknowledgeIncident',
  'rules',
  'rule',
  'objectives',
  'objective',
  'businessImpact',
  'forecasts',
  'forecast',
  'silences',
  'silence',
  'notifications',
  'read',
  'receivers',
  'testReceiver',
  'people',
  'person',
  'actions',
  'decisions',
  'scaling',
  'coverage',
  'distribution',
  'storage',
  'deploys',
  'deploy',
  'compare',
  'backtest',
  'noise',
  'suggestions',
  'dismissSuggestion',
  'explainSuggestion',
];

describe('tenant isolation', () => {
  it('is tested for every endpoint', () => {
    expect(Object.keys(SCOPE_TEST_QUERIES).sort()).toEqual(Object.keys(ENDPOINTS).sort());
    for (const [name, { permission }] of Object.entries(ENDPOINTS)) {
      if (TESTED_ELSEWHERE.includes(name)) continue;
      const untested = SCOPE_TEST_QUERIES[name as EndpointName] === undefined;
      expect([name, untested]).toEqual([name, permission === 'public']);
    }
  });

  const names = Object.keys(SCOPE_TEST_QUERIES) as EndpointName[];
  it.each(names.filter((name) => SCOPE_TEST_QUERIES[name] && name !== 'stream'))(
    'hides rows of other tenants: %s',
    async (name) => {
      const fetchText = async (parameters = '') => {
        const { path } = ENDPOINTS[name];
        return (await fetch(`${api.url}${path}${SCOPE_TEST_QUERIES[name]}${parameters}`)).text();
      };
      expect(await fetchText()).toContain(OTHER_MARKER);
      for (const scope of [
        createOrganizationScope('anna'),
        createOrganizationScope('anna', ['north']),
        createOrganizationScope('nobody'),
      ]) {
        api.scope = scope;
        expect(await fetchText()).not.toContain(OTHER_MARKER);
        // A filter for another tenant must not return its rows either.
        if ('organizationId' in ENDPOINTS[name].query.shape) {
          expect(await fetchText(`&organizationId=${OTHER_MARKER}`)).not.toContain(OTHER_MARKER);
        }
      }
    },
  );

  it('hides rows of other tenants: stream', async () => {
    const countVisible = async () => {
      let sum = 0;
      const lastEventId = `point=${FROM}`;
      for await (const event of client.stream({ interval: '1m' }, { lastEventId })) {
        if (event.type !== 'point') continue;
        sum += event.data.jobs.completed + event.data.database.count;
        if (Date.parse(event.data.to) === TO) break;
      }
      return sum;
    };
    expect(await countVisible()).toBe(12);
    api.scope = createOrganizationScope('anna');
    expect(await countVisible()).toBe(6);
    api.scope = createOrganizationScope('nobody');
    expect(await countVisible()).toBe(0);
  });
});

describe('pagination', () => {
  it('returns every row once, even while rows are inserted, and then ends', async () => {
    const { recorder } = api.dependencies;
    const metric = { name: 'paged', metricType: 'CUSTOM' as const, value: 1 };
    for (let i = 0; i < 100; i++) {
      recorder.recordMetric({ ...metric, tags: { i }, timestamp: FROM + Math.floor(i / 10) });
    }
    await api.waitUntilStored();
    // Two rows in the same millisecond that differ only in microseconds.
    await api.questdb.sql(
      `INSERT INTO performance_metrics (timestamp, id, name, metric_type, value, test) VALUES
       (${FROM * 1000 + 1}, 'micro-1', 'paged', 'CUSTOM', 1, false),
       (${FROM * 1000 + 2}, 'micro-2', 'paged', 'CUSTOM', 1, false)`,
    );
    await api.waitUntilStored();
    const seen: string[] = [];
    for await (const { metrics } of client.pages('metrics', {
      ...range,
      name: ['paged'],
      limit: 7,
    })) {
      seen.push(...metrics.map(({ id }) => id));
      // Newer than every page, so no page contains this row.
      recorder.recordMetric({ ...metric, timestamp: FROM + 5000 + seen.length });
      await api.waitUntilStored();
    }
    expect(seen).toHaveLength(102);
    expect(new Set(seen).size).toBe(102);
    expect(seen.slice(-10).join()).not.toContain('micro');
    expect(seen).toEqual(expect.arrayContaining(['micro-1', 'micro-2']));
  });

  it('returns every group once, and keeps the time range of the first page', async () => {
    const seen: unknown[] = [];
    for await (const page of client.pages('endpoints', { last: '30m', limit: 1 })) {
      seen.push(...page.endpoints.map(({ group }) => group.endpoint));
      expect(Date.now() - Date.parse(page.to)).toBeGreaterThanOrEqual(0);
    }
    expect(seen.sort()).toEqual([
      '/a',
      '/left',
      '/mixed',
      '/parts',
      '/rooms',
      '=cmd()',
      OTHER_MARKER,
      undefined,
    ]);
  });

  it('rejects a cursor that was created for other parameters', async () => {
    const { nextCursor } = await client.get('metrics', { ...range, limit: 1 });
    const response = client.get('metrics', { ...range, name: ['x'], cursor: nextCursor });
    await expect(response).rejects.toMatchObject({
      code: 'PS_REQUEST_INVALID',
      status: 400,
      problem: { errors: [{ parameter: 'cursor' }] },
    });
    expect(await response.catch((error) => error)).toBeInstanceOf(ApiError);
  });
});

/** Stores all recorded rows, and waits until they can be read, although other rows follow. */
async function waitUntilApplied(): Promise<void> {
  await api.dependencies.flush();
  const select = (column: string) =>
    api.questdb.sql(`SELECT name, ${column} FROM wal_tables() WHERE writerTxn < sequencerTxn`);
  for (const [table, txn] of await select('sequencerTxn')) {
    await waitFor(async () => {
      const rows = await select('writerTxn');
      return rows.every(([name, applied]) => name !== table || Number(applied) >= Number(txn));
    });
  }
}

describe('the stream', () => {
  it('resumes without gaps or duplicates', async () => {
    const { recorder, queryClient } = api.dependencies;
    // QuestDB applies rows later, so each query waits until the rows of its intervals can be read.
    api.dependencies.queryClient = {
      ...{ getCatalog: queryClient.getCatalog, scan: queryClient.scan },
      read: async (...args) => {
        await waitUntilApplied();
        return queryClient.read(...args);
      },
    };
    const received: { id: string; from: string; to: string; count: number }[] = [];
    const startMs = Date.now();
    let recordedCount = 0;
    const timer = setInterval(() => {
      recordedCount += 1;
      recorder.recordMetric({
        metricType: 'API_RESPONSE_TIME',
        name: 'x',
        value: 5,
        service: 'streamed',
      });
      void api.dependencies.flush();
    }, 100);
    let lastEventId: string | undefined;
    for (let connection = 0; connection < 4; connection++) {
      for await (const { id, type, data } of client.stream(
        { interval: '1s', service: ['streamed'] },
        { lastEventId },
      )) {
        expect(type).toBe('point');
        lastEventId = id;
        if (type === 'point') received.push({ id, ...data, count: data.api.count });
        if (received.length >= 3 * (connection + 1)) break;
      }
      if (connection === 2) clearInterval(timer);
      // An interval ends while the client is disconnected, so the stream must send it later.
      const missedMs = Date.parse(received.at(-1)!.to) + 1500;
      await waitFor(async () => Date.now() > missedMs);
    }
    expect(received).toHaveLength(12);
    for (const [i, { from, id, to }] of received.entries()) {
      if (i > 0) expect(from).toBe(received[i - 1]?.to);
      // Every event ID contains the position of decisions, so that no decision is missed.
      expect(id).toMatch(/(^|,)decision=\d+/);
      expect(id.split(',')).toContain(`point=${Date.parse(to)}`);
    }
    api.dependencies.queryClient = queryClient;
    await api.waitUntilStored();
    const [[stored] = []] = await api.questdb.sql(
      `SELECT count() FROM performance_metrics WHERE service = 'streamed'
       AND timestamp >= '${received[0]?.from}' AND timestamp < '${received.at(-1)?.to}'`,
    );
    expect(recordedCount).toBeGreaterThan(10);
    expect(startMs).toBeLessThan(Date.parse(received.at(-1)?.to ?? ''));
    expect(received.reduce((sum, { count }) => sum + count, 0)).toBe(Number(stored));
  });

  it('sends headers that disable buffering in proxies', async () => {
    const controller = new AbortController();
    const response = await fetch(`${api.url}/api/performance/stream`, {
      signal: controller.signal,
    });
    expect(response.headers.get('Content-Type')).toContain('text/event-stream');
    expect(response.headers.get('X-Accel-Buffering')).toBe('no');
    expect(response.headers.get('Cache-Control')).toContain('no-transform');
    controller.abort();
  });

  it('rejects long intervals, and connections beyond the limit', async () => {
    const fetchError = async (query: string) => {
      const response = await fetch(`${api.url}/api/performance/stream${query}`);
      return [response.status, ((await response.json()) as { code: string }).code];
    };
    expect(await fetchError('?interval=6m')).toEqual([400, 'PS_REQUEST_INVALID']);
    const controller = new AbortController();
    const connections = Array.from({ length: 20 }, () =>
      fetch(`${api.url}/api/performance/stream?interval=5m`, { signal: controller.signal }),
    );
    await Promise.all(connections);
    expect(await fetchError('')).toEqual([429, 'PS_TOO_MANY_OPEN']);
    controller.abort();
    await waitFor(async () => {
      const retry = new AbortController();
      const { status } = await fetch(`${api.url}/api/performance/stream`, { signal: retry.signal });
      retry.abort();
      return status === 200;
    });
  });
});

describe('HTTP', () => {
  const path = `/api/performance/endpoints?from=${FROM}&to=${TO}`;
  // Otherwise, fetch sends `Cache-Control: no-cache`, and the server never responds with a 304.
  const revalidate = { 'Cache-Control': 'max-age=0' };
  const send = (method: string, url: string, headers: Record<string, string> = {}) =>
    fetch(api.url + url, { method, headers: { ...revalidate, ...headers } });

  it('responds with a 304 if nothing changed', async () => {
    const first = await send('GET', path);
    expect(first.headers.get('Cache-Control')).toBe('private, no-cache');
    expect(first.headers.get('Vary')).toContain('Authorization');
    const etag = first.headers.get('ETag') ?? '';
    expect(etag).toMatch(/^W\//);
    expect((await send('GET', path, { 'If-None-Match': etag })).status).toBe(304);
    api.scope = createOrganizationScope('anna');
    expect((await send('GET', path, { 'If-None-Match': etag })).status).toBe(200);
    const pastUrl = `/api/performance/endpoints?from=${FROM - 9e6}&to=${FROM - 8e6}`;
    expect((await send('GET', pastUrl)).headers.get('Cache-Control')).toBe('private, max-age=300');
  });

  it.each([
    ['HEAD', '/api/performance/dashboard', 200, null],
    ['OPTIONS', '/api/performance/dashboard', 204, 'GET, HEAD'],
    ['POST', '/api/performance/dashboard', 405, 'GET, HEAD'],
    ['DELETE', '/api/performance/test', 405, 'GET, POST'],
    ['HEAD', '/api/performance/test?action=cleanup', 405, 'GET, POST'],
    ['HEAD', '/api/performance/stream', 405, 'GET'],
  ])('%s %s', async (method, url, status, allow) => {
    const response = await send(method, url);
    expect([response.status, response.headers.get('Allow')]).toEqual([status, allow]);
  });

  it('suggests the most similar endpoint for an unknown path', async () => {
    const response = await send('GET', '/api/performance/dashbord');
    expect(response.headers.get('Content-Type')).toContain('application/problem+json');
    expect(await response.json()).toMatchObject({
      status: 404,
      code: 'PS_NOT_FOUND',
      detail: expect.stringContaining('Did you mean /api/performance/dashboard?'),
    });
  });

  it('accepts deprecated names, and reports them in headers', async () => {
    const response = await send(
      'GET',
      '/api/performance/trends?organization=unknown&aggregate=mean&groupBy=organization',
    );
    expect(response.status).toBe(200);
    expect(response.headers.get('Deprecation')).toMatch(/^@\d+$/);
    expect(response.headers.get('Perfscope-Notice')).toBe(
      '`organization` is deprecated. Use `organizationId` instead. `mean` is deprecated. Use `average` instead.',
    );
    const current = await send('GET', '/api/performance/trends?organizationId=unknown');
    expect(current.headers.get('Deprecation')).toBeNull();
  });

  it('reports each invalid parameter and its allowed values', async () => {
    const response = await send(
      'GET',
      '/api/performance/trends?lst=1h&aggregate=p42&step=1s&last=1d',
    );
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      code: 'PS_REQUEST_INVALID',
      errors: [
        { parameter: 'lst', reason: expect.stringContaining('did you mean last?') },
        { parameter: 'aggregate', allowed: expect.stringContaining('p95') },
      ],
    });
    const tooFine = await send('GET', '/api/performance/trends?step=1s&last=1d');
    expect(await tooFine.json()).toMatchObject({
      errors: [{ parameter: 'step', allowed: '1m or more for this range' }],
    });
  });

  it.each(['/api/%E0%A4%A', '/api/performance/dashboard?%', '/%00', '//api//performance'])(
    'handles the malformed URL %s',
    async (url) => {
      expect((await send('GET', url)).status).toBeLessThan(500);
    },
  );
});

describe('/readyz', () => {
  const fetchReadiness = async () => {
    const response = await fetch(`${api.url}/readyz`);
    return [response.status, (await response.json()) as Record<string, unknown>] as const;
  };

  it('describes the storage to administrators only', async () => {
    expect(await fetchReadiness()).toEqual([
      200,
      {
        status: 'ready',
        reasons: [],
        storage: {
          walLagMs: expect.any(Number),
          writes: expect.objectContaining({
            recordedRows: expect.any(Number),
            waitingRows: 0,
            droppedRows: {},
          }),
        },
      },
    ]);
    api.role = 'VIEWER';
    expect(await fetchReadiness()).toEqual([200, { status: 'ready', reasons: [] }]);
    api.role = 'ADMIN';
  });

  it('is not ready while a table is suspended', async () => {
    await suspendTable(api.questdb, 'queue_metrics', "WITH 'DISK FULL', 'full'");
    const [status, problem] = await waitFor(async () => {
      const response = await fetchReadiness();
      return response[0] === 503 && response;
    });
    const code = 'PS_TABLE_SUSPENDED';
    const message = expect.stringContaining('suspended: queue_metrics (DISK FULL: full)');
    expect([status, problem]).toMatchObject([
      503,
      { status: 503, title: code, code, detail: message, reasons: [{ code, message }] },
    ]);
    api.role = 'VIEWER';
    const summary = 'QuestDB has suspended tables';
    await waitFor(async () => (await fetchReadiness())[1].detail === summary);
    api.role = 'ADMIN';
    await api.questdb.sql('ALTER TABLE queue_metrics RESUME WAL');
    await waitFor(async () => (await fetchReadiness())[0] === 200);
  });

  it('responds while QuestDB is unresponsive', async () => {
    process.kill(api.questdb.pid, 'SIGSTOP');
    try {
      const fetchOnce = async () => {
        const response = await fetch(`${api.url}/readyz`, { signal: AbortSignal.timeout(60_000) });
        return response.status;
      };
      await waitFor(async () => (await fetchOnce()) === 503);
      expect(await fetchOnce()).toBe(503);
    } finally {
      process.kill(api.questdb.pid, 'SIGCONT');
    }
    await waitFor(async () => (await fetchReadiness())[0] === 200);
  });
});

it('ends all streams when the server stops', async () => {
  const response = await fetch(`${api.url}/api/performance/stream?interval=5m`);
  const text = response.text();
  api.stopping.abort();
  expect(await text).toMatch(/^retry: \d+\n\n/);
});
