import { dirname, join } from 'node:path';
import type { Batch } from './batch.ts';
import type { RecordContent } from './row-group.ts';
import { SegmentHandle } from './segment-handle.ts';
import { createSegmentName, formatSegmentName, type SegmentName } from './segment-name.ts';
import { SegmentProgress, type SegmentReading } from './segment-progress.ts';
import { encodeRecord, getRecordBytes, HEADER_BYTES, scanRecords } from './segment-record.ts';
import type { SkippedRange } from './skipped-range.ts';

export interface SegmentOptions {
  readonly path: string;
  readonly name: SegmentName;
  /** Size of the file. */
  readonly bytes: number;
  readonly rows: number;
  /** Whether another process wrote the segment, so that its content must be checked. */
  readonly isForeign: boolean;
}

/** A file with records. One process appends to it. It is deleted when all its rows are stored. */
export class Segment {
  readonly #handle: SegmentHandle;
  #name: SegmentName;
  readonly isForeign: boolean;
  readonly progress: SegmentProgress;
  #bytes: number;
  #rows: number;
  /** The record that is being written. `isComplete`: whether it was also written synchronously. */
  #pending: { parts: readonly Buffer[]; position: number; isComplete: boolean } | undefined;
  /** Number of rows that failed to be written, and are kept in memory instead. */
  #failedRows = 0;

  constructor(
    { path, name, bytes, rows, isForeign }: SegmentOptions,
    handle = new SegmentHandle(path, isForeign),
  ) {
    this.#handle = handle;
    this.#name = name;
    this.#bytes = bytes;
    this.#rows = rows;
    this.isForeign = isForeign;
    this.progress = new SegmentProgress({
      waitingSinceMs: name.createdMs,
      // A file can be shorter than its name promises.
      handled: name.handled && name.handled.bytes <= bytes ? name.handled : undefined,
      // The content of other processes is checked byte by byte, so less of it is read at once.
      mergesRanges: !isForeign,
    });
  }

  /**
   * Creates a segment in `folder`.
   *
   * @throws the error of the file system
   */
  static create(folder: string, createdMs: number): Segment {
    const name = createSegmentName(createdMs);
    const path = join(folder, formatSegmentName(name));
    const options = { path, name, bytes: 0, rows: 0, isForeign: false };
    return new Segment(options, SegmentHandle.create(path));
  }

  get path(): string {
    return this.#handle.path;
  }

  get createdMs(): number {
    return this.#name.createdMs;
  }

  get isShared(): boolean {
    return this.#name.isShared;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Number of rows that still have to be sent. After `rewind`, this includes rows that were handled before. */
  get waitingRows(): number {
    return this.#countRowsAfter(this.progress.rowsBefore) + this.progress.skippedRows;
  }

  /** Number of rows that were never stored, set aside, or dropped. */
  get unhandledRows(): number {
    const { rowsBeforeUnhandled, unhandledSkippedRows } = this.progress;
    return this.#countRowsAfter(rowsBeforeUnhandled) + unhandledSkippedRows;
  }

  get waitingBytes(): number {
    return this.#bytes - this.progress.position + this.progress.skippedBytes;
  }

  /** Whether rows still have to be stored. */
  get isWaiting(): boolean {
    return this.isUnread || this.progress.hasSkipped;
  }

  /** Whether rows follow the position. An empty file can lack rows that its name promises. */
  get isUnread(): boolean {
    const { position, rowsBefore } = this.progress;
    return position < this.#bytes || this.#countRowsAfter(rowsBefore) > 0;
  }

  /** Whether a record is being written. */
  get isWriting(): boolean {
    return this.#pending !== undefined;
  }

  /** Whether the file was deleted or moved while this process has it open. Its rows can still be sent. */
  get isDetached(): boolean {
    return this.#handle.isDetached;
  }

  /** Whether all rows are on the disk, so that they survive a power failure. */
  get isSynced(): boolean {
    return this.#pending === undefined && this.#handle.isSynced;
  }

  /**
   * Checks whether the file was deleted or moved.
   *
   * @throws the error of the file system
   */
  detachIfMoved(): boolean {
    return this.#handle.detachIfMoved();
  }

  /**
   * Appends a record. Call it again only after it has resolved.
   *
   * @throws the error of the file system. Then the segment is unchanged.
   */
  async append(content: RecordContent): Promise<void> {
    const parts = encodeRecord(this.#name.nonce, this.#rows, content);
    const pending = { parts, position: this.#reserve(content), isComplete: false };
    this.#pending = pending;
    try {
      await this.#handle.write(parts, pending.position);
    } catch (error) {
      if (pending.isComplete) return;
      this.#undo(content, pending.position);
      throw error;
    } finally {
      this.#pending = undefined;
    }
  }

  /**
   * Writes the record that `append` is writing, because the process can end before `append` does. Writes the same bytes
   * at the same position.
   *
   * @throws the error of the file system
   */
  completeAppendSync(): void {
    if (!this.#pending) return;
    this.#handle.writeSync(this.#pending.parts, this.#pending.position);
    this.#pending.isComplete = true;
  }

  /**
   * Appends a record synchronously, also while `append` is running.
   *
   * @throws the error of the file system. Then the segment is unchanged.
   */
  appendSync(content: RecordContent): void {
    const parts = encodeRecord(this.#name.nonce, this.#rows, content);
    const position = this.#reserve(content);
    try {
      this.#handle.writeSync(parts, position);
    } catch (error) {
      this.#undo(content, position);
      throw error;
    }
  }

  /**
   * Writes the rows and the name of the file to the disk, so that they survive a power failure. After a failure, the
   * next call writes them again.
   *
   * @throws the error of the file system
   */
  async sync(): Promise<void> {
    await this.#handle.sync();
  }

  /**
   * Ends the segment and adds the number of rows to its name. Its rows can still be read.
   *
   * @param sync whether to write the data to the disk
   * @throws the error of the file system. If the rename failed, the name stays the same.
   */
  async seal(sync: boolean): Promise<void> {
    if (!this.#handle.isWritable) return;
    this.#handle.endWriting();
    if (this.isDetached) return;
    // If this fails, the file stays open: a process that has dropped its privileges can't open it again.
    this.#rename(dirname(this.path), { ...this.#name, rows: this.#rows });
    try {
      if (sync) await this.sync();
    } finally {
      await this.close();
    }
  }

  /** Moves the segment to another folder. It must be complete. @throws the error of the file system */
  moveTo(folder: string, isShared: boolean): void {
    const name = { ...this.#name, isStored: false };
    this.#rename(folder, { ...name, isShared: name.isShared || isShared });
  }

  /**
   * Reads the next records, up to about `maxBytes`, and at least one.
   *
   * @param getBuffer returns a buffer of the given size. The batches refer to it.
   * @throws UntrustedFileError, or the error of the file system
   */
  async read(maxBytes: number, getBuffer: (bytes: number) => Buffer): Promise<SegmentReading> {
    return await this.#handle.read((readAt) => this.#read(maxBytes, getBuffer, readAt));
  }

  async #read(
    maxBytes: number,
    getBuffer: (bytes: number) => Buffer,
    readAt: (data: Buffer, position: number) => Promise<Buffer>,
  ): Promise<SegmentReading> {
    const { position, rowsBefore, rewinds, handledEnd } = this.progress;
    // A reading contains either only new or only repeated records, so that damage is counted once.
    const isRepeated = position < handledEnd;
    const end = isRepeated ? handledEnd : (this.#pending?.position ?? this.#bytes);
    // Rows that are being written look like missing rows.
    const isWhole = !isRepeated && this.#pending === undefined;
    const rows = isWhole ? this.#rows : 0;
    let length = Math.min(Math.max(maxBytes, HEADER_BYTES), end - position);
    for (;;) {
      const data = await readAt(getBuffer(length), position);
      // The file can be shorter than expected.
      const isEnd = position + length >= end || data.length < length;
      const records = scanRecords(this.#name.nonce, data, rowsBefore, isEnd);
      if (!isEnd && records.batches.length === 0 && records.bytesNeeded > length) {
        length = Math.min(records.bytesNeeded, end - position);
        continue;
      }
      const missingRows = isEnd ? Math.max(0, rows - records.rowsBefore) : 0;
      const damagedRows = records.damagedRows + missingRows;
      return {
        ...records,
        damagedRows: isRepeated ? 0 : this.#subtractFailedRows(damagedRows),
        damagedBytes: isRepeated ? 0 : records.damagedBytes,
        rowsBefore: records.rowsBefore + missingRows,
        isRepeated,
        rewinds,
        start: position,
        rowsBeforeStart: rowsBefore,
        end: isEnd ? end : position + records.bytes,
      };
    }
  }

  /**
   * Reads a range again.
   *
   * @returns the batches of the range's tables that are not blocked
   * @throws UntrustedFileError, or the error of the file system
   */
  async readSkipped(
    { position, tables }: SkippedRange,
    isBlocked: (table: string) => boolean,
    getBuffer: (bytes: number) => Buffer,
  ): Promise<readonly Batch[]> {
    const { start, end, rowsBefore } = position;
    return await this.#handle.read(async (readAt) => {
      const data = await readAt(getBuffer(end - start), start);
      const { batches } = scanRecords(this.#name.nonce, data, rowsBefore, true);
      return batches.filter(({ table }) => tables.has(table) && !isBlocked(table));
    });
  }

  /** Closes the file when no operation is running. The next read opens it again. */
  async close(): Promise<void> {
    await this.#handle.close();
  }

  /** Closes and deletes the file. @throws the error of the file system */
  async delete(): Promise<void> {
    await this.#handle.delete();
  }

  /** Same as `delete`, but synchronous. */
  deleteSync(): void {
    this.#handle.deleteSync();
  }

  /**
   * Closes the file synchronously, and leaves it to other processes. The name of the file shows which rows were handled.
   * Never throws.
   */
  leaveSync(): void {
    try {
      this.#handle.closeSync();
      if (this.isDetached) return;
      const { handled } = this.progress;
      if (this.isWaiting) this.#rename(dirname(this.path), { ...this.#name, handled });
      else if (this.#bytes === 0) this.#handle.deleteSync();
      else this.#rename(dirname(this.path), { ...this.#name, isStored: true });
    } catch {
      // Other processes send the rows again, which changes nothing.
    }
  }

  #countRowsAfter(rowsBefore: number): number {
    return Math.max(0, this.#rows - rowsBefore - this.#failedRows);
  }

  #reserve(content: RecordContent): number {
    const position = this.#bytes;
    if (this.waitingBytes === 0) this.progress.startWaiting(Date.now());
    this.#bytes += getRecordBytes(content);
    this.#rows += content.rows;
    return position;
  }

  /** Removes a record that was not written. If another record follows, a gap remains. */
  #undo(content: RecordContent, position: number): void {
    if (this.#bytes !== position + getRecordBytes(content)) {
      this.#failedRows += content.rows;
      return;
    }
    this.#bytes = position;
    this.#rows -= content.rows;
    try {
      this.#handle.truncateSync(position);
    } catch {
      // The next record overwrites the incomplete one.
    }
  }

  /** Rows that could not be written leave a gap, but are not lost. */
  #subtractFailedRows(damagedRows: number): number {
    const failedRows = Math.min(damagedRows, this.#failedRows);
    this.#failedRows -= failedRows;
    return damagedRows - failedRows;
  }

  #rename(folder: string, name: SegmentName): void {
    this.#handle.rename(join(folder, formatSegmentName(name)));
    this.#name = name;
  }
}
