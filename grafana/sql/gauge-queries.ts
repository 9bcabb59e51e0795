import { PerformanceMetricType } from '../../src/core/schema/enums.ts';
import { METRICS_TABLE, VALUE_AGGREGATIONS } from '../../src/storage/queries/aggregation-tables.ts';
import { type SelectSpec, selectOverRange, selectOverTime } from './select-metrics.ts';
import { quote } from './sql-text.ts';

export interface GaugeSelection extends Pick<SelectSpec, 'by' | 'keys' | 'conditions'> {
  readonly type: string;
  readonly name?: string;
}

function toSelectSpec({ type, name, conditions = [], ...rest }: GaugeSelection): SelectSpec {
  const nameCondition = name ? [`name = ${quote(name)}`] : [];
  const all = [`metric_type = ${quote(type)}`, ...nameCondition, ...conditions];
  return { ...rest, aggregations: VALUE_AGGREGATIONS, conditions: all };
}

/** Selects the aggregations of `VALUE_AGGREGATIONS` (last, total, number, minimum, and maximum) for each interval. */
export function selectGaugeOverTime(selection: GaugeSelection): string {
  return selectOverTime(METRICS_TABLE, toSelectSpec(selection));
}

/** Selects the aggregations of `VALUE_AGGREGATIONS` for the whole time range. */
export function selectGaugeOverRange(selection: GaugeSelection): string {
  return selectOverRange(METRICS_TABLE, toSelectSpec(selection));
}

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
