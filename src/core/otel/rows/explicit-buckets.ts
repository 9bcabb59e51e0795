import { BUCKET_RATIO } from '../../histogram/bucket-scale.ts';
import {
  addToBucket,
  type BucketCounts,
  computeStoredBound,
} from '../../histogram/histogram-buckets.ts';
import type { PerformanceMetricRow } from '../../schema/tables/performance-metrics-table.ts';
import type { MappedSeries } from '../mapping/map-series.ts';
import type { OtelHistogramPoint } from '../metric-data.ts';

/** Times in ms are stored in buckets whose bounds are powers in seconds. See `computeStoredBound`. */
export const MS_PER_SECOND = 1000;
/** Number of parts of a bucket that is much wider than the stored ones. */
const MAX_PARTS = 4;
/** A bucket with fewer values is stored in one row, to save disk space. */
const MIN_SPREAD_COUNT = 32;

/**
 * Returns stored buckets for a histogram with explicit bounds. The share of values up to a bound of the sender is exact.
 *
 * Stored buckets are 9 % wide, but most senders use buckets whose upper bound is two to five times the lower one. Values
 * are assumed to be distributed evenly, as in the `histogram_quantile` function of Prometheus. So the values of a wide
 * bucket are spread over four parts of it. A few values are stored in one part, which `pointId` chooses. That spreads the
 * values of many points evenly too, and a point that is sent again gives the same rows.
 *
 * The last bucket has no upper bound, so it ends at the maximum.
 */
export function getExplicitBuckets(
  row: Pick<PerformanceMetricRow, 'unit' | 'value'>,
  { factor, failed }: Pick<MappedSeries, 'factor' | 'failed'>,
  { bounds, bucketCounts, count, min, max }: OtelHistogramPoint,
  pointId: number,
): BucketCounts {
  const buckets: BucketCounts = new Map();
  const add = (bound: number, values: number) =>
    addToBucket(buckets, bound, values, failed ? values : 0);
  if (bucketCounts.length === 0) {
    // The sender recorded no buckets, so only the mean is known.
    add(computeStoredBound(row.value ?? 0, row.unit === 'ms' ? MS_PER_SECOND : 1), count);
    return buckets;
  }
  for (let i = 0; i < bucketCounts.length; i++) {
    const values = bucketCounts[i]!;
    if (values === 0) continue;
    const lowerBound = i > 0 ? bounds[i - 1]! : 0;
    const upperBound = bounds[i] ?? Number.POSITIVE_INFINITY;
    const lower = min !== undefined && min > lowerBound && min < upperBound ? min : lowerBound;
    const isMaxInBucket = max !== undefined && max > lower && max < upperBound;
    const knownUpper = i < bounds.length ? upperBound : getNextBound(lowerBound);
    const upper = isMaxInBucket ? max : knownUpper;
    const parts = countParts(lower, upper);
    // A stored bucket that ends at the maximum could start below the lower bound.
    if (parts === 1)
      add(Math.min(upperBound, Math.max(upper, lower * BUCKET_RATIO)) * factor, values);
    else if (values < MIN_SPREAD_COUNT) {
      add(getPartBound(lower, upper, parts, (pointId + i) % parts) * factor, values);
    } else {
      for (let part = 0; part < parts; part++) {
        const inPart = divide(values, parts, part + 1) - divide(values, parts, part);
        add(getPartBound(lower, upper, parts, part) * factor, inPart);
      }
    }
  }
  return buckets;
}

/** A bound above the last one, if the maximum is unknown. */
function getNextBound(lastBound: number): number {
  return lastBound > 0 ? lastBound * BUCKET_RATIO : lastBound + 1;
}

/** Parts are not narrower than stored buckets. Buckets with negative values are not divided. */
function countParts(lower: number, upper: number): number {
  if (lower < 0 || upper <= 0) return 1;
  if (lower === 0) return MAX_PARTS;
  const storedBuckets = Math.floor(Math.log(upper / lower) / Math.log(BUCKET_RATIO));
  return Math.max(1, Math.min(MAX_PARTS, storedBuckets));
}

/** Returns the upper bound of the stored bucket around the middle of a part. */
function getPartBound(lower: number, upper: number, parts: number, part: number): number {
  const middle = lower + ((part + 0.5) / parts) * (upper - lower);
  return Math.min(upper, middle * Math.sqrt(BUCKET_RATIO));
}

/** Returns how many of `values` are in the first parts. */
function divide(values: number, parts: number, part: number): number {
  return Math.floor((values * part) / parts);
}
