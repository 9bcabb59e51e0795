import { computeBucketIndex, STORED_SCALE } from './bucket-scale.ts';

/** Totals that both kinds of histogram have. */
class HistogramAccumulator {
  count = 0;
  sum = 0;
  min = Number.POSITIVE_INFINITY;
  max = Number.NEGATIVE_INFINITY;

  protected addToTotals(value: number): void {
    this.count += 1;
    this.sum += value;
    if (value < this.min) this.min = value;
    if (value > this.max) this.max = value;
  }
}

/** Counts non-negative values in exponential buckets of the stored scale. */
export class ExponentialHistogramAccumulator extends HistogramAccumulator {
  #zeroCount = 0;
  readonly #counts = new Map<number, number>();

  /** Number of recorded values. Changes with each value. */
  get recordedCount(): number {
    return this.count;
  }

  add(value: number): void {
    this.addToTotals(value);
    if (value <= 0) this.#zeroCount += 1;
    else {
      const index = computeBucketIndex(value);
      this.#counts.set(index, (this.#counts.get(index) ?? 0) + 1);
    }
  }

  /** Returns an OpenTelemetry exponential histogram point. */
  toPoint() {
    const indices = [...this.#counts.keys()];
    const offset = indices.length > 0 ? Math.min(...indices) : 0;
    const length = indices.length > 0 ? Math.max(...indices) - offset + 1 : 0;
    const bucketCounts = new Array<number>(length).fill(0);
    for (const [index, count] of this.#counts) bucketCounts[index - offset] = count;
    const { count, sum } = this;
    return {
      count,
      sum,
      min: count > 0 ? this.min : undefined,
      max: count > 0 ? this.max : undefined,
      scale: STORED_SCALE,
      zeroCount: this.#zeroCount,
      positive: { offset, bucketCounts },
      negative: { offset: 0, bucketCounts: [] as number[] },
    };
  }
}

/** Counts values in buckets with given bounds, as Prometheus requires. */
export class ExplicitHistogramAccumulator extends HistogramAccumulator {
  readonly #boundaries: readonly number[];
  readonly #counts: number[];

  /**
   * @param boundaries inclusive upper bounds, ascending. Larger values go to an overflow bucket.
   */
  constructor(boundaries: readonly number[]) {
    super();
    this.#boundaries = boundaries;
    this.#counts = new Array<number>(boundaries.length + 1).fill(0);
  }

  add(value: number): void {
    this.addToTotals(value);
    let i = 0;
    while (i < this.#boundaries.length && value > this.#boundaries[i]!) i += 1;
    this.#counts[i]! += 1;
  }

  /** Returns an OpenTelemetry histogram point. */
  toPoint() {
    const { count, sum, min, max } = this;
    const buckets = { boundaries: [...this.#boundaries], counts: [...this.#counts] };
    return { count, sum, min, max, buckets };
  }
}
