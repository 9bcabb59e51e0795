import type { Row } from '../questdb/postgres-wire-reader.ts';
import type { QueryClient } from '../questdb/query-client.ts';
import { type Sql, sql } from '../sql/sql-builder.ts';
import { COUNT, createSum, METRICS_TABLE, VALUE_AGGREGATIONS } from './aggregation-tables.ts';
import type { Group, Query } from './query-definition.ts';
import { toNumber } from './row-values.ts';
import { type Aggregation, runQuery } from './run-query.ts';
import type { TimeRange } from './time-range.ts';

/** Sums of measurements of any kind. Groups can be merged with `mergeMetricSums`. */
export interface MetricSums {
  group: Group;
  /** Number of measurements: individual values, and values in histograms. */
  count: number;
  errorCount: number;
  sum: number;
  /** Number of rows with a value. Gauges and counters have values instead of a count. */
  valueCount: number;
  valueSum: number;
  min: number | undefined;
  max: number | undefined;
  /** The newest value. */
  last: number | undefined;
  /** Time of the newest value in ms since the epoch. */
  newestMs: number;
  /** Time of the oldest value in ms since the epoch. From a roll-up, up to one interval too late. */
  oldestMs: number;
  /** The time bucket. Only for a query with a step. */
  bucket?: TimeRange | undefined;
}

/** The aggregations of {@link MetricSums}. {@link toMetricSums} reads their results. */
export const SUM_AGGREGATIONS = {
  ...VALUE_AGGREGATIONS,
  count: COUNT,
  errors: createSum(sql`sum(error_count)`),
  total: createSum(sql`sum(sum)`),
  first_at: { rows: sql`min(timestamp)`, rollup: sql`min(value_at)`, mergeWith: 'min' },
} as const satisfies Record<string, Aggregation>;

/**
 * Returns the sums of each group that has measurements.
 *
 * @param conditions filter for the measurements
 * @param limit maximum number of groups
 * @throws PS_REQUEST_TOO_LARGE if there are more groups
 */
export async function queryMetricSums(
  queryClient: QueryClient,
  query: Query,
  conditions: readonly Sql[],
  limit: number,
): Promise<MetricSums[]> {
  const results = await runQuery(queryClient, METRICS_TABLE, query, {
    aggregations: SUM_AGGREGATIONS,
    conditions,
    limit,
  });
  return results.flatMap(({ group, bucket, row }) => {
    const sums = toMetricSums(row);
    return sums && (sums.count > 0 || sums.valueCount > 0) ? [{ group, bucket, ...sums }] : [];
  });
}

/**
 * Reads a result of `SUM_AGGREGATIONS`. Returns `undefined` if there are no rows. If both counts are 0, the rows
 * contain no measurements.
 */
function toMetricSums(row: Row): Omit<MetricSums, 'group'> | undefined {
  const newestMs = row.last_at instanceof Date ? row.last_at.getTime() : undefined;
  const count = toNumber(row.count) ?? 0;
  const valueCount = toNumber(row.samples) ?? 0;
  if (newestMs === undefined) return undefined;
  return {
    count,
    valueCount,
    newestMs,
    oldestMs: row.first_at instanceof Date ? row.first_at.getTime() : newestMs,
    errorCount: toNumber(row.errors) ?? 0,
    sum: toNumber(row.total) ?? 0,
    valueSum: toNumber(row.value_total) ?? 0,
    min: toNumber(row.minimum),
    max: toNumber(row.maximum),
    last: toNumber(row.last),
  };
}

/** Merges the sums of two groups. Keeps the group of `a`. */
export function mergeMetricSums(a: MetricSums, b: MetricSums): MetricSums {
  const newer = b.newestMs > a.newestMs ? b : a;
  return {
    group: a.group,
    count: a.count + b.count,
    errorCount: a.errorCount + b.errorCount,
    sum: a.sum + b.sum,
    valueCount: a.valueCount + b.valueCount,
    valueSum: a.valueSum + b.valueSum,
    min: pickExtreme(Math.min, a.min, b.min),
    max: pickExtreme(Math.max, a.max, b.max),
    last: newer.last,
    newestMs: newer.newestMs,
    oldestMs: Math.min(a.oldestMs, b.oldestMs),
  };
}

function pickExtreme(func: typeof Math.min, a: number | undefined, b: number | undefined) {
  return a === undefined || b === undefined ? (a ?? b) : func(a, b);
}
