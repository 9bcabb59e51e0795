import { BUCKET_RATIO } from '../histogram/bucket-scale.ts';

/** The measurements of one short interval, such as one minute. */
export interface IntervalHistogram {
  /** Start of the interval, in ms since the epoch. */
  readonly atMs: number;
  /** Number of measurements. */
  readonly count: number;
  readonly errorCount: number;
  /** Requests that the client aborted. They aren't part of `count`. */
  readonly abortedCount: number;
  /** Exact sum of the values. */
  readonly sum: number;
  /**
   * Non-empty stored buckets, in any order: the inclusive upper bound and the count of each, one after the other. One
   * list needs a quarter of the memory of a list of pairs.
   */
  readonly buckets: readonly number[];
}

/** Zero has no logarithm. It counts as this many buckets below the smallest positive bucket. */
const ZERO_DISTANCE = 1;
/** A bucket with more than this share of its neighborhood makes interpolation inexact. */
const SMOOTH_SHARE = 0.4;
/** With this share of its neighborhood, the values of a bucket can be anywhere in the bucket. */
const SPIKE_SHARE = 0.8;
const LOG_RATIO = Math.log(BUCKET_RATIO);

/** The histograms of several intervals, with cumulated counts for fast queries. */
export class IntervalSample {
  readonly intervals: readonly IntervalHistogram[];
  /** Number of measurements. */
  readonly count: number;
  readonly errorCount: number;
  readonly abortedCount: number;
  readonly sum: number;
  /** Mean time of the intervals, in ms since the epoch. */
  readonly centerMs: number;
  /** Logarithms of the upper bounds, ascending. */
  readonly #logUppers: readonly number[];
  readonly #counts: Float64Array;
  /** Number of values up to each bucket. */
  readonly #cumulated: Float64Array;
  /** Bucket index and count of each bucket of each interval. One array needs less memory than one per interval. */
  readonly #cellBuckets: Uint16Array;
  readonly #cellCounts: Float64Array;
  /** Index of the first cell of each interval, and of the end. */
  readonly #firstCells: Uint32Array;
  readonly #results = new Map<string, unknown>();

  constructor(intervals: readonly IntervalHistogram[]) {
    this.intervals = intervals
      .filter(({ count, abortedCount }) => count + abortedCount > 0)
      .toSorted((a, b) => a.atMs - b.atMs);
    const totals = new Map<number, number>();
    let [count, errorCount, abortedCount, sum] = [0, 0, 0, 0];
    for (const interval of this.intervals) {
      errorCount += interval.errorCount;
      abortedCount += interval.abortedCount;
      sum += interval.sum;
      for (let i = 0; i < interval.buckets.length; i += 2) {
        const [bound, n] = [interval.buckets[i]!, interval.buckets[i + 1]!];
        totals.set(bound, (totals.get(bound) ?? 0) + n);
        count += n;
      }
    }
    this.count = count;
    this.errorCount = errorCount;
    this.abortedCount = abortedCount;
    this.sum = sum;
    this.centerMs =
      this.intervals.reduce((total, { atMs }) => total + atMs, 0) /
      Math.max(1, this.intervals.length);
    const bounds = [...totals.keys()].sort((a, b) => a - b);
    const lowest = Math.log(bounds.find((bound) => bound > 0) ?? 1);
    this.#logUppers = bounds.map((bound) =>
      bound > 0 ? Math.log(bound) : lowest - ZERO_DISTANCE * LOG_RATIO,
    );
    this.#counts = Float64Array.from(bounds, (bound) => totals.get(bound)!);
    this.#cumulated = new Float64Array(bounds.length);
    let below = 0;
    for (const [i, n] of this.#counts.entries()) {
      below += n;
      this.#cumulated[i] = below;
    }
    const indexes = new Map(bounds.map((bound, i) => [bound, i]));
    const cellCount = this.intervals.reduce((total, { buckets }) => total + buckets.length / 2, 0);
    this.#cellBuckets = new Uint16Array(cellCount);
    this.#cellCounts = new Float64Array(cellCount);
    this.#firstCells = new Uint32Array(this.intervals.length + 1);
    let cell = 0;
    for (const [index, { buckets }] of this.intervals.entries()) {
      for (let i = 0; i < buckets.length; i += 2) {
        this.#cellBuckets[cell] = indexes.get(buckets[i]!)!;
        this.#cellCounts[cell] = buckets[i + 1]!;
        cell += 1;
      }
      this.#firstCells[index + 1] = cell;
    }
  }

  /** Returns the result of `compute`, which is computed once for each name. */
  memoize<T>(name: string, compute: () => T): T {
    const known = this.#results.get(name) as T | undefined;
    if (known !== undefined) return known;
    const result = compute();
    this.#results.set(name, result);
    return result;
  }

  /**
   * Returns the sum of a function of the buckets of one interval. `transform` gets the center's logarithm.
   *
   * @param index index in `intervals`
   */
  sumInterval(index: number, transform: (logCenter: number) => number): number {
    let total = 0;
    for (let i = this.#firstCells[index]!; i < this.#firstCells[index + 1]!; i += 1) {
      const logUpper = this.#logUppers[this.#cellBuckets[i]!]!;
      total += this.#cellCounts[i]! * transform(logUpper - LOG_RATIO / 2);
    }
    return total;
  }

  /** Returns the mean and the variance of a function of all values. `transform` gets the logarithm of a value. */
  computeMoments(transform: (logCenter: number) => number): { mean: number; variance: number } {
    let [sum, squares] = [0, 0];
    for (let i = 0; i < this.#counts.length; i += 1) {
      const n = this.#counts[i]!;
      const value = transform(this.#logUppers[i]! - LOG_RATIO / 2);
      sum += n * value;
      squares += n * value * value;
    }
    const mean = sum / this.count;
    return { mean, variance: Math.max(0, squares / this.count - mean * mean) };
  }

  /** Returns the logarithm of the quantile `q`, interpolated on a log scale. ±Infinity outside of 0 to 1. */
  getLogQuantile(q: number): number {
    if (!(q > 0)) return Number.NEGATIVE_INFINITY;
    if (q >= 1) return Number.POSITIVE_INFINITY;
    const i = this.#findBucket(q);
    const below = i === 0 ? 0 : this.#cumulated[i - 1]!;
    const share = (q * this.count - below) / this.#counts[i]!;
    return this.#logUppers[i]! - (1 - share) * LOG_RATIO;
  }

  /**
   * Returns the number of values of an interval up to a value.
   *
   * @param index index in `intervals`
   * @param logLimit logarithm of the value
   */
  countAtMost(index: number, logLimit: number): number {
    let total = 0;
    for (let i = this.#firstCells[index]!; i < this.#firstCells[index + 1]!; i += 1) {
      const distance = (this.#logUppers[this.#cellBuckets[i]!]! - logLimit) / LOG_RATIO;
      if (distance <= 0) total += this.#cellCounts[i]!;
      else if (distance < 1) total += this.#cellCounts[i]! * (1 - distance);
    }
    return total;
  }

  /**
   * Returns how far the quantile `q` can be from its interpolated value, as differences of logarithms. Both are 0 if
   * the neighboring buckets show a smooth distribution.
   */
  getQuantileMargin(q: number): { readonly below: number; readonly above: number } {
    const i = this.#findBucket(q);
    const spike = this.#getSpike(i);
    const upper = this.#logUppers[i]!;
    const value = this.getLogQuantile(q);
    return { below: spike * (value - upper + LOG_RATIO), above: spike * (upper - value) };
  }

  /** Returns how far the mean of the logarithms can be from its value, because values are not in their bucket's center. */
  getLogMeanMargin(): number {
    let margin = 0;
    for (const [i, n] of this.#counts.entries()) margin += n * this.#getSpike(i);
    return (margin * LOG_RATIO) / 2 / Math.max(1, this.count);
  }

  /** Returns 0 for a bucket in a smooth part of the distribution, and 1 for a bucket with almost all values. */
  #getSpike(i: number): number {
    const around = (j: number, distance: number) => {
      const isNeighbor =
        j >= 0 &&
        j < this.#counts.length &&
        Math.abs(this.#logUppers[j]! - this.#logUppers[i]!) < (distance + 0.5) * LOG_RATIO;
      return isNeighbor ? this.#counts[j]! : 0;
    };
    const own = this.#counts[i]!;
    const share = own / (own + around(i - 1, 1) + around(i + 1, 1));
    return Math.min(1, Math.max(0, (share - SMOOTH_SHARE) / (SPIKE_SHARE - SMOOTH_SHARE)));
  }

  /** Returns the index of the bucket that contains the quantile. */
  #findBucket(q: number): number {
    const rank = q * this.count;
    let [low, high] = [0, this.#cumulated.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#cumulated[middle]! < rank) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
