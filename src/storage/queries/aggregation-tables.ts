import { identifier, type Sql, sql } from '../sql/sql-builder.ts';
import { BUCKET_COLUMNS, HOST_COLUMNS, JOB_COLUMNS, METRIC_COLUMNS } from './query-definition.ts';
import type { Aggregation, QueryTable } from './run-query.ts';

/** Measurements, and the points of histograms, gauges, and counters. */
export const METRICS_TABLE: QueryTable = {
  table: 'performance_metrics',
  scopedBy: 'tenants',
  columns: METRIC_COLUMNS,
  rowFilter: sql`(coalesce(count, 1) > 0 OR aborted_count > 0)`,
  hasTest: true,
};

export const BUCKETS_TABLE: QueryTable = {
  table: 'metric_buckets',
  scopedBy: 'tenants',
  columns: BUCKET_COLUMNS,
  rowFilter: sql`count > 0`,
  hasTest: true,
};

/** State transitions of jobs. */
export const JOBS_TABLE: QueryTable = {
  table: 'queue_metrics',
  scopedBy: 'tenants',
  columns: JOB_COLUMNS,
  rowFilter: sql`id IS NOT NULL`,
  hasTest: true,
};

/** Health rows of processes and their hosts. */
export const HOSTS_TABLE: QueryTable = {
  table: 'system_health',
  scopedBy: 'hosts',
  columns: HOST_COLUMNS,
  rowFilter: sql`id IS NOT NULL`,
  hasTest: false,
};

export const COUNT: Aggregation = createSum(sql`sum(count)`);
/** Number of rows of `queue_metrics` or `system_health`. */
export const ROW_COUNT: Aggregation = createSum(sql`count()`, sql`sum(count)`);
/** Number of measurements: values in histograms, and samples of gauges and counters. */
export const MEASUREMENT_COUNT: Aggregation = createSum(
  sql`sum(coalesce(count, 1))`,
  sql`sum(coalesce(count, value_count))`,
);

/**
 * Returns the sum of a column that rows and roll-ups both have.
 *
 * @example createColumnSum('count_2xx')
 */
export function createColumnSum(column: string): Aggregation {
  return { ...createSum(sql`sum(${identifier(column)})`), column };
}

/** Returns the maximum of a column that rows and roll-ups both have. */
export function createColumnMax(column: string): Aggregation {
  const max = sql`max(${identifier(column)})`;
  return { rows: max, rollup: max, mergeWith: 'max', column };
}

/** Returns a sum over rows and over the partial sums in roll-ups. */
export function createSum(rows: Sql, rollup: Sql = rows): Aggregation {
  return { rows, rollup, mergeWith: 'sum' };
}

/** Aggregations of values: latest value and its time, count, sum, minimum, and maximum. */
export const VALUE_AGGREGATIONS = {
  last: {
    rows: sql`arg_max(value, timestamp)`,
    rollup: sql`arg_max(value_last, value_at)`,
    mergeWith: { latestBy: 'last_at' },
  },
  last_at: { rows: sql`max(timestamp)`, rollup: sql`max(value_at)`, mergeWith: 'max' },
  samples: createSum(sql`count(value)`, sql`sum(value_count)`),
  value_total: createSum(sql`sum(value)`, sql`sum(value_sum)`),
  minimum: { rows: sql`min(coalesce(min, value))`, rollup: sql`min(min)`, mergeWith: 'min' },
  maximum: { rows: sql`max(coalesce(max, value))`, rollup: sql`max(max)`, mergeWith: 'max' },
} as const satisfies Record<string, Aggregation>;
