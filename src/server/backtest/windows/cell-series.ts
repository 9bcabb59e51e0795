import type { MetricSums } from '../../../storage/queries/measurement-sums.ts';

/** The sums of one group in one cell, which is a short period of time. An unknown extreme can also be `NaN`. */
export type CellSums = Omit<MetricSums, 'group'>;

/** Columns of a cell in the array. */
export const CELL = {
  at: 0,
  count: 1,
  errorCount: 2,
  sum: 3,
  valueCount: 4,
  valueSum: 5,
  min: 6,
  max: 7,
  last: 8,
  newest: 9,
  oldest: 10,
} as const;
const WIDTH = 11;
const INITIAL_CELLS = 8;

/**
 * The cells of one group, sorted by time, in a ring of numbers. Cells without rows are not stored. An
 * undefined value is `NaN`. Windows of different lengths can read the same cells.
 */
export class CellSeries {
  #values = new Float64Array(INITIAL_CELLS * WIDTH);
  /** A power of 2. */
  #capacity = INITIAL_CELLS;
  #mask = INITIAL_CELLS - 1;
  /** Number of the first stored cell. Numbers start at 0 and never change. */
  #first = 0;
  /** Number of the next cell. */
  #end = 0;

  get first(): number {
    return this.#first;
  }

  get end(): number {
    return this.#end;
  }

  /** Returns a value of a cell. @param column one of `CELL` */
  get(cell: number, column: number): number {
    return this.#values[(cell & this.#mask) * WIDTH + column]!;
  }

  /** The numbers of all cells. Another array after `add`. */
  get values(): Float64Array {
    return this.#values;
  }

  /** Returns the position of a cell's first column in `values`. */
  getOffset(cell: number): number {
    return (cell & this.#mask) * WIDTH;
  }

  /**
   * Adds the sums of the cell that starts at `atMs`. Cells must be added in the order of their times. The
   * sums of several groups with the same time are merged.
   */
  add(atMs: number, sums: CellSums): void {
    const lastAt = ((this.#end - 1) & this.#mask) * WIDTH;
    const isMerged = this.#end > this.#first && this.#values[lastAt] === atMs;
    if (isMerged) this.#merge(lastAt, sums);
    else this.#append(atMs, sums);
  }

  /** Removes the cells that start before `ms`. */
  dropBefore(ms: number): void {
    while (this.#first < this.#end && this.get(this.#first, CELL.at) < ms) this.#first += 1;
  }

  #append(atMs: number, sums: CellSums): void {
    if (this.#end - this.#first === this.#capacity) this.#grow();
    const at = (this.#end & this.#mask) * WIDTH;
    const values = this.#values;
    values[at] = atMs;
    values[at + 1] = sums.count;
    values[at + 2] = sums.errorCount;
    values[at + 3] = sums.sum;
    values[at + 4] = sums.valueCount;
    values[at + 5] = sums.valueSum;
    values[at + 6] = sums.min ?? Number.NaN;
    values[at + 7] = sums.max ?? Number.NaN;
    values[at + 8] = sums.last ?? Number.NaN;
    values[at + 9] = sums.newestMs;
    values[at + 10] = sums.oldestMs;
    this.#end += 1;
  }

  #merge(at: number, sums: CellSums): void {
    const values = this.#values;
    values[at + 1]! += sums.count;
    values[at + 2]! += sums.errorCount;
    values[at + 3]! += sums.sum;
    values[at + 4]! += sums.valueCount;
    values[at + 5]! += sums.valueSum;
    values[at + 6] = pickExtreme(Math.min, values[at + 6]!, sums.min);
    values[at + 7] = pickExtreme(Math.max, values[at + 7]!, sums.max);
    const last = sums.last ?? Number.NaN;
    const isNewer = !Number.isNaN(last) && sums.newestMs > values[at + 9]!;
    if (isNewer || Number.isNaN(values[at + 8]!)) values[at + 8] = last;
    values[at + 9] = Math.max(values[at + 9]!, sums.newestMs);
    values[at + 10] = Math.min(values[at + 10]!, sums.oldestMs);
  }

  #grow(): void {
    const capacity = 2 * this.#capacity;
    const values = new Float64Array(capacity * WIDTH);
    for (let cell = this.#first; cell < this.#end; cell++) {
      const from = (cell & this.#mask) * WIDTH;
      values.set(this.#values.subarray(from, from + WIDTH), (cell & (capacity - 1)) * WIDTH);
    }
    this.#values = values;
    this.#capacity = capacity;
    this.#mask = capacity - 1;
  }
}

function pickExtreme(choose: typeof Math.min, known: number, value: number | undefined): number {
  if (value === undefined || Number.isNaN(value)) return known;
  return Number.isNaN(known) ? value : choose(known, value);
}
