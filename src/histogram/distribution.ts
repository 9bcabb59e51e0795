import { type BoundCount, percentile, shareWithin } from './percentile.ts';

/** A bucket of merged points. */
export interface MergedBucket extends BoundCount {
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
  percentiles(): Percentiles {
    const at = (q: number) => percentile(this.#buckets, q);
    return { p50: at(0.5), p90: at(0.9), p95: at(0.95), p99: at(0.99), p999: at(0.999) };
  }

  /**
   * Apdex (https://en.wikipedia.org/wiki/Apdex): values up to `target` satisfy, up to four times of it
   * they are tolerated; failed ones frustrate however quick they were.
   *
   * @returns 0 to 1; undefined without values
   */
  apdex(target: number): number | undefined {
    const total = this.#count(({ count }) => count);
    if (total === 0) return undefined;
    const good = (limit: number) =>
      this.#count(
        ({ bound, count, errorCount }) => (count - errorCount) * shareWithin(bound, limit),
      );
    const satisfied = good(target);
    return (satisfied + (good(4 * target) - satisfied) / 2) / total;
  }

  /** Share of the values above `limit`, 0 to 1; undefined without values. */
  shareAbove(limit: number): number | undefined {
    const total = this.#count(({ count }) => count);
    if (total === 0) return undefined;
    return 1 - this.#count(({ bound, count }) => count * shareWithin(bound, limit)) / total;
  }

  #count(of: (bucket: MergedBucket) => number): number {
    return this.#buckets.reduce((sum, bucket) => sum + of(bucket), 0);
  }
}
