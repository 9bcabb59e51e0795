import {
  computeSortedPercentile,
  Distribution,
  type MergedBucket,
} from '../../../core/histogram/percentiles.ts';

interface BucketCell {
  readonly atMs: number;
  /** Bound, count, and error count of each bucket. */
  readonly values: number[];
}

/** The histogram cells of one group, sorted by time. */
export class BucketSeries {
  #cells: BucketCell[] = [];
  /** Number of the first stored cell. Numbers start at 0 and never change. */
  #first = 0;

  get first(): number {
    return this.#first;
  }

  get end(): number {
    return this.#first + this.#cells.length;
  }

  getCell(cell: number): BucketCell {
    return this.#cells[cell - this.#first]!;
  }

  /** Adds a bucket of the cell that starts at `atMs`. Cells must be added in the order of their times. */
  add(atMs: number, { bound, count, errorCount }: MergedBucket): void {
    const last = this.#cells.at(-1);
    if (last?.atMs === atMs) last.values.push(bound, count, errorCount);
    else this.#cells.push({ atMs, values: [bound, count, errorCount] });
  }

  /** Removes the cells that start before `ms`. */
  dropBefore(ms: number): void {
    const kept = this.#cells.findIndex(({ atMs }) => atMs >= ms);
    const dropped = kept < 0 ? this.#cells.length : kept;
    this.#cells = this.#cells.slice(dropped);
    this.#first += dropped;
  }
}

/** The histogram of the cells in a window that moves forward in time. All counts are exact. */
export class SlidingBuckets {
  readonly #series: BucketSeries;
  readonly #windowMs: number;
  /** Sorted by bound. A bucket can have a count of 0. */
  readonly #buckets: MergedBucket[] = [];
  readonly #byBound = new Map<number, MergedBucket>();
  #from = 0;
  #to = 0;
  #total = 0;
  readonly #saved = { from: 0, to: 0 };
  /** Reads the current counts, because it refers to the same buckets. */
  readonly distribution = new Distribution(this.#buckets);

  constructor(series: BucketSeries, windowMs: number) {
    this.#series = series;
    this.#windowMs = windowMs;
    this.#from = series.first;
    this.#to = series.first;
  }

  /** Number of values in the window. */
  get total(): number {
    return this.#total;
  }

  /** Moves the end of the window to `now`, in ms since the epoch. Time never goes back. */
  advance(now: number): void {
    const { end, first } = this.#series;
    if (this.#from < first) this.#restart(first);
    while (this.#to < end) {
      const cell = this.#series.getCell(this.#to);
      if (cell.atMs >= now) break;
      this.#apply(cell, 1);
      this.#to += 1;
    }
    const startMs = now - this.#windowMs;
    while (this.#from < this.#to) {
      const cell = this.#series.getCell(this.#from);
      if (cell.atMs >= startMs) break;
      this.#apply(cell, -1);
      this.#from += 1;
    }
  }

  /** Remembers the position of the window for `restore`. */
  save(): void {
    // After a gap, the cells of the window have been dropped, so `restore` couldn't read them.
    if (this.#from < this.#series.first) this.#restart(this.#series.first);
    this.#saved.from = this.#from;
    this.#saved.to = this.#to;
  }

  /** Moves the window back to the position of `save`. The series must still have its cells. */
  restore(): void {
    const { from, to } = this.#saved;
    for (let cell = from; cell < this.#from; cell++) {
      if (cell < to) this.#apply(this.#series.getCell(cell), 1);
    }
    for (let cell = Math.max(to, this.#from); cell < this.#to; cell++) {
      this.#apply(this.#series.getCell(cell), -1);
    }
    this.#from = from;
    this.#to = to;
  }

  /** Returns the quantile `q` (0 to 1), or undefined if the window has no values. */
  computePercentile(q: number): number | undefined {
    return computeSortedPercentile(this.#buckets, this.#total, q);
  }

  /** Starts again at a cell, because cells of the window were dropped while it didn't move. */
  #restart(cell: number): void {
    this.#from = cell;
    this.#to = cell;
    this.#total = 0;
    for (const bucket of this.#buckets) {
      bucket.count = 0;
      bucket.errorCount = 0;
    }
  }

  #apply({ values }: BucketCell, sign: 1 | -1): void {
    for (let i = 0; i < values.length; i += 3) {
      const bucket = this.#getBucket(values[i]!);
      bucket.count += sign * values[i + 1]!;
      bucket.errorCount += sign * values[i + 2]!;
      this.#total += sign * values[i + 1]!;
    }
  }

  #getBucket(bound: number): MergedBucket {
    const known = this.#byBound.get(bound);
    if (known) return known;
    const bucket = { bound, count: 0, errorCount: 0 };
    this.#byBound.set(bound, bucket);
    const index = this.#buckets.findIndex((each) => each.bound > bound);
    this.#buckets.splice(index < 0 ? this.#buckets.length : index, 0, bucket);
    return bucket;
  }
}
