/** Rows of one table that were read, but not all sent. */
export interface UnsentTable {
  /** Number of rows of the table in the reading. */
  readonly rows: number;
  /** Number of the first rows that were stored or set aside. */
  readonly handledRows: number;
}

/** The rows of a reading that could not be sent, because QuestDB doesn't accept rows of their tables. */
export interface UnsentRows {
  readonly tables: ReadonlyMap<string, UnsentTable>;
  /** Batches with only older rows were dropped and counted. In ms since the epoch. */
  readonly expiredBeforeMs: number | undefined;
  /** Whether some of the rows are being sent, so that the memory of the batches must not be used again. */
  readonly isInFlight: boolean;
}

export const NOTHING_UNSENT: UnsentTable = { rows: 0, handledRows: 0 };
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
export class SkippedRange implements UnsentRows {
  #position: RangePosition;
  readonly expiredBeforeMs: number | undefined;
  isInFlight: boolean;
  readonly #tables: Map<string, UnsentTable>;

  constructor(position: RangePosition, unsent: UnsentRows) {
    this.#position = position;
    this.expiredBeforeMs = unsent.expiredBeforeMs;
    this.isInFlight = unsent.isInFlight;
    this.#tables = new Map(unsent.tables);
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
    const { position, tables, expiredBeforeMs } = next;
    const isNext =
      this.#position.end === position.start && this.#position.isRepeated === position.isRepeated;
    const canMerge =
      isNext &&
      this.expiredBeforeMs === expiredBeforeMs &&
      this.bytes + next.bytes <= MAX_MERGED_BYTES &&
      tables.size === this.#tables.size &&
      [this, next].every(({ isInFlight }) => !isInFlight) &&
      [...this.#tables.values(), ...tables.values()].every(({ handledRows }) => handledRows === 0);
    if (!canMerge || [...tables.keys()].some((table) => !this.#tables.has(table))) return false;
    for (const [table, { rows }] of tables) {
      const merged = rows + (this.#tables.get(table)?.rows ?? 0);
      this.#tables.set(table, { rows: merged, handledRows: 0 });
    }
    this.#position = { ...this.#position, end: position.end };
    return true;
  }

  /** Records the progress of a table. */
  update(table: string, { rows, handledRows }: UnsentTable): void {
    if (handledRows >= rows) this.#tables.delete(table);
    else if (this.#tables.has(table)) this.#tables.set(table, { rows, handledRows });
  }
}
