import type { AlertScenario } from '../../demo/scenarios.ts';
import type { TableName } from '../../src/core/schema/table-registry.ts';
import { makeGauge, makeHistogram } from './alert-fixtures.ts';

const MINUTE_MS = 60_000;
const EARLIER_MS = 2 * 60 * MINUTE_MS;
const FINE_MS = 30 * MINUTE_MS;
const FINE_STEP_MS = 10_000;

const HOTEL_TENANTS = [
  { organizationId: 'grand-hotels', propertyId: 'seaside' },
  { organizationId: 'grand-hotels', propertyId: 'alpine' },
  { organizationId: 'city-inns', propertyId: 'central' },
  { organizationId: 'city-inns', propertyId: 'airport' },
] as const;

const ROOMS = '/api/properties/:property/rooms';
const BOOKINGS = '/api/properties/:property/bookings';
const BOOKING = '/api/properties/:property/bookings/:id';
const SEARCH = 'SELECT number, price FROM rooms WHERE property = ? LIMIT ?';
const INSERT = 'INSERT INTO bookings (property, room) VALUES (?, ?) RETURNING id';
const PAYMENT_HOST = '127.0.0.1:4100';
const ORIGIN = { service: 'booking', instance: 'booking-1' } as const;
const QUEUE_SCOPE = 'bull@127.0.0.1:6379/0';

type Rows = Partial<Record<TableName, object[]>>;

/**
 * Returns the rows that the demo's booking service writes, from two hours before a scenario until some time after its
 * start. At first, the rows are a minute apart, and later 10 s.
 *
 * @param startMs start of the scenario, in ms since the epoch
 * @param lengthMs time after the start
 */
export function createScenarioRows(
  scenario: AlertScenario,
  startMs: number,
  lengthMs: number,
): Rows {
  const rows: Rows = {};
  const add = (table: TableName, row: object) => {
    const list = rows[table];
    if (list) list.push(row);
    else rows[table] = [row];
  };
  let waiting = 0;
  for (let ms = startMs - EARLIER_MS; ms < startMs + lengthMs; ) {
    const stepMs = ms < startMs - FINE_MS ? MINUTE_MS : FINE_STEP_MS;
    waiting = addTick(add, ms >= startMs ? scenario : undefined, ms, stepMs, waiting, ms - startMs);
    ms += stepMs;
  }
  return rows;
}

/** Adds the rows of one interval. @returns the number of waiting jobs of the stuck or overloaded queue */
function addTick(
  add: (table: TableName, row: object) => void,
  scenario: AlertScenario | undefined,
  timestamp: number,
  stepMs: number,
  waitingBefore: number,
  sinceMs: number,
): number {
  const seconds = stepMs / 1000;
  // Traffic varies by 20 % within an hour, as real traffic does.
  const load = 1 + 0.2 * Math.sin((2 * Math.PI * timestamp) / (60 * MINUTE_MS));
  const isBlocked = scenario === 'busy-host';
  const slow = isBlocked ? 12 : 1;
  const measure = (
    metricType: string,
    tenant: object,
    endpoint: string,
    operation: string,
    stats: { count: number; ms: number; errors?: number },
  ) => {
    if (stats.count <= 0) return;
    const row = { timestamp, ...ORIGIN, ...tenant, metricType, endpoint, operation };
    // Durations vary by 5 %, as real durations do.
    const varied = { ...stats, ms: stats.ms * (1 + 0.05 * Math.sin(timestamp / 7000)) };
    add('performance_metrics', makeHistogram(row as never, varied).row);
  };
  let booked = 0;
  for (const tenant of HOTEL_TENANTS) {
    const isPeak = scenario === 'demand-peak' && tenant.propertyId === 'seaside';
    const factor = (isPeak ? 8 : 1) * load * seconds;
    const [searches, bookings, reads] = [0.5, 0.1, 0.2].map((n) =>
      Math.max(1, Math.round(n * factor)),
    );
    const [searchCount, bookingCount, readCount] = [searches!, bookings!, reads!];
    const failed =
      scenario === 'error-burst'
        ? Math.round(0.8 * bookingCount)
        : scenario === 'payment-outage'
          ? bookingCount
          : 0;
    const isStuck = scenario === 'stuck-database';
    const searchMs = (scenario === 'slow-statement' ? 1510 : 8) * slow;
    const bookMs = (isStuck ? 2000 : 40) * slow;
    measure('API_RESPONSE_TIME', tenant, ROOMS, 'GET', {
      count: searchCount,
      ms: searchMs * (1 + 0.1),
    });
    measure('API_RESPONSE_TIME', tenant, BOOKINGS, 'POST', {
      count: bookingCount,
      ms: bookMs,
      errors: failed,
    });
    measure('API_RESPONSE_TIME', tenant, BOOKING, 'GET', { count: readCount, ms: 5 * slow });
    measure('DATABASE_QUERY_TIME', tenant, SEARCH, 'SELECT', { count: searchCount, ms: 4 * slow });
    if (scenario === 'slow-statement') {
      const statement = 'SELECT pg_sleep(?), count(*) FROM rooms';
      measure('DATABASE_QUERY_TIME', tenant, statement, 'SELECT', { count: searchCount, ms: 1502 });
    }
    const paid = scenario === 'error-burst' ? bookingCount - failed : bookingCount;
    const outgoingErrors = scenario === 'payment-outage' ? paid : 0;
    const calls = { count: paid, ms: 20 * slow, errors: outgoingErrors };
    measure('OUTGOING_REQUEST_TIME', tenant, PAYMENT_HOST, 'POST /payments', calls);
    const stored = isStuck || scenario === 'payment-outage' ? 0 : paid;
    booked += stored;
    if (isStuck) {
      measure('DATABASE_QUERY_TIME', tenant, 'SELECT pg_sleep(?)', 'SELECT', {
        count: bookingCount,
        ms: 4005,
      });
    } else
      measure('DATABASE_QUERY_TIME', tenant, INSERT, 'INSERT', { count: stored, ms: 6 * slow });
    if (failed > 0) {
      const isPayment = scenario === 'payment-outage';
      add('error_logs', {
        timestamp,
        ...ORIGIN,
        ...tenant,
        id: `error-${timestamp}-${tenant.propertyId}`,
        fingerprint: isPayment ? 'fetch-failed' : 'payment-declined',
        level: 'error',
        kind: 'request',
        errorType: 'Error',
        count: failed,
        message: isPayment ? 'fetch failed' : 'payment declined',
        endpoint: BOOKINGS,
      });
    }
  }
  addHealth(add, timestamp, isBlocked);
  const breaker = {
    timestamp,
    ...ORIGIN,
    metricType: 'BREAKER_STATE',
    endpoint: 'bookings-database',
  } as const;
  add(
    'performance_metrics',
    makeGauge({ ...breaker, value: scenario === 'stuck-database' ? 2 : 0 }),
  );
  const isStuckQueue = scenario === 'stuck-queue';
  addJobs(add, timestamp, 'confirmation-emails', booked, isStuckQueue ? 0 : booked);
  const burst = scenario === 'backlog' && sinceMs < stepMs ? 3000 : 0;
  addJobs(add, timestamp, 'invoices', booked + burst, booked + Math.min(20, waitingBefore));
  const waiting = isStuckQueue ? waitingBefore + booked : Math.max(0, waitingBefore + burst - 20);
  const depthOf = isStuckQueue ? 'confirmation-emails' : 'invoices';
  const depth = {
    timestamp,
    ...ORIGIN,
    endpoint: depthOf,
    queueScope: QUEUE_SCOPE,
    operation: 'waiting',
  } as const;
  add('performance_metrics', makeGauge({ ...depth, metricType: 'QUEUE_DEPTH', value: waiting }));
  const age = waiting > 0 ? Math.max(0, sinceMs) : 0;
  add('performance_metrics', makeGauge({ ...depth, metricType: 'QUEUE_OLDEST_AGE', value: age }));
  return waiting;
}

function addHealth(
  add: (table: TableName, row: object) => void,
  timestamp: number,
  isBlocked: boolean,
): void {
  const cpuUsage = isBlocked ? 97 : 20 + ((timestamp / 10_000) % 5);
  add('system_health', {
    ...{ timestamp, ...ORIGIN, host: 'web-1', status: 'healthy', id: `health-${timestamp}` },
    ...{ cpuUsage, processCpuUsage: isBlocked ? 88 : 12, memoryUsage: 40, diskUsage: 30 },
    ...{ eventLoopDelayP99: isBlocked ? 420 : 12, eventLoopUtilization: isBlocked ? 99 : 15 },
  });
  const gauge = { timestamp, ...ORIGIN, host: 'web-1', metricType: 'CPU_USAGE' } as const;
  add('performance_metrics', makeGauge({ ...gauge, value: cpuUsage }));
}

function addJobs(
  add: (table: TableName, row: object) => void,
  timestamp: number,
  queueName: string,
  arrived: number,
  completed: number,
): void {
  const job = {
    timestamp,
    ...ORIGIN,
    queueName,
    queueScope: QUEUE_SCOPE,
    jobType: 'job',
    test: false,
  };
  for (const [status, count] of [
    ['waiting', arrived],
    ['completed', completed],
  ] as const) {
    for (let i = 0; i < count; i++) {
      const jobId = `${queueName}-${timestamp}-${status}-${i}`;
      const duration = status === 'completed' ? 35 : undefined;
      add('queue_metrics', { ...job, id: jobId, jobId, status, duration, waitTime: duration });
    }
  }
}
