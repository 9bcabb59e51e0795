import type { MetricBucketRow } from '../schema/tables/metric-buckets-table.ts';
import type { PerformanceMetricRow } from '../schema/tables/performance-metrics-table.ts';
import { computeBucketIndex, computeUpperBound, toStoredIndex } from './bucket-scale.ts';

/**
 * Counts by inclusive upper bound. Zero has the bound 0, and negative values have negative bounds.
 */
export type BucketCounts = Map<number, { count: number; errorCount: number }>;

/** Adds `count` values to the bucket at `bound`. `errorCount` of them failed. */
export function addToBucket(
  buckets: BucketCounts,
  bound: number,
  count: number,
  errorCount: number,
): void {
  const bucket = buckets.get(bound);
  if (bucket) {
    bucket.count += count;
    bucket.errorCount += errorCount;
  } else {
    buckets.set(bound, { count, errorCount });
  }
}

/**
 * Returns the inclusive upper bound of the stored bucket that contains `value`.
 *
 * @param unitsPerBase number of value units per base unit. Bucket bounds are powers of
 * `BUCKET_RATIO` in the base unit. For times in ms, use 1000: the base unit is then seconds, as in
 * OpenTelemetry, so that the buckets can be merged exactly.
 */
export function computeStoredBound(value: number, unitsPerBase: number): number {
  if (value === 0) return 0;
  if (value > 0) return computeUpperBound(computeBucketIndex(value / unitsPerBase)) * unitsPerBase;
  // Negative buckets are mirrored, so their upper bound is the bound closer to zero.
  return -(computeUpperBound(computeBucketIndex(-value / unitsPerBase) - 1) * unitsPerBase);
}

/** An OpenTelemetry exponential histogram point. */
export interface ExponentialHistogramPoint {
  scale: number;
  zeroCount: number;
  positive: { offset: number; bucketCounts: readonly number[] };
  negative: { offset: number; bucketCounts: readonly number[] };
  /** Details of the agent's request histograms. */
  requests?: { readonly failed: ExponentialHistogramPoint | undefined } | undefined;
}

/**
 * Returns the non-empty buckets at the stored scale.
 *
 * @param failed whether all values count as failed. If `false`, only the values in
 * `point.requests.failed` do.
 */
export function toStoredBuckets(
  point: ExponentialHistogramPoint,
  unitsPerBase: number,
  failed: boolean,
): BucketCounts {
  const buckets: BucketCounts = new Map();
  const add = (bound: number, count: number) =>
    count > 0 && addToBucket(buckets, bound, count, failed ? count : 0);
  point.negative.bucketCounts.forEach((count, i) => {
    const index = toStoredIndex(point.negative.offset + i, point.scale);
    add(-(computeUpperBound(index - 1) * unitsPerBase), count);
  });
  add(0, point.zeroCount);
  point.positive.bucketCounts.forEach((count, i) => {
    const index = toStoredIndex(point.positive.offset + i, point.scale);
    add(computeUpperBound(index) * unitsPerBase, count);
  });
  const failedPoint = point.requests?.failed;
  if (failedPoint) {
    for (const [bound, { count }] of toStoredBuckets(failedPoint, unitsPerBase, true)) {
      addToBucket(buckets, bound, 0, count);
    }
  }
  return buckets;
}

/** Returns one row per bucket, with the dimensions of `row`. */
export function toBucketRows(
  row: PerformanceMetricRow,
  buckets: BucketCounts,
  point: number,
  timestamp: number,
): MetricBucketRow[] {
  const { metricType, name, endpoint, operation, organizationId, propertyId, test } = row;
  const { queueScope } = row;
  const { service, serviceVersion, environment, instance } = row;
  return [...buckets].map(([bucketUpper, { count, errorCount }]) => ({
    timestamp,
    point,
    bucketUpper,
    count,
    errorCount,
    metricType,
    name,
    test,
    endpoint,
    operation,
    queueScope,
    organizationId,
    propertyId,
    service,
    serviceVersion,
    environment,
    instance,
  }));
}
