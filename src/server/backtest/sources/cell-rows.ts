import type { ColumnRows } from '../../../storage/questdb/column-rows.ts';

/** The rows of a read in the order of their times. */
export interface OrderedRows {
  readonly results: readonly ColumnRows[];
  /** For each row, its result and its position in this result. */
  readonly resultIndexes: Uint8Array;
  readonly rowIndexes: Uint32Array;
}

/**
 * Sorts rows by the time of their cell. QuestDB returns groups in any order.
 *
 * @param timeColumn column with the start of the cell, in ms since the epoch
 */
export function orderByCell(
  results: readonly ColumnRows[],
  timeColumn: number,
  cellMs: number,
): OrderedRows {
  const total = results.reduce((sum, { length }) => sum + length, 0);
  let firstMs = Number.POSITIVE_INFINITY;
  let lastMs = Number.NEGATIVE_INFINITY;
  for (const { columns, length } of results) {
    const times = columns[timeColumn]!;
    for (let row = 0; row < length; row++) {
      firstMs = Math.min(firstMs, times[row]!);
      lastMs = Math.max(lastMs, times[row]!);
    }
  }
  const resultIndexes = new Uint8Array(total);
  const rowIndexes = new Uint32Array(total);
  if (total === 0) return { results, resultIndexes, rowIndexes };
  const starts = new Uint32Array(Math.floor((lastMs - firstMs) / cellMs) + 2);
  for (const { columns, length } of results) {
    const times = columns[timeColumn]!;
    for (let row = 0; row < length; row++) {
      starts[Math.floor((times[row]! - firstMs) / cellMs) + 1]! += 1;
    }
  }
  for (let cell = 1; cell < starts.length; cell++) starts[cell]! += starts[cell - 1]!;
  for (const [result, { columns, length }] of results.entries()) {
    const times = columns[timeColumn]!;
    for (let row = 0; row < length; row++) {
      const at = starts[Math.floor((times[row]! - firstMs) / cellMs)]!++;
      resultIndexes[at] = result;
      rowIndexes[at] = row;
    }
  }
  return { results, resultIndexes, rowIndexes };
}

/** Sorts the rows of one result by key, and the rows of a key by time. @param ordered rows in the order of their times */
export function orderByKey(
  { keys, keyIndexes }: ColumnRows,
  { rowIndexes }: Pick<OrderedRows, 'rowIndexes'>,
): Uint32Array {
  const starts = new Uint32Array(keys.length + 1);
  for (let i = 0; i < rowIndexes.length; i++) starts[keyIndexes[i]! + 1]! += 1;
  for (let key = 1; key < starts.length; key++) starts[key]! += starts[key - 1]!;
  const sorted = new Uint32Array(rowIndexes.length);
  for (const row of rowIndexes) sorted[starts[keyIndexes[row]!]!++] = row;
  return sorted;
}
