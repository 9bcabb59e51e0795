import { BUCKET_RATIO } from './bucket-scale.ts';

/** A stored bucket: its inclusive upper bound and its count. */
interface BucketCount {
  bound: number;
  count: number;
}

/**
 * Returns the quantile `q` (0 to 1), interpolated on a logarithmic scale within its bucket. The
 * buckets can be in any order, and bounds can repeat.
 *
 * @returns undefined if there are no values
 */
export function computePercentile(buckets: readonly BucketCount[], q: number): number | undefined {
  const filled = buckets.filter((b) => b.count > 0).sort((a, b) => a.bound - b.bound);
  const total = filled.reduce((sum, b) => sum + b.count, 0);
  return computeSortedPercentile(filled, total, q);
}

/**
 * Returns the quantile `q` (0 to 1) of buckets that are sorted by bound. Unlike {@link computePercentile}, it
 * allocates nothing.
 *
 * @param total the sum of all counts
 * @returns undefined if there are no values
 */
export function computeSortedPercentile(
  buckets: readonly BucketCount[],
  total: number,
  q: number,
): number | undefined {
  const rank = q * total;
  let below = 0;
  let last: number | undefined;
  for (const { bound, count } of buckets) {
    if (count <= 0) continue;
    if (below + count >= rank)
      return interpolateInBucket(bound, Math.max(0, (rank - below) / count));
    below += count;
    last = bound;
  }
  return last;
}

function interpolateInBucket(bound: number, share: number): number {
  if (bound === 0) return 0;
  return bound > 0 ? bound * BUCKET_RATIO ** (share - 1) : bound * BUCKET_RATIO ** (1 - share);
}

/**
 * Returns the share of a bucket's values up to `limit`. Assumes a uniform distribution on a log
 * scale.
 */
function computeShareAtMost(bound: number, limit: number): number {
  if (bound <= limit) return 1;
  // For zero and negative buckets, a partial share has no practical effect.
  if (bound <= 0 || limit * BUCKET_RATIO <= bound) return 0;
  return 1 + Math.log(limit / bound) / Math.log(BUCKET_RATIO);
}

/** A bucket with the counts of several points. */
export interface MergedBucket extends BucketCount {
  errorCount: number;
}

export interface Percentiles {
  /** Median. */
  p50: number | undefined;
  /** 90th percentile. */
  p90: number | undefined;
  /** 95th percentile. */
  p95: number | undefined;
  /** 99th percentile. */
  p99: number | undefined;
  /** 99.9th percentile. */
  p999: number | undefined;
}

/** Statistics of merged buckets. */
export class Distribution {
  readonly #buckets: readonly MergedBucket[];

  constructor(buckets: readonly MergedBucket[] = []) {
    this.#buckets = buckets;
  }

  /** Returns each percentile, or undefined if there are no values. */
  computePercentiles(): Percentiles {
    const at = (q: number) => computePercentile(this.#buckets, q);
    return { p50: at(0.5), p90: at(0.9), p95: at(0.95), p99: at(0.99), p999: at(0.999) };
  }

  /**
   * Returns the Apdex score (https://en.wikipedia.org/wiki/Apdex). Values up to `target` are
   * satisfied, and values up to four times `target` are tolerated. Failed values are always
   * frustrated.
   *
   * @returns 0 to 1, or undefined if there are no values
   */
  computeApdex(target: number): number | undefined {
    const total = this.#sumCounts(({ count }) => count);
    if (total === 0) return undefined;
    const countUpTo = (limit: number) =>
      this.#sumCounts(
        ({ bound, count, errorCount }) => (count - errorCount) * computeShareAtMost(bound, limit),
      );
    const satisfied = countUpTo(target);
    return (satisfied + (countUpTo(4 * target) - satisfied) / 2) / total;
  }

  /** Returns the share of values above `limit`, 0 to 1, or undefined if there are no values. */
  computeShareAbove(limit: number): number | undefined {
    const total = this.#sumCounts(({ count }) => count);
    if (total === 0) return undefined;
    return (
      1 - this.#sumCounts(({ bound, count }) => count * computeShareAtMost(bound, limit)) / total
    );
  }

  #sumCounts(getCount: (bucket: MergedBucket) => number): number {
    return this.#buckets.reduce((sum, bucket) => sum + getCount(bucket), 0);
  }
}
