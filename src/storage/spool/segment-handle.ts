import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { startTask } from '../../core/guard.ts';
import {
  closeFile,
  deleteFile,
  readAt,
  syncFile,
  syncPath,
  writeAt,
  writeAtSync,
} from './file-io.ts';
import { openSegmentFile } from './segment-file.ts';

const PART = 'the spool';
const CREATE_FLAGS =
  constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0);

/** The path and the open file of a segment. All methods throw or reject with the error of the file system. */
export class SegmentHandle {
  #path: string;
  readonly #isForeign: boolean;
  /** Set while this process appends to the segment. Then reading doesn't open the file again. */
  #fd: number | undefined;
  /** Descriptor for reading a complete segment. */
  #readFd: number | undefined;
  #isDataSynced = true;
  /** Whether the name of the file is on the disk. */
  #isNameSynced = false;
  #isDetached = false;
  /** Number of operations that use a descriptor. */
  #operations = 0;
  /** Whether the file is closed when no operation is running. */
  #closesWhenIdle = false;

  /** @param isForeign whether another process wrote the file, so that its owner must be checked */
  constructor(path: string, isForeign: boolean) {
    this.#path = path;
    this.#isForeign = isForeign;
  }

  /** Creates the file. */
  static create(path: string): SegmentHandle {
    const handle = new SegmentHandle(path, false);
    handle.#fd = openSync(path, CREATE_FLAGS, 0o600);
    return handle;
  }

  get path(): string {
    return this.#path;
  }

  get isWritable(): boolean {
    return this.#fd !== undefined;
  }

  /** Whether the content and the name are on the disk, so that they survive a power failure. */
  get isSynced(): boolean {
    return this.#isDataSynced && (this.#isNameSynced || this.#isDetached);
  }

  /** Whether the file was deleted or moved while this process has it open. It can still be read. */
  get isDetached(): boolean {
    return this.#isDetached;
  }

  /** Checks whether the file was deleted or moved. */
  detachIfMoved(): boolean {
    if (this.#fd === undefined || this.#isDetached) return this.#isDetached;
    const { ino } = fstatSync(this.#fd);
    this.#isDetached = statSync(this.#path, { throwIfNoEntry: false })?.ino !== ino;
    return this.#isDetached;
  }

  async write(parts: readonly Buffer[], position: number): Promise<void> {
    const fd = this.#getFd();
    try {
      await this.#use(() => writeAt(fd, parts, position));
    } finally {
      // A sync that ran in the meantime can lack a part of the data.
      this.#isDataSynced = false;
    }
  }

  writeSync(parts: readonly Buffer[], position: number): void {
    const fd = this.#getFd();
    this.#isDataSynced = false;
    writeAtSync(fd, parts, position);
  }

  truncateSync(bytes: number): void {
    if (this.#fd !== undefined) ftruncateSync(this.#fd, bytes);
  }

  /** Calls `read` with a function that reads at a position. Opens the file if necessary. */
  async read<T>(
    read: (readAtPosition: (data: Buffer, position: number) => Promise<Buffer>) => Promise<T>,
  ): Promise<T> {
    return await this.#use(async () => {
      const fd = this.#fd ?? (await this.#openForReading());
      return await read((data, position) => readAt(fd, data, position));
    });
  }

  /** Ends writing. The file stays open. */
  endWriting(): void {
    this.#readFd = this.#fd;
    this.#fd = undefined;
  }

  /** Writes the content and the name to the disk. After a failure, the next call writes them again. */
  async sync(): Promise<void> {
    if (!this.#isDataSynced) {
      // Data that are written during the call need another one.
      this.#isDataSynced = true;
      try {
        await this.#syncData();
      } catch (error) {
        this.#isDataSynced = false;
        throw error;
      }
    }
    if (this.#isNameSynced || this.#isDetached) return;
    const path = this.#path;
    // The folder can be new too, so its own name is also written.
    await syncPath(dirname(path));
    await syncPath(dirname(dirname(path)));
    this.#isNameSynced = path === this.#path;
  }

  rename(path: string): void {
    renameSync(this.#path, path);
    this.#path = path;
    this.#isNameSynced = false;
  }

  /** Closes the file when no operation is running. The next read opens it again. */
  async close(): Promise<void> {
    if (this.#operations > 0) this.#closesWhenIdle = true;
    else await Promise.all(this.#takeFds().map(closeFile));
  }

  closeSync(): void {
    if (this.#operations > 0) this.#closesWhenIdle = true;
    else for (const fd of this.#takeFds()) closeSync(fd);
  }

  /** Closes and deletes the file. */
  async delete(): Promise<void> {
    await this.close();
    await deleteFile(this.#path);
  }

  /** Same as `delete`, but synchronous. */
  deleteSync(): void {
    rmSync(this.#path, { force: true });
    this.closeSync();
  }

  async #syncData(): Promise<void> {
    const fd = this.#fd ?? this.#readFd;
    if (fd === undefined) await syncPath(this.#path);
    else await this.#use(() => syncFile(fd));
  }

  /**
   * A descriptor must not be closed while the thread pool uses it. Its number could then belong to a file
   * of the application.
   */
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
    if (!this.#closesWhenIdle || this.#operations > 0) return;
    this.#closesWhenIdle = false;
    startTask(PART, () => this.close());
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

  async #openForReading(): Promise<number> {
    this.#readFd ??= await openSegmentFile(this.#path, this.#isForeign);
    return this.#readFd;
  }
}
