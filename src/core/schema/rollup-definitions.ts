import { DAY_MS, HOUR_MS, MINUTE_MS } from '../duration.ts';
import { type Table, toSnakeCase } from './table-definition.ts';
import { metricBucketsTable } from './tables/metric-buckets-table.ts';
import { performanceMetricsTable } from './tables/performance-metrics-table.ts';
import { queueMetricsTable } from './tables/queue-metrics-table.ts';
import { systemHealthTable } from './tables/system-health-table.ts';

/** Length of a roll-up's intervals, as its table's name ends. */
export type RollupUnit = '1m' | '10m' | '1h' | '1d';

interface RollupUnitDefinition {
  readonly ms: number;
  /** How often its roll-ups are refreshed. */
  readonly refreshIntervalMs: number;
  readonly partition: 'DAY' | 'WEEK';
}

export const ROLLUP_UNITS: Readonly<Record<RollupUnit, RollupUnitDefinition>> = {
  '1m': { ms: MINUTE_MS, refreshIntervalMs: MINUTE_MS, partition: 'DAY' },
  '10m': { ms: 10 * MINUTE_MS, refreshIntervalMs: 5 * MINUTE_MS, partition: 'DAY' },
  '1h': { ms: HOUR_MS, refreshIntervalMs: 10 * MINUTE_MS, partition: 'WEEK' },
  '1d': { ms: DAY_MS, refreshIntervalMs: HOUR_MS, partition: 'WEEK' },
};

/** Rows come this late when nothing is wrong: a flush interval, a retry, and time to be applied. */
const MAX_ROW_DELAY_MS = 2 * MINUTE_MS;
/** A refresh is over within this time. */
const MAX_REFRESH_DURATION_MS = MINUTE_MS;

/**
 * How far behind the beginning of a refresh of the last of `chain` its rows may still be incomplete:
 * each roll-up before it is behind by its own timer and refresh.
 *
 * @param chain units of which each is summed from the one before, the first from the rows
 */
export function computeRefreshLagMs(chain: readonly RollupUnit[]): number {
  return chain
    .slice(0, -1)
    .reduce(
      (sum, unit) => sum + ROLLUP_UNITS[unit].refreshIntervalMs + MAX_REFRESH_DURATION_MS,
      MAX_ROW_DELAY_MS,
    );
}

/** The same behind now, whenever the last refresh was. */
export function computeMaxLagMs(chain: readonly RollupUnit[]): number {
  const last = chain.at(-1);
  return (
    computeRefreshLagMs(chain) +
    (last ? ROLLUP_UNITS[last].refreshIntervalMs + MAX_REFRESH_DURATION_MS : 0)
  );
}

/** The units up to `unit`, each summed from the one before. */
export function getUnitChain(units: readonly RollupUnit[], unit: RollupUnit): RollupUnit[] {
  return units.slice(0, units.indexOf(unit) + 1);
}

/** How long what was measured is kept, in days. */
export interface Retention {
  readonly rawDays: number;
  readonly minuteDays: number;
  readonly hourDays: number;
}

/** What is finer than hours is kept as long as minutes are. */
export function getRollupRetentionDays(retention: Retention, unit: RollupUnit): number {
  return ROLLUP_UNITS[unit].ms < ROLLUP_UNITS['1h'].ms ? retention.minuteDays : retention.hourDays;
}

/**
 * How a table is summed up. Every column that questions filter or group by stays a key, so that a
 * roll-up answers whatever the raw rows answer, for any whole number of its intervals.
 */
export interface RollupDefinition {
  readonly table: Table;
  /** Raised with each change below: the changed views are built beside those of before. */
  readonly version: number;
  /** Its roll-ups, the finest first: each is summed from the one before. */
  readonly units: readonly RollupUnit[];
  readonly keys: readonly string[];
  /** Which raw rows count; rows that were neutralised do not. */
  readonly where: string;
  /** Columns of the roll-up, each from the raw rows. */
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

/** What is known of a column of `system_health` in an interval: mean, and worst. */
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
/** Buckets are many: the ends of a day are read from tens of minutes, a month from days. */
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

/** What sums a roll-up's `column` up again. */
function buildMergeAggregate(column: string): string {
  if (column === 'value_last') return 'arg_max(value_last, value_at)';
  if (column === 'min') return 'min(min)';
  return /(^|_)(max|at)$/.test(column) ? `max(${column})` : `sum(${column})`;
}

/** `metric_buckets_1m`; a later version of the same is `metric_buckets_1m_v2`. */
export function formatRollupName({ table, version }: RollupDefinition, unit: RollupUnit): string {
  return `${table.name}_${unit}${version > 1 ? `_v${version}` : ''}`;
}

/** The names of a table and of its present roll-ups. */
export function getTableAndRollupNames(rolling: RollupDefinition): string[] {
  return [rolling.table.name, ...rolling.units.map((unit) => formatRollupName(rolling, unit))];
}

/** The version that a roll-up's name says; undefined when it is none of `table`'s. */
export function parseRollupVersion(
  name: string,
  table: string,
  unit: RollupUnit,
): number | undefined {
  if (name === `${table}_${unit}`) return 1;
  const version = new RegExp(`^${table}_${unit}_v(\\d+)$`).exec(name)?.[1];
  return version === undefined ? undefined : Number(version);
}

/** The unit of a roll-up, of whatever version; undefined for any other name. */
export function parseRollupUnit(name: string): RollupUnit | undefined {
  for (const { table, units } of ROLLUP_DEFINITIONS) {
    const found = units.find((unit) => parseRollupVersion(name, table.name, unit) !== undefined);
    if (found) return found;
  }
  return undefined;
}

/** Whether it is a table of measurements, or a roll-up of one. */
export function isMeasurementTableOrRollup(name: string): boolean {
  return (
    ROLLUP_DEFINITIONS.some(({ table }) => name === table.name) ||
    parseRollupUnit(name) !== undefined
  );
}

/**
 * The statement that makes a roll-up. All follow late rows, at a timer: summing with each commit would
 * read an interval again for every second of it.
 */
export function buildCreateRollupSql(
  rolling: RollupDefinition,
  unit: RollupUnit,
  days: number,
): string {
  const finer = getUnitChain(rolling.units, unit).at(-2);
  const base = finer ? formatRollupName(rolling, finer) : rolling.table.name;
  const columns = Object.entries(rolling.aggregates).map(
    ([name, raw]) => `${finer ? buildMergeAggregate(name) : raw} AS ${name}`,
  );
  const rows = finer ? '' : ` WHERE ${rolling.where}`;
  const { refreshIntervalMs: everyMs, partition } = ROLLUP_UNITS[unit];
  return [
    `CREATE MATERIALIZED VIEW IF NOT EXISTS ${formatRollupName(rolling, unit)} WITH BASE ${base}`,
    `REFRESH EVERY ${everyMs / MINUTE_MS}m AS (`,
    `SELECT timestamp, ${[...rolling.keys, ...columns].join(', ')} FROM ${base}${rows}`,
    `SAMPLE BY ${unit}) PARTITION BY ${partition} TTL ${formatRollupTtl(unit, days)}`,
  ].join(' ');
}

/** A TTL has to be a whole number of partitions. */
export function formatRollupTtl(unit: RollupUnit, days: number): string {
  const { partition } = ROLLUP_UNITS[unit];
  return partition === 'DAY' ? `${days} DAY` : `${Math.ceil(days / 7)} WEEK`;
}
