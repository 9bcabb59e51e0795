import { PerformanceMetricType } from '../../src/core/schema/enums.ts';
import { selectGaugeOverRange, selectGaugeOverTime } from './gauge-queries.ts';

const CONNECTIONS = { type: PerformanceMetricType.DATABASE_CONNECTIONS } as const;
const POOLS = ['instance', 'endpoint'] as const;
/** Callers that wait, as OpenTelemetry names them. */
const PENDING = {
  type: PerformanceMetricType.CUSTOM,
  name: 'db.client.connection.pending_requests',
} as const;

/** Of all pools and processes together: each pool's mean by state. */
export function selectConnections(): string {
  const keys = [...POOLS, 'operation'];
  return `SELECT sum(value_total / samples) AS connections FROM ${selectGaugeOverRange({ ...CONNECTIONS, keys })} WHERE samples > 0`;
}

export function selectConnectionsOverTime(): string {
  const keys = [...POOLS, 'operation'];
  return `SELECT time, coalesce(operation, '(none)') AS metric, sum(value_total / samples) AS value
FROM ${selectGaugeOverTime({ ...CONNECTIONS, keys })} WHERE samples > 0 ORDER BY time`;
}

export function selectPendingOverTime(): string {
  const keys = [...POOLS, 'service'];
  return `SELECT time, service AS metric, sum(most) AS value FROM ${selectGaugeOverTime({ ...PENDING, keys })} ORDER BY time`;
}
