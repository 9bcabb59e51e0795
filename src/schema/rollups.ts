import { type Table, toSnakeCase } from './column.ts';
import { metricBuckets } from './metric-buckets.ts';
import { performanceMetrics } from './performance-metrics.ts';
import { queueMetrics } from './queue-metrics.ts';
import { chainTo, MINUTE_MS, ROLLUP_UNITS, type RollupUnit } from './rollup-units.ts';
import { systemHealth } from './system-health.ts';

/**
 * How a table is summed up. Every column that questions filter or group by stays a key, so that a
 * roll-up answers whatever the raw rows answer, for any whole number of its intervals.
 */
export interface Rolling {
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

const TENANT_AND_ORIGIN = [
  'organization_id',
  'property_id',
  'service',
  'service_version',
  'environment',
  'instance',
];
const WORK = ['metric_type', 'name', 'endpoint', 'operation', ...TENANT_AND_ORIGIN, 'test'];

/** What is known of a column of `system_health` in an interval: mean, and worst. */
function sampled(column: string): [string, string][] {
  return [
    [`${column}_sum`, `sum(${column})`],
    [`${column}_count`, `count(${column})`],
    [`${column}_max`, `max(${column})`],
  ];
}

const HEALTH_FIGURES = Object.entries(systemHealth.columns)
  .filter(([, type]) => type === 'double' || type === 'long')
  .map(([name]) => toSnakeCase(name));

const USUAL_UNITS: readonly RollupUnit[] = ['1m', '1h'];
/** Buckets are many: the ends of a day are read from tens of minutes, a month from days. */
const BUCKET_UNITS: readonly RollupUnit[] = ['1m', '10m', '1h', '1d'];

export const ROLLINGS: readonly Rolling[] = [
  {
    table: performanceMetrics,
    version: 1,
    units: USUAL_UNITS,
    keys: [...WORK, 'unit'],
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
    table: metricBuckets,
    version: 1,
    units: BUCKET_UNITS,
    keys: [...WORK, 'bucket_upper'],
    where: 'count > 0',
    aggregates: { count: 'sum(count)', error_count: 'sum(error_count)' },
  },
  {
    table: queueMetrics,
    version: 1,
    units: USUAL_UNITS,
    keys: ['queue_name', 'job_type', 'status', ...TENANT_AND_ORIGIN, 'test'],
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
    table: systemHealth,
    version: 1,
    units: USUAL_UNITS,
    keys: ['service', 'service_version', 'environment', 'instance'],
    where: 'id IS NOT NULL',
    aggregates: { count: 'count()', ...Object.fromEntries(HEALTH_FIGURES.flatMap(sampled)) },
  },
];

/** What sums a roll-up's `column` up again. */
function again(column: string): string {
  if (column === 'value_last') return 'arg_max(value_last, value_at)';
  if (column === 'min') return 'min(min)';
  return /(^|_)(max|at)$/.test(column) ? `max(${column})` : `sum(${column})`;
}

/** `metric_buckets_1m`; a later version of the same is `metric_buckets_1m_v2`. */
export function rollupName({ table, version }: Rolling, unit: RollupUnit): string {
  return `${table.name}_${unit}${version > 1 ? `_v${version}` : ''}`;
}

/** The names of a table and of its present roll-ups. */
export function presentNames(rolling: Rolling): string[] {
  return [rolling.table.name, ...rolling.units.map((unit) => rollupName(rolling, unit))];
}

/** The version that a roll-up's name says; undefined when it is none of `table`'s. */
export function versionOf(name: string, table: string, unit: RollupUnit): number | undefined {
  if (name === `${table}_${unit}`) return 1;
  const version = new RegExp(`^${table}_${unit}_v(\\d+)$`).exec(name)?.[1];
  return version === undefined ? undefined : Number(version);
}

/** The unit of a roll-up, of whatever version; undefined for any other name. */
export function unitOf(name: string): RollupUnit | undefined {
  for (const { table, units } of ROLLINGS) {
    const found = units.find((unit) => versionOf(name, table.name, unit) !== undefined);
    if (found) return found;
  }
  return undefined;
}

/** Whether it is a table of measurements, or a roll-up of one. */
export function isMeasured(name: string): boolean {
  return ROLLINGS.some(({ table }) => name === table.name) || unitOf(name) !== undefined;
}

/**
 * The statement that makes a roll-up. All follow late rows, at a timer: summing with each commit would
 * read an interval again for every second of it.
 */
export function createRollup(rolling: Rolling, unit: RollupUnit, days: number): string {
  const finer = chainTo(rolling.units, unit).at(-2);
  const base = finer ? rollupName(rolling, finer) : rolling.table.name;
  const columns = Object.entries(rolling.aggregates).map(
    ([name, raw]) => `${finer ? again(name) : raw} AS ${name}`,
  );
  const rows = finer ? '' : ` WHERE ${rolling.where}`;
  const { everyMs, partition } = ROLLUP_UNITS[unit];
  return [
    `CREATE MATERIALIZED VIEW IF NOT EXISTS ${rollupName(rolling, unit)} WITH BASE ${base}`,
    `REFRESH EVERY ${everyMs / MINUTE_MS}m AS (`,
    `SELECT timestamp, ${[...rolling.keys, ...columns].join(', ')} FROM ${base}${rows}`,
    `SAMPLE BY ${unit}) PARTITION BY ${partition} TTL ${rollupTtl(unit, days)}`,
  ].join(' ');
}

/** A TTL has to be a whole number of partitions. */
export function rollupTtl(unit: RollupUnit, days: number): string {
  const { partition } = ROLLUP_UNITS[unit];
  return partition === 'DAY' ? `${days} DAY` : `${Math.ceil(days / 7)} WEEK`;
}
