import { PerformanceMetricType } from '../../src/core/schema/enums.ts';
import { METRICS_TABLE, VALUE_AGGREGATIONS } from '../../src/storage/queries/aggregation-tables.ts';
import { type SelectSpec, selectOverRange, selectOverTime } from './select-metrics.ts';
import { INTERVAL_MS, quote, toName } from './sql-text.ts';
import { RANGE_END, toRecentStart } from './table-parts.ts';

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

/** Condition for gauges of processes that still report at the end of the time range. */
const IS_RUNNING = `last_at >= ${toRecentStart(RANGE_END)}`;
/** Condition for gauges of processes that still report at the end of an interval. */
const IS_RUNNING_IN_INTERVAL = `last_at >= ${toRecentStart(`least(dateadd('s', (${INTERVAL_MS} / 1000)::int, time), ${RANGE_END})`)}`;

const POOLS = ['instance', 'endpoint'] as const;
const CONNECTIONS = {
  type: PerformanceMetricType.DATABASE_CONNECTIONS,
  keys: [...POOLS, 'operation'],
} as const;
/** Requests that wait for a connection. The name is from the OpenTelemetry conventions. */
const PENDING = {
  type: PerformanceMetricType.CUSTOM,
  name: 'db.client.connection.pending_requests',
  keys: [...POOLS, 'service'],
} as const;
/** Maximum size of the pools. */
const POOL_MAXIMUM = {
  type: PerformanceMetricType.CUSTOM,
  name: 'db.client.connection.max',
  keys: POOLS,
} as const;

/** Selects the open connections and the maximum at the end of the time range, in all pools of running processes. */
export function selectConnections(): string {
  const sum = (selection: GaugeSelection) =>
    `(SELECT sum(last) AS total FROM ${selectGaugeOverRange(selection)} WHERE ${IS_RUNNING})`;
  return `SELECT c.total AS "Open", m.total AS "Maximum" FROM ${sum(CONNECTIONS)} c CROSS JOIN ${sum(POOL_MAXIMUM)} m`;
}

/** Selects the number of connections at the end of each interval, by state, and the maximum size of the pools. */
export function selectConnectionsOverTime(): string {
  return `SELECT time, metric, value FROM (
  SELECT time, ${toName('operation')} AS metric, sum(last) AS value FROM ${selectGaugeOverTime(CONNECTIONS)} WHERE ${IS_RUNNING_IN_INTERVAL}
  UNION ALL SELECT time, 'maximum' AS metric, sum(last) AS value FROM ${selectGaugeOverTime(POOL_MAXIMUM)} WHERE ${IS_RUNNING_IN_INTERVAL}
) ORDER BY time`;
}

/** Selects the maximum number of requests that wait for a connection in each interval, by service. */
export function selectPendingOverTime(): string {
  return `SELECT time, service AS metric, sum(maximum) AS value FROM ${selectGaugeOverTime(PENDING)} WHERE ${IS_RUNNING_IN_INTERVAL} ORDER BY time`;
}
