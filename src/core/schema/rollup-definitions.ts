import { DAY_MS, HOUR_MS, MINUTE_MS } from '../duration.ts';
import { type Table, toSnakeCase } from './table-definition.ts';
import { metricBucketsTable } from './tables/metric-buckets-table.ts';
import { performanceMetricsTable } from './tables/performance-metrics-table.ts';
import { queueMetricsTable } from './tables/queue-metrics-table.ts';
import { systemHealthTable } from './tables/system-health-table.ts';

/** Interval length of a roll-up. Table names end with it. */
export type RollupUnit = '1m' | '10m' | '1h' | '1d';

interface RollupUnitDefinition {
  readonly ms: number;
  /** Time between refreshes of the roll-ups. */
  readonly refreshIntervalMs: number;
  readonly partition: 'DAY' | 'WEEK';
}

export const ROLLUP_UNITS: Readonly<Record<RollupUnit, RollupUnitDefinition>> = {
  '1m': { ms: MINUTE_MS, refreshIntervalMs: MINUTE_MS, partition: 'DAY' },
  '10m': { ms: 10 * MINUTE_MS, refreshIntervalMs: 5 * MINUTE_MS, partition: 'DAY' },
  '1h': { ms: HOUR_MS, refreshIntervalMs: 10 * MINUTE_MS, partition: 'WEEK' },
  '1d': { ms: DAY_MS, refreshIntervalMs: HOUR_MS, partition: 'WEEK' },
};

/** Maximum delay of rows in normal operation: a flush interval, a retry, and applying the WAL. */
const MAX_ROW_DELAY_MS = 2 * MINUTE_MS;
/** Maximum duration of a refresh. */
const MAX_REFRESH_DURATION_MS = MINUTE_MS;

/**
 * Returns the maximum lag of the last roll-up in `chain` when its refresh starts, in ms. All rows
 * that are older than the lag are complete. Each earlier roll-up adds its refresh interval and
 * duration.
 *
 * @param chain units from finest to coarsest. The first is computed from raw rows, and each other
 * unit from the previous unit.
 */
export function computeRefreshLagMs(chain: readonly RollupUnit[]): number {
  return chain
    .slice(0, -1)
    .reduce(
      (sum, unit) => sum + ROLLUP_UNITS[unit].refreshIntervalMs + MAX_REFRESH_DURATION_MS,
      MAX_ROW_DELAY_MS,
    );
}

/** Returns the maximum lag of the last roll-up in `chain` behind the current time, in ms. */
export function computeMaxLagMs(chain: readonly RollupUnit[]): number {
  const last = chain.at(-1);
  return (
    computeRefreshLagMs(chain) +
    (last ? ROLLUP_UNITS[last].refreshIntervalMs + MAX_REFRESH_DURATION_MS : 0)
  );
}

/** Returns the units up to `unit`. Each unit is computed from the previous unit. */
export function getUnitChain(units: readonly RollupUnit[], unit: RollupUnit): RollupUnit[] {
  return units.slice(0, units.indexOf(unit) + 1);
}

/** Retention periods in days. */
export interface Retention {
  readonly rawDays: number;
  readonly minuteDays: number;
  readonly hourDays: number;
}

/** Returns the retention of a roll-up. Units shorter than an hour use the minute retention. */
export function getRollupRetentionDays(retention: Retention, unit: RollupUnit): number {
  return ROLLUP_UNITS[unit].ms < ROLLUP_UNITS['1h'].ms ? retention.minuteDays : retention.hourDays;
}

/**
 * Defines the roll-ups of a table. Every column that queries filter or group by is a key. A roll-up
 * therefore gives the same results as the raw rows for any whole number of its intervals.
 */
export interface RollupDefinition {
  readonly table: Table;
  /**
   * Increase this version when a property below changes. The old views then remain in use until the
   * new views are complete.
   */
  readonly version: number;
  /** Units of the roll-ups, from finest to coarsest. Each is computed from the previous unit. */
  readonly units: readonly RollupUnit[];
  readonly keys: readonly string[];
  /** Condition for raw rows. It excludes rows that the cleanup of test data invalidated. */
  readonly where: string;
  /** Columns of the roll-up, each with its expression over raw rows. */
  readonly aggregates: Readonly<Record<string, string>>;
  /** Version in which a column was added, by column. Default: version 1. */
  readonly addedIn: Readonly<Record<string, number>>;
}

const TENANT_AND_RESOURCE_KEYS = [
  'organization_id',
  'property_id',
  'service',
  'service_version',
  'environment',
  'instance',
];
const METRIC_KEYS = [
  'metric_type',
  'name',
  'endpoint',
  'operation',
  'queue_scope',
  ...TENANT_AND_RESOURCE_KEYS,
  'test',
];

/** Returns the aggregates from which the mean and the maximum of a health column are computed. */
function toSampleAggregates(column: string): [string, string][] {
  return [
    [`${column}_sum`, `sum(${column})`],
    [`${column}_count`, `count(${column})`],
    [`${column}_max`, `max(${column})`],
  ];
}

/** Sums of requests over the rows. All are columns of `performance_metrics`. */
const REQUEST_SUMS = [
  'count_2xx',
  'count_3xx',
  'count_4xx',
  'count_5xx',
  'first_byte_sum',
  'database_time',
  'database_calls',
  'outgoing_time',
  'outgoing_calls',
  'queue_time',
  'queue_calls',
  'connection_wait_time',
  'event_loop_wait_time',
  'own_time',
];

const HEALTH_COLUMNS = Object.entries(systemHealthTable.columns)
  .filter(([, type]) => type === 'double' || type === 'long')
  .map(([name]) => toSnakeCase(name));

/** Health columns that version 2 of the roll-ups added. */
const NEW_HEALTH_COLUMNS = [
  'host_memory_usage',
  'host_cpu_usage',
  'process_memory',
  'process_cpu_usage',
  'event_loop_utilization',
];

function toAddedIn(version: number, columns: readonly string[]): Record<string, number> {
  return Object.fromEntries(columns.map((column) => [column, version]));
}

const DEFAULT_UNITS: readonly RollupUnit[] = ['1m', '1h'];
/**
 * Bucket tables are large. For long ranges, queries read daily rows, and 10-minute rows at both
 * ends.
 */
const BUCKET_UNITS: readonly RollupUnit[] = ['1m', '10m', '1h', '1d'];

export const ROLLUP_DEFINITIONS: readonly RollupDefinition[] = [
  {
    table: performanceMetricsTable,
    version: 3,
    units: DEFAULT_UNITS,
    keys: [...METRIC_KEYS, 'error_type', 'host', 'unit'],
    where: '(coalesce(count, 1) > 0 OR aborted_count > 0)',
    aggregates: {
      count: 'sum(count)',
      error_count: 'sum(error_count)',
      aborted_count: 'sum(aborted_count)',
      sum: 'sum(sum)',
      min: 'min(coalesce(min, value))',
      max: 'max(coalesce(max, value))',
      value_sum: 'sum(value)',
      value_count: 'count(value)',
      value_last: 'arg_max(value, timestamp)',
      value_at: 'max(timestamp)',
      ...Object.fromEntries(REQUEST_SUMS.map((column) => [column, `sum(${column})`])),
      first_byte_max: 'max(first_byte_max)',
    },
    addedIn: {
      ...toAddedIn(2, ['queue_scope', 'host', ...REQUEST_SUMS, 'first_byte_max']),
      ...toAddedIn(3, ['error_type']),
    },
  },
  {
    table: metricBucketsTable,
    version: 2,
    units: BUCKET_UNITS,
    keys: [...METRIC_KEYS, 'bucket_upper'],
    where: 'count > 0',
    aggregates: { count: 'sum(count)', error_count: 'sum(error_count)' },
    addedIn: toAddedIn(2, ['queue_scope']),
  },
  {
    table: queueMetricsTable,
    version: 2,
    units: DEFAULT_UNITS,
    keys: ['queue_name', 'queue_scope', 'job_type', 'status', ...TENANT_AND_RESOURCE_KEYS, 'test'],
    where: 'id IS NOT NULL',
    aggregates: {
      count: 'count()',
      duration_sum: 'sum(duration)',
      duration_count: 'count(duration)',
      duration_max: 'max(duration)',
      wait_sum: 'sum(wait_time)',
      wait_count: 'count(wait_time)',
      wait_max: 'max(wait_time)',
    },
    addedIn: toAddedIn(2, ['queue_scope']),
  },
  {
    table: systemHealthTable,
    version: 2,
    units: DEFAULT_UNITS,
    keys: ['host', 'service', 'service_version', 'environment', 'instance'],
    where: 'id IS NOT NULL',
    aggregates: {
      count: 'count()',
      ...Object.fromEntries(HEALTH_COLUMNS.flatMap(toSampleAggregates)),
    },
    addedIn: toAddedIn(2, [
      'host',
      ...NEW_HEALTH_COLUMNS.flatMap((column) => toSampleAggregates(column).map(([name]) => name)),
    ]),
  },
];
