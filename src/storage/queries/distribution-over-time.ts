import { mergeBounds } from '../../core/histogram/merge-bounds.ts';
import type { QueryClient } from '../questdb/query-client.ts';
import { sql } from '../sql/sql-builder.ts';
import { BUCKETS_TABLE, COUNT, createSum } from './aggregation-tables.ts';
import { type MetricSelector, toMetricConditions } from './operation-totals.ts';
import type { Query } from './query-definition.ts';
import { toNumber } from './row-values.ts';
import { runQuery } from './run-query.ts';
import { listBuckets, type Step } from './time-buckets.ts';

/** Index of the time bucket, index of the value bucket, number of values, number of failures. */
type DistributionCell = [timeIndex: number, upperIndex: number, count: number, errorCount: number];

/** The numbers of values by time and value. */
export interface DistributionOverTime {
  /** Start of each time bucket, in ms since the epoch. Includes buckets without values. */
  readonly timesMs: readonly number[];
  /** Inclusive upper bound of each value bucket, in the metric's unit. */
  readonly uppers: readonly number[];
  /** Ratio of the upper to the lower bound of a value bucket. */
  readonly ratio: number;
  /** Cells with values, ordered by time and value. */
  readonly cells: readonly DistributionCell[];
}

/** Maximum number of value buckets. Stored buckets are merged to stay within it. */
const MAX_VALUE_BUCKETS = 60;

/**
 * Returns the distribution of a metric's values for each time bucket.
 *
 * @throws PS_REQUEST_TOO_LARGE
 */
export async function queryDistributionOverTime(
  queryClient: QueryClient,
  query: Query & { readonly step: Step },
  selector: MetricSelector,
): Promise<DistributionOverTime> {
  const results = await runQuery(queryClient, BUCKETS_TABLE, query, {
    aggregations: { count: COUNT, errors: createSum(sql`sum(error_count)`) },
    keys: ['bucket_upper'],
    conditions: toMetricConditions(selector, query.filter),
  });
  const values = results.map(({ bucket, row }) => ({
    atMs: bucket?.fromMs ?? query.range.fromMs,
    bound: toNumber(row.bucket_upper) ?? 0,
    count: toNumber(row.count) ?? 0,
    errorCount: toNumber(row.errors) ?? 0,
  }));
  const emptyTimes = listBuckets(query.step, query.range).map(({ fromMs }) => fromMs);
  const times = new Set([...emptyTimes, ...values.map(({ atMs }) => atMs)]);
  const timesMs = [...times].sort((a, b) => a - b);
  const timeIndexes = new Map(timesMs.map((ms, i) => [ms, i]));
  const { uppers, ratio, indexOf } = mergeBounds(
    new Set(values.map(({ bound }) => bound)),
    MAX_VALUE_BUCKETS,
  );
  const cells = new Map<number, DistributionCell>();
  for (const { atMs, bound, count, errorCount } of values) {
    const [timeIndex, upperIndex] = [timeIndexes.get(atMs) ?? 0, indexOf(bound)];
    const key = timeIndex * MAX_VALUE_BUCKETS + upperIndex;
    const [, , otherCount, otherErrors] = cells.get(key) ?? [0, 0, 0, 0];
    cells.set(key, [timeIndex, upperIndex, count + otherCount, errorCount + otherErrors]);
  }
  const sorted = [...cells].sort(([a], [b]) => a - b).map(([, cell]) => cell);
  return { timesMs, uppers, ratio, cells: sorted };
}
