import { PerformanceMetricType } from '../../src/core/schema/enums.ts';
import { selectGaugeOverRange, selectGaugeOverTime } from './gauge-queries.ts';

const CONNECTIONS = { type: PerformanceMetricType.DATABASE_CONNECTIONS } as const;
const POOLS = ['instance', 'endpoint'] as const;
/** Requests that wait for a connection. The name is from the OpenTelemetry conventions. */
const PENDING = {
  type: PerformanceMetricType.CUSTOM,
  name: 'db.client.connection.pending_requests',
} as const;

/** Selects the mean number of connections in the time range, summed over pools, processes, and states. */
export function selectConnections(): string {
  const keys = [...POOLS, 'operation'];
  return `SELECT sum(value_total / samples) AS connections FROM ${selectGaugeOverRange({ ...CONNECTIONS, keys })} WHERE samples > 0`;
}

/** Selects the mean number of connections in each interval, by state. */
export function selectConnectionsOverTime(): string {
  const keys = [...POOLS, 'operation'];
  return `SELECT time, coalesce(operation, '(none)') AS metric, sum(value_total / samples) AS value
FROM ${selectGaugeOverTime({ ...CONNECTIONS, keys })} WHERE samples > 0 ORDER BY time`;
}

/** Selects the maximum number of requests that wait for a connection in each interval, by service. */
export function selectPendingOverTime(): string {
  const keys = [...POOLS, 'service'];
  return `SELECT time, service AS metric, sum(maximum) AS value FROM ${selectGaugeOverTime({ ...PENDING, keys })} ORDER BY time`;
}
