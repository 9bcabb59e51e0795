import type { HandledPart } from './segment-name.ts';
import type { ScannedRecords } from './segment-record.ts';
import { SkippedRange } from './skipped-range.ts';
import type { UnsentRows } from './unsent-rows.ts';

/** Batches that were read from a segment, and the position after them. */
export interface SegmentReading extends ScannedRecords {
  /** Number of calls of `rewind` before the reading. */
  readonly rewinds: number;
  /** Whether the records were handled before `rewind` was called, or by an earlier process. */
  readonly isRepeated: boolean;
  /** Position of the first record. */
  readonly start: number;
  /** Number of rows before this position. */
  readonly rowsBeforeStart: number;
  /** Position after the records. */
  readonly end: number;
}

export interface SegmentProgressOptions {
  /** Since when rows have been waiting, in ms since the epoch. */
  readonly waitingSinceMs: number;
  /** The part that an earlier process handled. Undefined: none. */
  readonly handled: HandledPart | undefined;
  /** Whether neighboring ranges with unsent rows are read as one range. */
  readonly mergesRanges: boolean;
}

/**
 * How far a segment was read, and which of its rows still have to be sent. A row is handled when it was stored, set
 * aside as a dead letter, or dropped. Positions are bytes from the start of the file.
 */
export class SegmentProgress {
  readonly #mergesRanges: boolean;
  #position = 0;
  #rowsBefore = 0;
  #waitingSinceMs: number;
  #rewinds = 0;
  /** Position up to which records were handled, also before `rewind` was called. */
  #handledEnd: number;
  /** Number of rows before this position. */
  #handledRows: number;
  /** Earlier records with rows that still have to be sent. */
  #skipped: SkippedRange[] = [];

  constructor({ waitingSinceMs, handled, mergesRanges }: SegmentProgressOptions) {
    this.#waitingSinceMs = waitingSinceMs;
    this.#handledEnd = handled?.bytes ?? 0;
    this.#handledRows = handled?.rows ?? 0;
    this.#mergesRanges = mergesRanges;
  }

  /** Position of the next record to read. */
  get position(): number {
    return this.#position;
  }

  /** Number of rows before the position. */
  get rowsBefore(): number {
    return this.#rowsBefore;
  }

  /** About since when rows have been waiting, in ms since the epoch. */
  get waitingSinceMs(): number {
    return this.#waitingSinceMs;
  }

  /** Number of calls of `rewind`. */
  get rewinds(): number {
    return this.#rewinds;
  }

  /** Position up to which records were handled, except for skipped rows. */
  get handledEnd(): number {
    return this.#handledEnd;
  }

  /** Number of rows before the first row that was neither read nor handled. */
  get rowsBeforeUnhandled(): number {
    return Math.max(this.#rowsBefore, this.#handledRows);
  }

  /** Whether rows before the position still have to be sent. */
  get hasSkipped(): boolean {
    return this.#skipped.length > 0;
  }

  /** Whether skipped rows are being sent. */
  get isInFlight(): boolean {
    return this.#skipped.some(({ isInFlight }) => isInFlight);
  }

  /** Number of rows before the position that still have to be sent. */
  get skippedRows(): number {
    return sumRows(this.#skipped);
  }

  /** Same as `skippedRows`, without rows that were handled before `rewind` was called. */
  get unhandledSkippedRows(): number {
    return sumRows(this.#skipped.filter(({ position }) => !position.isRepeated));
  }

  /** Size of the records with skipped rows. */
  get skippedBytes(): number {
    return this.#skipped.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** The first records that no process has to handle again. Undefined: none. */
  get handled(): HandledPart | undefined {
    const ends = this.#skipped
      .filter(({ position }) => !position.isRepeated)
      .map(({ position }) => ({ bytes: position.start, rows: position.rowsBefore }));
    ends.push({ bytes: this.#handledEnd, rows: this.#handledRows });
    const end = ends.reduce((first, each) => (each.bytes < first.bytes ? each : first));
    return end.bytes > 0 ? end : undefined;
  }

  /** Whether all rows before a position were handled. */
  isHandledUpTo(end: number): boolean {
    return this.#position >= end && this.#skipped.every(({ position }) => position.start >= end);
  }

  /** Records that the first row is waiting. */
  startWaiting(nowMs: number): void {
    this.#waitingSinceMs = nowMs;
  }

  /**
   * Continues after a reading. If `rewind` was called during the reading, the position stays the same.
   *
   * @param unsent rows of the reading that must be read again later. Default: none
   * @returns the range with these rows
   */
  advance(reading: SegmentReading, unsent?: UnsentRows): SkippedRange | undefined {
    const { rewinds, start, rowsBeforeStart, end, rowsBefore, batches, isRepeated } = reading;
    const isRewound = rewinds !== this.#rewinds;
    if (end > this.#handledEnd) {
      this.#handledEnd = end;
      this.#handledRows = rowsBefore;
    }
    if (!isRewound) {
      this.#waitingSinceMs = batches.at(-1)?.newestMs ?? this.#waitingSinceMs;
      this.#position = end;
      this.#rowsBefore = rowsBefore;
    }
    if (unsent === undefined || unsent.tables.size === 0) return undefined;
    // After `rewind`, repeated rows are read again anyway.
    if (isRewound && isRepeated) return undefined;
    const position = { start, end, rowsBefore: rowsBeforeStart, isRepeated };
    const range = new SkippedRange(position, unsent);
    const isMerged = this.#mergesRanges && this.#skipped.at(-1)?.merge(range) === true;
    if (!isMerged) this.#skipped.push(range);
    return range;
  }

  /** Returns the oldest range with rows of a table that is not blocked. */
  findSkipped(isBlocked: (table: string) => boolean): SkippedRange | undefined {
    return this.#skipped.find(({ tables }) => [...tables.keys()].some((each) => !isBlocked(each)));
  }

  /** Removes the ranges without rows that must be sent. */
  removeSent(): void {
    this.#skipped = this.#skipped.filter(({ isEmpty }) => !isEmpty);
  }

  /** Makes all rows wait again. */
  rewind(): void {
    this.#rewinds++;
    this.#position = 0;
    this.#rowsBefore = 0;
  }
}

function sumRows(ranges: readonly SkippedRange[]): number {
  return ranges.reduce((sum, { waitingRows }) => sum + waitingRows, 0);
}
