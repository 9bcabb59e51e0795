import type { Batch } from './batch.ts';
import { removeExpired, sumRows, type UnsentRows, type UnsentTable } from './unsent-rows.ts';

/** Maximum size of several ranges that are merged, in bytes. */
const MAX_MERGED_BYTES = 4 * 1024 * 1024;

interface RangePosition {
  readonly start: number;
  readonly end: number;
  /** Number of rows of the segment before `start`. */
  readonly rowsBefore: number;
  /** Whether the rows were handled before `rewind` was called. */
  readonly isRepeated: boolean;
}

/** Part of a segment with rows that were skipped. They are read again when their tables accept rows. */
export class SkippedRange {
  #position: RangePosition;
  /** Whether some of the rows are being sent. */
  isInFlight: boolean;
  readonly #tables: Map<string, UnsentTable>;

  constructor(position: RangePosition, { tables, tableInFlight }: UnsentRows) {
    this.#position = position;
    this.isInFlight = tableInFlight !== undefined;
    this.#tables = new Map(tables);
  }

  get position(): RangePosition {
    return this.#position;
  }

  get tables(): ReadonlyMap<string, UnsentTable> {
    return this.#tables;
  }

  get isEmpty(): boolean {
    return this.#tables.size === 0;
  }

  /** Number of rows that still have to be sent. */
  get waitingRows(): number {
    let sum = 0;
    for (const { rows, handledRows } of this.#tables.values()) sum += rows - handledRows;
    return sum;
  }

  get bytes(): number {
    return this.position.end - this.position.start;
  }

  /**
   * Adds the rows of the next range, unless progress was recorded for one of the ranges. Otherwise, many small readings
   * would become many ranges.
   *
   * @returns whether they were added
   */
  merge(next: SkippedRange): boolean {
    const { position, tables } = next;
    const isNext =
      this.#position.end === position.start && this.#position.isRepeated === position.isRepeated;
    const canMerge =
      isNext &&
      this.bytes + next.bytes <= MAX_MERGED_BYTES &&
      tables.size === this.#tables.size &&
      [this, next].every(({ isInFlight }) => !isInFlight) &&
      [...tables].every(([table, unsent]) => canMergeTable(this.#tables.get(table), unsent));
    if (!canMerge) return false;
    for (const [table, unsent] of tables) {
      const rows = unsent.rows + this.#tables.get(table)!.rows;
      this.#tables.set(table, { ...unsent, rows });
    }
    this.#position = { ...this.#position, end: position.end };
    return true;
  }

  /** Records the progress of a table. */
  update(table: string, unsent: UnsentTable): void {
    if (unsent.handledRows >= unsent.rows) this.#tables.delete(table);
    else if (this.#tables.has(table)) this.#tables.set(table, unsent);
  }

  /**
   * Finds rows that can no longer be read, because the file was damaged. The other rows of their tables are sent again
   * from the start, because the position of the first unsent row is unknown.
   *
   * @param batches all batches of the range that can be read
   * @param isBlocked whether batches of a table were not read
   * @returns the number of rows that can't be sent
   */
  removeMissing(batches: readonly Batch[], isBlocked: (table: string) => boolean): number {
    let missingRows = 0;
    for (const [table, unsent] of this.#tables) {
      if (isBlocked(table)) continue;
      const { rows, handledRows, expiredBeforeMs } = unsent;
      const found = batches.filter((batch) => batch.table === table);
      const foundRows = sumRows(removeExpired(found, expiredBeforeMs));
      if (foundRows >= rows) continue;
      missingRows += Math.min(rows - foundRows, rows - handledRows);
      this.update(table, { ...unsent, rows: foundRows, handledRows: 0 });
    }
    return missingRows;
  }
}

function canMergeTable(first: UnsentTable | undefined, next: UnsentTable): boolean {
  if (!first || first.expiredBeforeMs !== next.expiredBeforeMs) return false;
  return first.handledRows === 0 && next.handledRows === 0;
}
