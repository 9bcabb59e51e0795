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

const HEALTH_COLUMNS = Object.entries(systemHealthTable.columns)
  .filter(([, type]) => type === 'double' || type === 'long')
  .map(([name]) => toSnakeCase(name));

const DEFAULT_UNITS: readonly RollupUnit[] = ['1m', '1h'];
/**
 * Bucket tables are large. For long ranges, queries read daily rows, and 10-minute rows at both
 * ends.
 */
const BUCKET_UNITS: readonly RollupUnit[] = ['1m', '10m', '1h', '1d'];

export const ROLLUP_DEFINITIONS: readonly RollupDefinition[] = [
  {
    table: performanceMetricsTable,
    version: 1,
    units: DEFAULT_UNITS,
    keys: [...METRIC_KEYS, 'unit'],
    where: 'coalesce(count, 1) > 0',
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
    },
  },
  {
    table: metricBucketsTable,
    version: 1,
    units: BUCKET_UNITS,
    keys: [...METRIC_KEYS, 'bucket_upper'],
    where: 'count > 0',
    aggregates: { count: 'sum(count)', error_count: 'sum(error_count)' },
  },
  {
    table: queueMetricsTable,
    version: 1,
    units: DEFAULT_UNITS,
    keys: ['queue_name', 'job_type', 'status', ...TENANT_AND_RESOURCE_KEYS, 'test'],
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
  },
  {
    table: systemHealthTable,
    version: 1,
    units: DEFAULT_UNITS,
    keys: ['service', 'service_version', 'environment', 'instance'],
    where: 'id IS NOT NULL',
    aggregates: {
      count: 'count()',
      ...Object.fromEntries(HEALTH_COLUMNS.flatMap(toSampleAggregates)),
    },
  },
];

/** Returns the expression that combines a roll-up column into a coarser roll-up. */
function buildMergeAggregate(column: string): string {
  if (column === 'value_last') return 'arg_max(value_last, value_at)';
  if (column === 'min') return 'min(min)';
  return /(^|_)(max|at)$/.test(column) ? `max(${column})` : `sum(${column})`;
}

/** Returns the name of a roll-up: `metric_buckets_1m`, or `metric_buckets_1m_v2` for version 2. */
export function formatRollupName({ table, version }: RollupDefinition, unit: RollupUnit): string {
  return `${table.name}_${unit}${version > 1 ? `_v${version}` : ''}`;
}

/** Returns the names of a table and its current roll-ups. */
export function getTableAndRollupNames(definition: RollupDefinition): string[] {
  return [
    definition.table.name,
    ...definition.units.map((unit) => formatRollupName(definition, unit)),
  ];
}

/**
 * Returns the version in a roll-up name, or undefined if it is not a roll-up of `table` and `unit`.
 */
export function parseRollupVersion(
  name: string,
  table: string,
  unit: RollupUnit,
): number | undefined {
  if (name === `${table}_${unit}`) return 1;
  const version = new RegExp(`^${table}_${unit}_v(\\d+)$`).exec(name)?.[1];
  return version === undefined ? undefined : Number(version);
}

/** Returns the unit in a roll-up name of any version, or undefined for other names. */
export function parseRollupUnit(name: string): RollupUnit | undefined {
  for (const { table, units } of ROLLUP_DEFINITIONS) {
    const found = units.find((unit) => parseRollupVersion(name, table.name, unit) !== undefined);
    if (found) return found;
  }
  return undefined;
}

/** Returns whether the name belongs to a measurement table with roll-ups, or to a roll-up. */
export function isMeasurementTableOrRollup(name: string): boolean {
  return (
    ROLLUP_DEFINITIONS.some(({ table }) => name === table.name) ||
    parseRollupUnit(name) !== undefined
  );
}

/**
 * Returns the `CREATE MATERIALIZED VIEW` statement of a roll-up. Roll-ups are refreshed by a timer
 * and include late rows. Refreshing after each commit would read the current interval again every
 * second.
 *
 * @param fromMs time before which raw rows are ignored, in ms since the epoch. Default: none.
 */
export function buildCreateRollupSql(
  definition: RollupDefinition,
  unit: RollupUnit,
  days: number,
  fromMs?: number,
): string {
  const finer = getUnitChain(definition.units, unit).at(-2);
  const base = finer ? formatRollupName(definition, finer) : definition.table.name;
  const { refreshIntervalMs, partition } = ROLLUP_UNITS[unit];
  const conditions = finer ? [] : [definition.where];
  if (!finer && fromMs !== undefined) conditions.push(`timestamp >= '${toIsoTime(fromMs)}'`);
  return [
    `CREATE MATERIALIZED VIEW IF NOT EXISTS ${formatRollupName(definition, unit)} WITH BASE ${base}`,
    `REFRESH EVERY ${refreshIntervalMs / MINUTE_MS}m AS (`,
    `${buildRollupQuery(definition, unit, base, conditions.join(' AND '))})`,
    `PARTITION BY ${partition} TTL ${formatRollupTtl(unit, days)}`,
  ].join(' ');
}

/**
 * Returns the query that computes a roll-up from `source`.
 *
 * @param source raw rows for the finest unit. For other units, a table with the columns of the next finer
 * roll-up.
 * @param condition SQL condition for the rows of `source`. Empty for all rows.
 */
export function buildRollupQuery(
  definition: RollupDefinition,
  unit: RollupUnit,
  source: string,
  condition: string,
): string {
  const isFinest = unit === definition.units[0];
  const columns = Object.entries(definition.aggregates).map(
    ([name, aggregate]) => `${isFinest ? aggregate : buildMergeAggregate(name)} AS ${name}`,
  );
  const where = condition === '' ? '' : ` WHERE ${condition}`;
  return `SELECT timestamp, ${[...definition.keys, ...columns].join(', ')} FROM ${source}${where} SAMPLE BY ${unit}`;
}

function toIsoTime(ms: number): string {
  return new Date(ms).toISOString();
}

/** Returns the TTL of a roll-up. QuestDB requires a whole number of partitions. */
export function formatRollupTtl(unit: RollupUnit, days: number): string {
  const { partition } = ROLLUP_UNITS[unit];
  return partition === 'DAY' ? `${days} DAY` : `${Math.ceil(days / 7)} WEEK`;
}
