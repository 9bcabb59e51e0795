import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { startTask } from '../../core/guard.ts';
import type { Batch } from './batch.ts';
import {
  closeFile,
  deleteFile,
  readAt,
  syncFile,
  syncFolder,
  writeAt,
  writeAtSync,
} from './file-io.ts';
import { openSegmentFile } from './segment-file.ts';
import { createSegmentName, formatSegmentName, type SegmentName } from './segment-name.ts';
import { encodeHeader, HEADER_BYTES, type ScannedRecords, scanRecords } from './segment-record.ts';

const PART = 'the spool';
const CREATE_FLAGS =
  constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0);

/** Batches that were read from a segment, and the position after them. */
export interface SegmentReading extends ScannedRecords {
  /** Number of calls of `rewind` before the reading. */
  readonly rewinds: number;
  /** Whether the records were handled before `rewind` was called. */
  readonly isRepeated: boolean;
  /** Position after the records. */
  readonly end: number;
}

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
  path: string;
  #name: SegmentName;
  readonly isForeign: boolean;
  /** Set while this process appends to the segment. Then reading doesn't open the file again. */
  #fd: number | undefined;
  /** Descriptor for reading a complete segment. */
  #readFd: number | undefined;
  #bytes: number;
  #rows: number;
  /** Position of the record that is being written. */
  #pendingPosition: number | undefined;
  /** Number of rows that failed to be written, and are kept in memory instead. */
  #failedRows = 0;
  #isSynced = true;
  /** Whether the name of the file is on the disk. */
  #isNameSynced = false;
  /** Position of the next record to read. */
  #position = 0;
  /** Number of rows before this position. */
  #rowsBefore = 0;
  #waitingSinceMs: number;
  #rewinds = 0;
  /** Position up to which records were handled, also before `rewind` was called. */
  #handledEnd = 0;
  #isDetached = false;
  /** Number of running reads and syncs. */
  #operations = 0;
  /** Whether the file is closed when no operation is running. */
  #closesWhenIdle = false;

  constructor({ path, name, bytes, rows, isForeign }: SegmentOptions) {
    this.path = path;
    this.#name = name;
    this.#bytes = bytes;
    this.#rows = rows;
    this.isForeign = isForeign;
    this.#waitingSinceMs = name.createdMs;
  }

  /**
   * Creates a segment in `folder`.
   *
   * @throws the error of the file system
   */
  static create(folder: string, createdMs: number): Segment {
    const name = createSegmentName(createdMs);
    const path = join(folder, formatSegmentName(name));
    const segment = new Segment({ path, name, bytes: 0, rows: 0, isForeign: false });
    segment.#fd = openSync(path, CREATE_FLAGS, 0o600);
    return segment;
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

  /** Number of rows that still have to be stored. */
  get waitingRows(): number {
    return Math.max(0, this.#rows - this.#rowsBefore - this.#failedRows);
  }

  get waitingBytes(): number {
    return this.#bytes - this.#position;
  }

  /** Whether rows still have to be stored. An empty file can lack rows that its name promises. */
  get isWaiting(): boolean {
    return this.waitingBytes > 0 || this.waitingRows > 0;
  }

  /** About since when rows have been waiting, in ms since the epoch. */
  get waitingSinceMs(): number {
    return this.#waitingSinceMs;
  }

  get position(): number {
    return this.#position;
  }

  /** Whether a record is being written. */
  get isWriting(): boolean {
    return this.#pendingPosition !== undefined;
  }

  /** Whether the file was deleted or moved while this process has it open. Its rows can still be sent. */
  get isDetached(): boolean {
    return this.#isDetached;
  }

  /**
   * Checks whether the file was deleted or moved.
   *
   * @throws the error of the file system
   */
  detachIfMoved(): boolean {
    if (this.#fd === undefined || this.#isDetached) return this.#isDetached;
    const { ino } = fstatSync(this.#fd);
    this.#isDetached = statSync(this.path, { throwIfNoEntry: false })?.ino !== ino;
    return this.#isDetached;
  }

  /**
   * Appends a batch. Call it again only after it has resolved.
   *
   * @throws the error of the file system. Then the segment is unchanged.
   */
  async append(batch: Batch): Promise<void> {
    const parts = [encodeHeader(this.#name.nonce, this.#rows, batch), batch.lines];
    const fd = this.#getFd();
    const position = this.#reserve(batch);
    this.#pendingPosition = position;
    try {
      await writeAt(fd, parts, position);
    } catch (error) {
      this.#undo(batch, position);
      throw error;
    } finally {
      this.#pendingPosition = undefined;
      this.#closeIfIdle();
    }
  }

  /**
   * Appends a batch synchronously, also while `append` is running.
   *
   * @throws the error of the file system. Then the segment is unchanged.
   */
  appendSync(batch: Batch): void {
    const parts = [encodeHeader(this.#name.nonce, this.#rows, batch), batch.lines];
    const fd = this.#getFd();
    const position = this.#reserve(batch);
    try {
      writeAtSync(fd, parts, position);
    } catch (error) {
      this.#undo(batch, position);
      throw error;
    }
  }

  /**
   * Writes the data to the disk, so that it survives a power failure.
   *
   * @throws the error of the file system
   */
  async sync(): Promise<void> {
    if (this.#fd === undefined || this.#isSynced) return;
    // Rows that are appended during the call need another one.
    this.#isSynced = true;
    await this.#use(() => syncFile(this.#getFd()));
    if (this.#isNameSynced) return;
    await this.#syncName();
    this.#isNameSynced = true;
  }

  /** The folder can be new too, so its own name is also written. */
  async #syncName(): Promise<void> {
    const folder = dirname(this.path);
    for (const each of [folder, dirname(folder)]) await syncFolder(each);
  }

  /**
   * Ends the segment and adds the number of rows to its name. Its rows can still be read.
   *
   * @param sync whether to write the data to the disk
   * @throws the error of the file system. If the rename failed, the name stays the same.
   */
  async seal(sync: boolean): Promise<void> {
    const fd = this.#fd;
    if (fd === undefined) return;
    this.#fd = undefined;
    this.#readFd = fd;
    if (this.#isDetached) return;
    try {
      this.#rename(dirname(this.path), { ...this.#name, rows: this.#rows });
      if (!sync) return;
      if (!this.#isSynced) await this.#use(() => syncFile(fd));
      await this.#syncName();
    } finally {
      await this.close();
    }
  }

  /** Moves the segment to another folder. It must be complete. @throws the error of the file system */
  moveTo(folder: string, isShared: boolean): void {
    this.#rename(folder, { ...this.#name, isShared: this.#name.isShared || isShared });
  }

  /**
   * Reads the next records, up to about `maxBytes`, and at least one.
   *
   * @param getBuffer returns a buffer of the given size. The batches refer to it.
   * @throws UntrustedFileError, or the error of the file system
   */
  async read(maxBytes: number, getBuffer: (bytes: number) => Buffer): Promise<SegmentReading> {
    return await this.#use(() => this.#read(maxBytes, getBuffer));
  }

  async #read(maxBytes: number, getBuffer: (bytes: number) => Buffer): Promise<SegmentReading> {
    const position = this.#position;
    const rowsBefore = this.#rowsBefore;
    const rewinds = this.#rewinds;
    // A reading contains either only new or only repeated records, so that damage is counted once.
    const isRepeated = position < this.#handledEnd;
    const end = isRepeated ? this.#handledEnd : (this.#pendingPosition ?? this.#bytes);
    // Rows that are being written look like missing rows.
    const isWhole = !isRepeated && this.#pendingPosition === undefined;
    const rows = isWhole ? this.#rows : 0;
    const fd = this.#fd ?? (await this.#openForReading());
    let length = Math.min(Math.max(maxBytes, HEADER_BYTES), end - position);
    for (;;) {
      const data = await readAt(fd, getBuffer(length), position);
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
        end: isEnd ? end : position + records.bytes,
      };
    }
  }

  /** Continues after a reading, unless `rewind` was called after it. */
  advance({ rewinds, end, rowsBefore, batches }: SegmentReading): void {
    if (rewinds !== this.#rewinds) return;
    this.#waitingSinceMs = batches.at(-1)?.newestMs ?? this.#waitingSinceMs;
    this.#position = end;
    this.#handledEnd = Math.max(this.#handledEnd, end);
    this.#rowsBefore = rowsBefore;
  }

  /** Makes all rows wait again. */
  rewind(): void {
    this.#rewinds++;
    this.#position = 0;
    this.#rowsBefore = 0;
  }

  /** Closes the file when no operation is running. The next read opens it again. */
  async close(): Promise<void> {
    if (this.#isBusy) this.#closesWhenIdle = true;
    else await Promise.all(this.#takeFds().map(closeFile));
  }

  /** Closes and deletes the file. @throws the error of the file system */
  async delete(): Promise<void> {
    await this.close();
    await deleteFile(this.path);
  }

  /** Same as `delete`, but synchronous. */
  deleteSync(): void {
    rmSync(this.path, { force: true });
    this.#closeFilesSync();
  }

  /** Closes the file synchronously, and deletes it if no rows are waiting. Never throws. */
  closeSync(): void {
    try {
      this.#closeFilesSync();
      if (!this.isWaiting) unlinkSync(this.path);
    } catch {
      // Other processes send the rows again, which changes nothing.
    }
  }

  /**
   * A descriptor must not be closed while the thread pool uses it. Its number could then belong to a file
   * of the application.
   */
  get #isBusy(): boolean {
    return this.isWriting || this.#operations > 0;
  }

  async #use<T>(operation: () => Promise<T>): Promise<T> {
    this.#operations++;
    try {
      return await operation();
    } finally {
      this.#operations--;
      this.#closeIfIdle();
    }
  }

  #closeIfIdle(): void {
    if (!this.#closesWhenIdle || this.#isBusy) return;
    this.#closesWhenIdle = false;
    startTask(PART, () => this.close());
  }

  #closeFilesSync(): void {
    if (this.#isBusy) this.#closesWhenIdle = true;
    else for (const fd of this.#takeFds()) closeSync(fd);
  }

  #takeFds(): number[] {
    const fds = [this.#fd, this.#readFd].filter((fd) => fd !== undefined);
    this.#fd = undefined;
    this.#readFd = undefined;
    return fds;
  }

  #getFd(): number {
    if (this.#fd === undefined) throw new Error('the segment is complete');
    return this.#fd;
  }

  #reserve({ lines, rows }: Batch): number {
    const position = this.#bytes;
    if (this.waitingBytes === 0) this.#waitingSinceMs = Date.now();
    this.#bytes += HEADER_BYTES + lines.length;
    this.#rows += rows;
    this.#isSynced = false;
    return position;
  }

  /** Removes a record that was not written. If another record follows, a gap remains. */
  #undo({ lines, rows }: Batch, position: number): void {
    if (this.#bytes !== position + HEADER_BYTES + lines.length) {
      this.#failedRows += rows;
      return;
    }
    this.#bytes = position;
    this.#rows -= rows;
    try {
      if (this.#fd !== undefined) ftruncateSync(this.#fd, position);
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

  async #openForReading(): Promise<number> {
    this.#readFd ??= await openSegmentFile(this.path, this.isForeign);
    return this.#readFd;
  }

  #rename(folder: string, name: SegmentName): void {
    const path = join(folder, formatSegmentName(name));
    renameSync(this.path, path);
    this.path = path;
    this.#name = name;
  }
}
