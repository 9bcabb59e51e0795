import type { MetricBucketRow } from './tables/metric-buckets-table.ts';
import type { PerformanceMetricRow } from './tables/performance-metrics-table.ts';

/*
 * QuestDB has no DELETE, so a row is overwritten with the same keys and a count of zero. Sums, counts, and percentiles
 * ignore it.
 */

/** Returns the row that replaces a row of `performance_metrics`. */
export function createBlankMetric(timestamp: number, id: string): PerformanceMetricRow {
  return { timestamp, id, count: 0, errorCount: 0, abortedCount: 0, sum: 0, test: true };
}

/** Returns the row that replaces a row of `metric_buckets`. */
export function createBlankBucket(
  timestamp: number,
  point: number,
  bucketUpper: number,
): MetricBucketRow {
  return { timestamp, point, bucketUpper, count: 0, errorCount: 0, test: true };
}
