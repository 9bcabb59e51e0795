import { bucketIndex, toStoredIndex, upperBound } from './scale.ts';

/** Counts by inclusive upper bound. A value of zero is at bound 0, negative ones below it. */
export type Buckets = Map<number, { count: number; errorCount: number }>;

/** Adds `count` values at `bound`, `errorCount` of them failed. */
export function addAt(buckets: Buckets, bound: number, count: number, errorCount: number): void {
  const bucket = buckets.get(bound);
  if (bucket) {
    bucket.count += count;
    bucket.errorCount += errorCount;
  } else {
    buckets.set(bound, { count, errorCount });
  }
}

/**
 * The inclusive upper bound of the stored bucket that holds `value`.
 *
 * @param unitsPerBase how many of the value's unit make the unit whose powers of two are the
 *   bounds. Times are stored in ms on the bounds of seconds (1000), because OpenTelemetry
 *   records them in seconds and both must merge exactly.
 */
export function boundOf(value: number, unitsPerBase: number): number {
  if (value === 0) return 0;
  if (value > 0) return upperBound(bucketIndex(value / unitsPerBase)) * unitsPerBase;
  // Mirrored: the bound nearer to zero is the upper one.
  return -(upperBound(bucketIndex(-value / unitsPerBase) - 1) * unitsPerBase);
}

/** One OpenTelemetry exponential histogram point. */
export interface ExponentialPoint {
  scale: number;
  zeroCount: number;
  positive: { offset: number; bucketCounts: readonly number[] };
  negative: { offset: number; bucketCounts: readonly number[] };
}

/** The point's non-empty buckets at the stored scale; every value counts as failed if `failed`. */
export function storedBuckets(
  point: ExponentialPoint,
  unitsPerBase: number,
  failed: boolean,
): Buckets {
  const buckets: Buckets = new Map();
  const add = (bound: number, count: number) =>
    count > 0 && addAt(buckets, bound, count, failed ? count : 0);
  point.negative.bucketCounts.forEach((count, i) => {
    const index = toStoredIndex(point.negative.offset + i, point.scale);
    add(-(upperBound(index - 1) * unitsPerBase), count);
  });
  add(0, point.zeroCount);
  point.positive.bucketCounts.forEach((count, i) => {
    const index = toStoredIndex(point.positive.offset + i, point.scale);
    add(upperBound(index) * unitsPerBase, count);
  });
  return buckets;
}
