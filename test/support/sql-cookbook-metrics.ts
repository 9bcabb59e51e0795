import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/core/duration.ts';
import { computeStoredBound, toBucketRows } from '../../src/core/histogram/histogram-buckets.ts';
import { createRequestSampleRow } from '../../src/core/request-sample-row.ts';
import { computePointId } from '../../src/core/schema/row-ids.ts';
import type { AddRows } from '../../src/core/schema/table-registry.ts';
import type { PerformanceMetricRow } from '../../src/core/schema/tables/performance-metrics-table.ts';

/** Requests of the shop, for expected values that depend on the time of the test. */
export interface ShopRequests {
  readonly timestamp: number;
  readonly count: number;
  readonly errorCount: number;
  readonly sum: number;
}

/** Columns of the shop's processes. */
export const SHOP = {
  service: 'shop',
  serviceVersion: '2.0.0',
  environment: 'production',
} as const;
const CHECKOUT = { operation: 'POST', endpoint: '/checkout' } as const;
const ROOMS = { operation: 'GET', endpoint: '/rooms' } as const;
const REQUESTS = {
  ...SHOP,
  instance: 'shop-1',
  metricType: 'API_RESPONSE_TIME',
  name: 'http.server.request.duration',
  unit: 'ms',
  abortedCount: 0,
  test: false,
} as const;

let lastId = 0;

/** Returns a new row ID. */
export function nextId(): string {
  lastId += 1;
  return `cookbook-${lastId}`;
}

/** Returns the rows of the shop's requests in the order of their time. The first three are not in the last hour. */
function createRequestRows(nowMs: number): PerformanceMetricRow[] {
  const at = (agoMs: number) => ({ ...REQUESTS, id: nextId(), timestamp: nowMs - agoMs });
  const previous = { ...CHECKOUT, serviceVersion: '1.0.0', errorCount: 0 };
  const breakdownOf30 = {
    databaseTime: 1500,
    databaseCalls: 15,
    outgoingTime: 750,
    outgoingCalls: 15,
    queueTime: 150,
    queueCalls: 15,
    connectionWaitTime: 100,
    eventLoopWaitTime: 0,
    ownTime: 500,
  };
  return [
    { ...at(7 * DAY_MS + 90 * MINUTE_MS), ...previous, count: 99, sum: 9_900_000, max: 100_000 },
    { ...at(7 * DAY_MS + 15 * MINUTE_MS), ...previous, count: 20, sum: 2000, max: 100 },
    { ...at(3 * DAY_MS), ...previous, count: 1000, errorCount: 10, sum: 100_000, max: 3000 },
    {
      ...at(20 * MINUTE_MS),
      ...CHECKOUT,
      organizationId: 'acme',
      ...{ count: 10, errorCount: 2, sum: 2700, min: 200, max: 900 },
      ...{ count2xx: 7, count3xx: 0, count4xx: 1, count5xx: 2 },
      ...{ databaseTime: 1200, databaseCalls: 50, outgoingTime: 600, outgoingCalls: 10 },
      ...{ queueTime: 100, queueCalls: 10, connectionWaitTime: 300, eventLoopWaitTime: 200 },
      ownTime: 300,
    },
    ...[
      { instance: 'shop-1', errorCount: 1, count2xx: 14, count5xx: 1 },
      { instance: 'shop-2', errorCount: 0, count2xx: 15, count5xx: 0 },
    ].map((process) => ({
      ...at(10 * MINUTE_MS),
      ...CHECKOUT,
      organizationId: 'globex',
      ...{ count: 15, sum: 3000, min: 200, max: 200, count3xx: 0, count4xx: 0 },
      ...breakdownOf30,
      ...process,
    })),
    {
      ...at(10 * MINUTE_MS),
      ...ROOMS,
      organizationId: 'acme',
      ...{ count: 100, errorCount: 0, sum: 2000, min: 10, max: 80 },
      ...{ count2xx: 95, count3xx: 0, count4xx: 5, count5xx: 0 },
    },
  ];
}

/** Rows that no answer contains: a test measurement, aborted requests, and Perfscope's own requests. */
function createExcludedRequestRows(nowMs: number): PerformanceMetricRow[] {
  const row = { ...REQUESTS, ...ROOMS, timestamp: nowMs - 10 * MINUTE_MS, errorCount: 0 };
  const slow = { count: 1000, errorCount: 1000, sum: 9e6, max: 9e5 };
  return [
    { ...row, ...slow, id: nextId(), test: true },
    { ...row, ...slow, id: nextId(), service: 'perfscope', endpoint: '/api/performance/trends' },
    { ...row, id: nextId(), endpoint: '/aborted', count: 0, sum: 0, abortedCount: 3 },
  ];
}

/** Adds the buckets of the checkout's requests: 9 of 200 ms and 1 of 900 ms, and 10 minutes later 30 of 200 ms. */
function addBuckets(add: AddRows, rows: readonly PerformanceMetricRow[]): void {
  for (const row of rows) {
    const { count = 0, max = 0, test } = row;
    const long = !test && row.endpoint === '/checkout' && max === 900 ? 1 : 0;
    const usual = row.endpoint === '/checkout' ? 200 : max;
    const counts = [
      [usual, count - long],
      [900, long],
    ] as const;
    const buckets = counts.flatMap(([ms, each]): [number, { count: number; errorCount: 0 }][] =>
      each > 0 ? [[computeStoredBound(ms, 1000), { count: each, errorCount: 0 }]] : [],
    );
    add(
      'metric_buckets',
      toBucketRows(row, new Map(buckets), computePointId(row.id!), row.timestamp),
    );
  }
}

function createOtherMetricRows(nowMs: number): PerformanceMetricRow[] {
  const at = (agoMs: number) => ({
    ...SHOP,
    instance: 'shop-1',
    id: nextId(),
    timestamp: nowMs - agoMs,
    test: false,
  });
  const recent = () => at(10 * MINUTE_MS);
  const repeated = { metricType: 'CUSTOM', name: 'perfscope.request.repeated_statements' } as const;
  const prices = {
    ...repeated,
    endpoint: '/rooms',
    operation: 'SELECT * FROM prices WHERE id = ?',
  };
  const statement = { metricType: 'DATABASE_QUERY_TIME', operation: 'SELECT', unit: 'ms' } as const;
  const call = { metricType: 'OUTGOING_REQUEST_TIME', operation: 'POST', unit: 'ms' } as const;
  const payments = { ...call, endpoint: 'payments.example:443' };
  const order = { metricType: 'CUSTOM', name: 'order.amount', unit: 'EUR', errorCount: 0 } as const;
  const toOrder = (payment: string, value: number) => ({
    ...{ ...recent(), ...order, tags: JSON.stringify({ payment }), count: 1 },
    ...{ value, sum: value, min: value, max: value },
  });
  return [
    { ...recent(), ...prices, count: 3, sum: 75, max: 30 },
    { ...recent(), ...prices, instance: 'shop-2', count: 1, sum: 5, max: 5 },
    {
      ...recent(),
      ...repeated,
      ...CHECKOUT,
      operation: 'INSERT INTO items',
      count: 1,
      sum: 6,
      max: 6,
    },
    { ...recent(), ...statement, endpoint: 'SELECT a', count: 50, sum: 1000, errorCount: 0 },
    { ...recent(), ...statement, endpoint: 'SELECT a', count: 50, sum: 3000, errorCount: 1 },
    { ...recent(), ...statement, endpoint: 'SELECT b', count: 2, sum: 3000, errorCount: 0 },
    { ...recent(), ...statement, operation: 'HGETALL', count: 10, sum: 20, errorCount: 0 },
    { ...recent(), ...payments, count: 80, sum: 8500, errorCount: 0, tags: '{"status":200}' },
    { ...recent(), ...payments, count: 10, sum: 500, errorCount: 0, tags: '{"status":404}' },
    { ...recent(), ...payments, count: 10, sum: 50, errorCount: 10, errorType: 'refused' },
    { ...recent(), ...payments, count: 5, sum: 500, errorCount: 5, errorType: '503' },
    { ...recent(), ...call, endpoint: 'mail.example', count: 3, sum: 300, errorCount: 0 },
    { ...at(2 * HOUR_MS), ...call, endpoint: 'old.example', count: 3, sum: 300, errorCount: 0 },
    toOrder('card', 100),
    toOrder('card', 50),
    toOrder('invoice', 250),
    { ...toOrder('card', 9999), test: true },
  ];
}

/** Two processes report the queue `emails` of one Redis server. Another Redis server has a queue with the same name. */
function createQueueGaugeRows(nowMs: number): PerformanceMetricRow[] {
  const report = (
    agoMs: number,
    instance: string,
    queueScope: string,
    values: Readonly<Record<string, number>>,
  ): PerformanceMetricRow[] =>
    Object.entries(values).map(([state, value]) => ({
      ...SHOP,
      ...{ instance, queueScope, endpoint: 'emails', value, sum: value, test: false },
      ...{ id: nextId(), timestamp: nowMs - agoMs },
      ...(state === 'oldest'
        ? { metricType: 'QUEUE_OLDEST_AGE', name: 'perfscope.queue.oldest.age', unit: 'ms' }
        : {
            ...{ metricType: 'QUEUE_DEPTH', name: 'perfscope.queue.depth', unit: '{job}' },
            operation: state,
          }),
    }));
  const [first, second] = ['bull@redis-1:6379/0', 'bull@redis-2:6379/0'] as const;
  return [
    ...report(20 * MINUTE_MS, 'shop-1', first, { waiting: 500, paused: 500, oldest: 1e9 }),
    ...report(-19 * MINUTE_MS, 'shop-1', first, {
      waiting: 9,
      prioritized: 2,
      active: 3,
      delayed: 5,
      paused: 0,
      oldest: 95_000,
    }),
    ...report(-20 * MINUTE_MS, 'shop-2', first, {
      waiting: 7,
      prioritized: 2,
      active: 1,
      delayed: 4,
      paused: 0,
      oldest: 90_000,
    }),
    ...report(-20 * MINUTE_MS, 'shop-1', second, {
      waiting: 1,
      prioritized: 0,
      active: 0,
      delayed: 0,
      paused: 0,
      oldest: 2000,
    }),
  ];
}

function createSampleRows(nowMs: number): PerformanceMetricRow[] {
  const resource = { ...SHOP, instance: 'shop-1' };
  const sample = { method: 'POST', scheme: 'https', route: '/checkout', organizationId: 'acme' };
  const at = (agoMs: number) => ({ ...sample, timestampMs: nowMs - agoMs });
  const failed = { status: 500, errorType: '500', traceId: 'b'.repeat(32), userId: 'anna' };
  const slow = { status: 200, errorType: undefined, traceId: 'a'.repeat(32) };
  return [
    createRequestSampleRow({ ...at(20 * MINUTE_MS), durationMs: 900, ...slow }, resource, nextId()),
    createRequestSampleRow(
      { ...at(10 * MINUTE_MS), durationMs: 150, ...failed },
      resource,
      nextId(),
    ),
    createRequestSampleRow({ ...at(2 * HOUR_MS), durationMs: 5000, ...slow }, resource, nextId()),
  ];
}

/**
 * Adds the rows of `performance_metrics` and `metric_buckets`.
 *
 * @returns the shop's requests
 */
export function addCookbookMetrics(add: AddRows, nowMs: number): readonly ShopRequests[] {
  const requests = createRequestRows(nowMs);
  const excluded = createExcludedRequestRows(nowMs);
  add('performance_metrics', [
    ...requests,
    ...excluded,
    ...createOtherMetricRows(nowMs),
    ...createQueueGaugeRows(nowMs),
    ...createSampleRows(nowMs),
  ]);
  addBuckets(add, [...requests, ...excluded]);
  return requests.map(({ timestamp, count = 0, errorCount = 0, sum = 0 }) => ({
    timestamp,
    count,
    errorCount,
    sum,
  }));
}
