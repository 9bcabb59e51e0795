import { CELL, type CellSeries, type CellSums } from './cell-series.ts';

/** What is known about the windows of a period without visiting them: the extremes over all of their cells. */
export interface CellLimits {
  /** Smallest and largest value. `NaN` if a cell has none. */
  readonly min: number;
  readonly max: number;
  /** Largest share of errors of a cell, from 0 to 1. `NaN` if a cell has no measurements. */
  readonly errorShare: number;
  /** Number of measurements of all cells. */
  readonly count: number;
  /** Oldest time in the first window. */
  readonly oldestMs: number;
}

/** If a removed sum is so much larger than the rest, the difference has lost too much precision. */
const MAX_CANCELLATION = 1e6;

/**
 * The sums of the cells in a window that moves forward in time. Each cell is added and removed once.
 * Counts are exact. A sum is computed again where a difference would lose precision.
 */
export class SlidingSums {
  readonly #series: CellSeries;
  readonly #windowMs: number;
  /** Number of the first cell in the window. */
  #from = 0;
  /** Number of the first cell after the window. */
  #to = 0;
  #count = 0;
  #errorCount = 0;
  #sum = 0;
  #valueCount = 0;
  #valueSum = 0;
  /** Number of removed cells since the sums were last computed from all cells. */
  #removed = 0;
  /** Numbers of the cells with the extremes; -1 if they must be searched. */
  #minCell = -1;
  #maxCell = -1;

  /** What `save` remembered. */
  readonly #saved = {
    from: 0,
    to: 0,
    count: 0,
    errorCount: 0,
    sum: 0,
    valueCount: 0,
    valueSum: 0,
    removed: 0,
  };

  constructor(series: CellSeries, windowMs: number) {
    this.#series = series;
    this.#windowMs = windowMs;
    this.#from = series.first;
    this.#to = series.first;
  }

  /** Moves the end of the window to `now`, in ms since the epoch. Time never goes back. */
  advance(now: number): void {
    const series = this.#series;
    const { end } = series;
    if (this.#from < series.first) this.#restart();
    const { values } = series;
    while (this.#to < end) {
      const at = series.getOffset(this.#to);
      if (values[at]! >= now) break;
      this.#add(this.#to++, values, at);
    }
    const startMs = now - this.#windowMs;
    let mustRefresh = false;
    while (this.#from < this.#to) {
      const at = series.getOffset(this.#from);
      if (values[at]! >= startMs) break;
      this.#from += 1;
      mustRefresh = this.#remove(values, at) || mustRefresh;
    }
    if (mustRefresh || this.#removed > Math.max(64, this.#to - this.#from)) this.#refresh();
  }

  /**
   * Returns limits for all windows that end from `firstMs` to `lastMs`.
   *
   * @returns undefined if a window can be empty
   */
  findLimits(firstMs: number, lastMs: number): CellLimits | undefined {
    const series = this.#series;
    const { values, end } = series;
    let cell = Math.max(this.#from, series.first);
    while (cell < end && series.get(cell, CELL.at) < firstMs - this.#windowMs) cell += 1;
    let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    let [errorShare, total] = [0, 0];
    let beforeMs = firstMs - this.#windowMs;
    const oldestMs = cell < end ? series.get(cell, CELL.oldest) : Number.NaN;
    const firstAtMs = cell < end ? series.get(cell, CELL.at) : Number.POSITIVE_INFINITY;
    for (; cell < end; cell++) {
      const at = series.getOffset(cell);
      const atMs = values[at]!;
      if (atMs >= lastMs) break;
      const count = values[at + CELL.count]!;
      const hasValues = count > 0 || values[at + CELL.valueCount]! > 0;
      if (!hasValues || atMs - beforeMs > this.#windowMs) return undefined;
      beforeMs = atMs;
      // A missing extreme makes the result NaN.
      min = Math.min(min, values[at + CELL.min]!);
      max = Math.max(max, values[at + CELL.max]!);
      errorShare = Math.max(errorShare, values[at + CELL.errorCount]! / count);
      total += Math.max(count, values[at + CELL.valueCount]!);
    }
    const isFilled = firstAtMs < firstMs && beforeMs >= lastMs - this.#windowMs;
    return isFilled ? { min, max, errorShare, count: total, oldestMs } : undefined;
  }

  /** Moves the end of the window to `now` without visiting the windows between. */
  jump(now: number): void {
    const series = this.#series;
    this.#restart();
    let from = series.end;
    while (from > series.first && series.get(from - 1, CELL.at) >= now - this.#windowMs) from -= 1;
    this.#from = from;
    this.#to = from;
    this.advance(now);
  }

  /** Remembers the position of the window for `restore`. */
  save(): void {
    const saved = this.#saved;
    saved.from = this.#from;
    saved.to = this.#to;
    saved.count = this.#count;
    saved.errorCount = this.#errorCount;
    saved.sum = this.#sum;
    saved.valueCount = this.#valueCount;
    saved.valueSum = this.#valueSum;
    saved.removed = this.#removed;
  }

  /** Moves the window back to the position of `save`. The series must still have its cells. */
  restore(): void {
    const saved = this.#saved;
    this.#from = saved.from;
    this.#to = saved.to;
    this.#count = saved.count;
    this.#errorCount = saved.errorCount;
    this.#sum = saved.sum;
    this.#valueCount = saved.valueCount;
    this.#valueSum = saved.valueSum;
    this.#removed = saved.removed;
    this.#minCell = -1;
    this.#maxCell = -1;
  }

  /** Whether the window contains no rows. */
  get isEmpty(): boolean {
    return this.#from === this.#to;
  }

  get count(): number {
    return this.#count;
  }

  get errorCount(): number {
    return this.#errorCount;
  }

  get sum(): number {
    return this.#sum;
  }

  get valueCount(): number {
    return this.#valueCount;
  }

  get valueSum(): number {
    return this.#valueSum;
  }

  get newestMs(): number {
    return this.#series.get(this.#to - 1, CELL.newest);
  }

  get oldestMs(): number {
    return this.#series.get(this.#from, CELL.oldest);
  }

  get last(): number | undefined {
    for (let cell = this.#to - 1; cell >= this.#from; cell--) {
      const last = this.#series.get(cell, CELL.last);
      if (!Number.isNaN(last)) return last;
    }
    return undefined;
  }

  get min(): number | undefined {
    if (this.#minCell < this.#from) this.#minCell = this.#find(CELL.min, (a, b) => a <= b);
    return this.#minCell < 0 ? undefined : this.#series.get(this.#minCell, CELL.min);
  }

  get max(): number | undefined {
    if (this.#maxCell < this.#from) this.#maxCell = this.#find(CELL.max, (a, b) => a >= b);
    return this.#maxCell < 0 ? undefined : this.#series.get(this.#maxCell, CELL.max);
  }

  /** Returns all sums of the window. */
  toSums(): CellSums {
    const { count, errorCount, sum, valueCount, valueSum, min, max, last, newestMs, oldestMs } =
      this;
    return { count, errorCount, sum, valueCount, valueSum, min, max, last, newestMs, oldestMs };
  }

  /** @param at position of the cell in `values` */
  #add(cell: number, values: Float64Array, at: number): void {
    this.#count += values[at + CELL.count]!;
    this.#errorCount += values[at + CELL.errorCount]!;
    this.#sum += values[at + CELL.sum]!;
    this.#valueCount += values[at + CELL.valueCount]!;
    this.#valueSum += values[at + CELL.valueSum]!;
    // If the extreme has left the window, the next access searches all cells.
    const series = this.#series;
    if (this.#minCell >= this.#from) {
      if (values[at + CELL.min]! <= series.get(this.#minCell, CELL.min)) this.#minCell = cell;
    }
    if (this.#maxCell >= this.#from) {
      if (values[at + CELL.max]! >= series.get(this.#maxCell, CELL.max)) this.#maxCell = cell;
    }
  }

  /** Returns whether a sum lost too much precision. @param at position of the cell in `values` */
  #remove(values: Float64Array, at: number): boolean {
    const sum = values[at + CELL.sum]!;
    const valueSum = values[at + CELL.valueSum]!;
    this.#count -= values[at + CELL.count]!;
    this.#errorCount -= values[at + CELL.errorCount]!;
    this.#sum -= sum;
    this.#valueCount -= values[at + CELL.valueCount]!;
    this.#valueSum -= valueSum;
    this.#removed += 1;
    return isImprecise(sum, this.#sum) || isImprecise(valueSum, this.#valueSum);
  }

  /** Starts again at the first stored cell, because cells of the window were dropped while it didn't move. */
  #restart(): void {
    this.#from = this.#series.first;
    this.#to = this.#from;
    this.#count = 0;
    this.#errorCount = 0;
    this.#sum = 0;
    this.#valueCount = 0;
    this.#valueSum = 0;
    this.#removed = 0;
    this.#minCell = -1;
    this.#maxCell = -1;
  }

  #refresh(): void {
    this.#sum = 0;
    this.#valueSum = 0;
    this.#removed = 0;
    for (let cell = this.#from; cell < this.#to; cell++) {
      this.#sum += this.#series.get(cell, CELL.sum);
      this.#valueSum += this.#series.get(cell, CELL.valueSum);
    }
  }

  /** Returns the cell with the extreme, or -1 if no cell has a value. */
  #find(column: number, isBetter: (value: number, best: number) => boolean): number {
    let best = -1;
    for (let cell = this.#from; cell < this.#to; cell++) {
      const value = this.#series.get(cell, column);
      if (Number.isNaN(value)) continue;
      if (best < 0 || isBetter(value, this.#series.get(best, column))) best = cell;
    }
    return best;
  }
}

function isImprecise(removed: number, rest: number): boolean {
  return removed !== 0 && Math.abs(removed) > MAX_CANCELLATION * Math.abs(rest);
}
