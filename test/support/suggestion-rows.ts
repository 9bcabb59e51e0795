import { OWN_SERVICE_NAME } from '../../src/core/own-service.ts';
import { REPEATED_STATEMENTS_METRIC_NAME } from '../../src/core/request-breakdown.ts';
import { createRequestSampleRow } from '../../src/core/request-sample-row.ts';
import type { AddRows } from '../../src/core/schema/table-registry.ts';
import type { PerformanceMetricRow } from '../../src/core/schema/tables/performance-metrics-table.ts';
import type { QueueMetricRow } from '../../src/core/schema/tables/queue-metrics-table.ts';
import {
  EVENT_LOOP_BLOCK_METRIC_NAME,
  HELD_CONNECTIONS_METRIC_NAME,
  REPEATED_EXECUTIONS_METRIC_NAME,
  RETURNED_ROWS_METRIC_NAME,
  TRANSACTION_STATEMENTS_METRIC_NAME,
} from '../../src/core/suggestion-metrics.ts';

export const LOOKUP = 'SELECT name FROM rooms WHERE id = ?';
export const SEARCH = 'SELECT * FROM bookings WHERE property = ? AND arrival >= ?';
const LIST = 'SELECT * FROM guests WHERE property = ?';
const INSERT = 'INSERT INTO lines (a, b) VALUES (…)';
const SETTINGS = 'SELECT * FROM settings WHERE name = ?';
const POOL = 'db:5432/booking';
const LEAKY_POOL = 'db:5432/export';

type MetricRow = Partial<PerformanceMetricRow>;

/** Adds one minute of rows with all problems. `id` must be different for each minute. */
export function addProblemMinute(add: AddRows, timestamp: number, minute: number): void {
  const origin = { service: 'booking', instance: 'web-1', environment: 'test' };
  let lastId = 0;
  const nextId = () => `s${minute}-${lastId++}`;
  const write = (row: MetricRow) =>
    add('performance_metrics', [{ ...origin, id: nextId(), timestamp, test: false, ...row }]);
  /** Adds a histogram point with equal values. */
  const histogram = (count: number, value: number, row: MetricRow) =>
    write({ count, value, sum: count * value, min: value, max: value, errorCount: 0, ...row });
  const custom = (name: string, row: MetricRow): MetricRow => ({
    ...{ metricType: 'CUSTOM', name, unit: '1' },
    ...row,
  });
  const statement = (count: number, ms: number, endpoint: string, operation = 'SELECT') =>
    histogram(count, ms, {
      ...{ metricType: 'DATABASE_QUERY_TIME', name: 'db.client.operation.duration', unit: 'ms' },
      ...{ endpoint, operation },
    });
  const gauge = (name: string, value: number, row: MetricRow) =>
    write(custom(name, { value, ...row }));
  const request = (count: number, ms: number, row: MetricRow) =>
    histogram(count, ms, {
      ...{ metricType: 'API_RESPONSE_TIME', name: 'http.server.request.duration', unit: 'ms' },
      ...{ operation: 'GET', abortedCount: 0, ...row },
    });

  request(40, 100, { endpoint: '/rooms', databaseTime: 3400, databaseCalls: 1000, ownTime: 600 });
  histogram(
    40,
    25,
    custom(REPEATED_STATEMENTS_METRIC_NAME, { endpoint: '/rooms', operation: LOOKUP }),
  );
  statement(1000, 3, LOOKUP);
  for (const column of ['state', 'guest']) {
    statement(20, 90, `SELECT ${column} FROM bookings WHERE ${column} = ?`);
  }
  statement(20, 150, SEARCH);
  statement(20, 30, LIST);
  histogram(20, 800, custom(RETURNED_ROWS_METRIC_NAME, { endpoint: LIST }));
  statement(400, 1, INSERT, 'INSERT');
  histogram(
    10,
    40,
    custom(TRANSACTION_STATEMENTS_METRIC_NAME, { endpoint: '/import', operation: INSERT }),
  );
  statement(300, 4, SETTINGS);
  gauge(REPEATED_EXECUTIONS_METRIC_NAME, 280, { endpoint: SETTINGS });
  request(20, 200, { endpoint: '/report', ownTime: 4000 });
  histogram(
    20,
    180,
    custom(EVENT_LOOP_BLOCK_METRIC_NAME, { endpoint: '/report', operation: 'GET', unit: 'ms' }),
  );

  const connections = { metricType: 'DATABASE_CONNECTIONS', operation: 'used' } as const;
  for (const pool of [POOL, LEAKY_POOL]) {
    gauge('db.client.connection.count', 10, { endpoint: pool, ...connections });
    gauge('db.client.connection.max', 10, { endpoint: pool });
    gauge('db.client.connection.pending_requests', 4, { endpoint: pool });
    histogram(60, 50, custom('db.client.connection.wait_time', { endpoint: pool, unit: 'ms' }));
  }
  gauge(HELD_CONNECTIONS_METRIC_NAME, minute + 1, { endpoint: LEAKY_POOL, operation: '/export' });
  const gc = { metricType: 'GC_DURATION', name: 'v8js.gc.duration', unit: 'ms' } as const;
  histogram(100, 120, gc);
  histogram(100, 120, { ...gc, service: OWN_SERVICE_NAME, instance: 'server' });

  for (const [organizationId, ms] of [
    ['grand', 300],
    ['plaza', 60],
    ['palace', 62],
  ] as const) {
    request(20, ms, {
      endpoint: '/bookings',
      organizationId,
      databaseTime: 20 * (ms - 20),
      ownTime: 400,
    });
  }
  const sample = createRequestSampleRow(
    {
      ...{
        timestampMs: timestamp,
        durationMs: 900,
        method: 'GET',
        scheme: 'http',
        route: '/rooms',
      },
      ...{ status: 200, errorType: undefined, traceId: undefined },
      otherTags: {
        parts: [{ kind: 'database', name: LOOKUP, start: 0, duration: 700, failed: false }],
      },
    },
    origin,
    nextId(),
  );
  add('performance_metrics', [sample]);
  addJobs(add, timestamp, nextId, origin);
  const queue = { endpoint: 'invoices', queueScope: 'bull@redis:6379/0' };
  gauge('perfscope.queue.workers', 2, { ...queue });
  for (const [operation, value] of [
    ['waiting', 200],
    ['active', 2],
  ] as const) {
    write({
      ...queue,
      operation,
      value,
      metricType: 'QUEUE_DEPTH',
      name: 'perfscope.queue.depth',
      unit: '1',
    });
  }
  gauge('perfscope.queue.workers', 12, { endpoint: 'mails', queueScope: 'bull@redis:6379/0' });
}

/** Adds jobs that are slow, jobs that fail first, and jobs that are retried at once. */
function addJobs(
  add: AddRows,
  timestamp: number,
  nextId: () => string,
  origin: { readonly service: string; readonly instance: string },
): void {
  const write = (row: Partial<QueueMetricRow> & { jobId: string; status: string }, offset = 0) =>
    add('queue_metrics', [
      {
        ...origin,
        ...{ id: nextId(), queueScope: 'bull@redis:6379/0', attempts: 1, maxAttempts: 3 },
        ...{ test: false, ...row, timestamp: timestamp + offset },
      } as QueueMetricRow,
    ]);
  for (let i = 0; i < 40; i += 1) {
    const jobId = nextId();
    write({ queueName: 'invoices', jobType: 'create', jobId, status: 'waiting', attempts: 0 }, i);
    const ended = { duration: 3000, waitTime: 40_000 };
    write(
      { queueName: 'invoices', jobType: 'create', jobId, status: 'completed', ...ended },
      500 + i,
    );
  }
  for (let i = 0; i < 10; i += 1) {
    const job = { queueName: 'mails', jobType: 'confirm', jobId: nextId() };
    write({ ...job, status: 'waiting', attempts: 0 }, i);
    const failed = { errorMessage: 'booking not found', duration: 20, waitTime: 1 };
    write({ ...job, ...failed, status: 'waiting', startedAt: timestamp + 10 }, 30 + i);
    const ended = { duration: 25, waitTime: 2, startedAt: timestamp + 35 + i };
    write({ ...job, ...ended, status: 'completed', attempts: 2 }, 70 + i);
  }
}

/** Adds one minute of rows of a healthy service. */
export function addHealthyMinute(add: AddRows, timestamp: number, minute: number): void {
  const origin = {
    service: 'healthy',
    instance: 'ok-1',
    environment: 'test',
    timestamp,
    test: false,
  };
  const base = { ...origin, unit: 'ms', errorCount: 0, abortedCount: 0, operation: 'GET' };
  const rows: Partial<PerformanceMetricRow>[] = [
    ...['grand', 'plaza'].map((organizationId) => ({
      ...base,
      ...{ metricType: 'API_RESPONSE_TIME', endpoint: '/ok', organizationId, count: 50, sum: 1500 },
      ...{ min: 20, max: 60, value: 30, databaseTime: 700, ownTime: 800 },
    })),
    {
      ...base,
      metricType: 'DATABASE_QUERY_TIME',
      endpoint: LOOKUP,
      count: 100,
      sum: 200,
      min: 1,
      max: 9,
      value: 2,
    },
    {
      ...base,
      metricType: 'CUSTOM',
      name: 'db.client.connection.wait_time',
      endpoint: POOL,
      operation: undefined,
      count: 100,
      sum: 20,
      min: 0,
      max: 3,
      value: 0.2,
    },
    {
      ...base,
      metricType: 'GC_DURATION',
      name: 'v8js.gc.duration',
      endpoint: undefined,
      operation: undefined,
      count: 10,
      sum: 300,
      min: 10,
      max: 50,
      value: 30,
    },
  ];
  add(
    'performance_metrics',
    rows.map(
      (row, i) => ({ name: 'duration', ...row, id: `h${minute}-${i}` }) as PerformanceMetricRow,
    ),
  );
}
