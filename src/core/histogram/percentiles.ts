import { BUCKET_RATIO } from './bucket-scale.ts';

/** A bucket as it is read back: its inclusive upper bound and its count. */
interface BucketCount {
  bound: number;
  count: number;
}

/**
 * The value below which the share `q` (0 to 1) of the counted values lies, interpolated on the
 * log scale inside its bucket. Buckets may come in any order and bounds may repeat.
 *
 * @returns undefined when nothing was counted.
 */
export function computePercentile(buckets: readonly BucketCount[], q: number): number | undefined {
  const filled = buckets.filter((b) => b.count > 0).sort((a, b) => a.bound - b.bound);
  const total = filled.reduce((sum, b) => sum + b.count, 0);
  if (total === 0) return undefined;
  const rank = q * total;
  let below = 0;
  for (const { bound, count } of filled) {
    if (below + count >= rank)
      return interpolateInBucket(bound, Math.max(0, (rank - below) / count));
    below += count;
  }
  return filled.at(-1)?.bound;
}

function interpolateInBucket(bound: number, share: number): number {
  if (bound === 0) return 0;
  return bound > 0 ? bound * BUCKET_RATIO ** (share - 1) : bound * BUCKET_RATIO ** (1 - share);
}

/** Which share of a bucket's values is at most `limit`, spread evenly on the log scale. */
function computeShareAtMost(bound: number, limit: number): number {
  if (bound <= limit) return 1;
  // Of zero, and of what is below it, nothing lies between its bounds and a smaller limit worth naming.
  if (bound <= 0 || limit * BUCKET_RATIO <= bound) return 0;
  return 1 + Math.log(limit / bound) / Math.log(BUCKET_RATIO);
}

/** A bucket of merged points. */
export interface MergedBucket extends BucketCount {
  errorCount: number;
}

export interface Percentiles {
  p50: number | undefined;
  p90: number | undefined;
  p95: number | undefined;
  p99: number | undefined;
  p999: number | undefined;
}

/** How values are distributed: what merged buckets know. */
export class Distribution {
  readonly #buckets: readonly MergedBucket[];

  constructor(buckets: readonly MergedBucket[] = []) {
    this.#buckets = buckets;
  }

  /** Undefined without values. */
  computePercentiles(): Percentiles {
    const at = (q: number) => computePercentile(this.#buckets, q);
    return { p50: at(0.5), p90: at(0.9), p95: at(0.95), p99: at(0.99), p999: at(0.999) };
  }

  /**
   * Apdex (https://en.wikipedia.org/wiki/Apdex): values up to `target` satisfy, up to four times of it
   * they are tolerated; failed ones frustrate however quick they were.
   *
   * @returns 0 to 1; undefined without values
   */
  computeApdex(target: number): number | undefined {
    const total = this.#sumCounts(({ count }) => count);
    if (total === 0) return undefined;
    const good = (limit: number) =>
      this.#sumCounts(
        ({ bound, count, errorCount }) => (count - errorCount) * computeShareAtMost(bound, limit),
      );
    const satisfied = good(target);
    return (satisfied + (good(4 * target) - satisfied) / 2) / total;
  }

  /** Share of the values above `limit`, 0 to 1; undefined without values. */
  computeShareAbove(limit: number): number | undefined {
    const total = this.#sumCounts(({ count }) => count);
    if (total === 0) return undefined;
    return (
      1 - this.#sumCounts(({ bound, count }) => count * computeShareAtMost(bound, limit)) / total
    );
  }

  #sumCounts(of: (bucket: MergedBucket) => number): number {
    return this.#buckets.reduce((sum, bucket) => sum + of(bucket), 0);
  }
}
