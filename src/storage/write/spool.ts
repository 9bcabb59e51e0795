// `node:fs` loads `promises` on first use, which keeps the startup time of applications short.
import { mkdirSync, promises, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { formatBytes } from '../../core/format.ts';
import { createWarnOnce, type Logger } from '../../core/log.ts';
import { createError, errorMessage } from '../../core/perfscope-error.ts';
import { getProcessIdentity, type ProcessIdentity } from '../../core/process-identity.ts';
import { isMeasurementTable } from '../../core/schema/table-registry.ts';
import type { DroppedRowCounter, DropReason } from './dropped-rows.ts';
import {
  adoptOrphanedFolders,
  type Batch,
  createSpoolFolder,
  formatBatchFileName,
  listBatches,
  releaseFolder,
  removeFolderIfEmpty,
  UNFINISHED_SUFFIX,
} from './spool-folders.ts';

/**
 * Maximum total size of the batches that are also kept in memory, so that they don't have to be
 * read back from disk.
 */
const MEMORY_BYTES = 8 * 1024 * 1024;

export interface SpoolOptions {
  /** Folder that all processes share. Each process has its own folders in it. */
  dir: string;
  maxBytes: number;
  /** Age at which measurements are dropped, in ms. QuestDB would drop them silently. */
  maxAgeMs: number;
  dropped: DroppedRowCounter;
  log: Logger;
}

/** Stores batches on disk, oldest first, until QuestDB has acknowledged them. */
export class Spool {
  readonly #options: SpoolOptions;
  readonly #processIdentity: ProcessIdentity = getProcessIdentity(process.pid);
  readonly #warnOnce: (kind: string, message: string) => void;
  #folder: string | undefined;
  #seq = 0;
  #batches: Batch[] = [];
  #bytes = 0;
  #memoryBytes = 0;

  constructor(options: SpoolOptions) {
    this.#options = options;
    this.#warnOnce = createWarnOnce(options.log);
  }

  get waiting(): readonly Batch[] {
    return this.#batches;
  }

  get waitingRows(): number {
    return this.#batches.reduce((sum, batch) => sum + batch.rows, 0);
  }

  /** Size of the waiting batches, in bytes. */
  get waitingBytes(): number {
    return this.#bytes;
  }

  /**
   * Adds the batches left behind by processes that have stopped.
   *
   * @returns the number of rows
   */
  adoptOrphanedBatches(): number {
    const adopted = adoptOrphanedFolders(this.#options.dir, this.#processIdentity).flatMap(
      (folder) => {
        const batches = listBatches(folder);
        if (batches.length === 0) removeFolderIfEmpty(folder);
        return batches;
      },
    );
    this.#batches.unshift(...adopted);
    this.#bytes += adopted.reduce((sum, batch) => sum + batch.bytes, 0);
    this.enforceLimits();
    return adopted.reduce((sum, batch) => sum + batch.rows, 0);
  }

  /** Adds a batch. Resolves when it is on disk, or in memory if the disk is not writable. */
  async add(batch: Batch): Promise<void> {
    try {
      const file = this.#nextFile(batch);
      // The rename is atomic. If the process stops during the write, no partial batch remains.
      await promises.writeFile(file + UNFINISHED_SUFFIX, batch.lines!, { mode: 0o600 });
      await promises.rename(file + UNFINISHED_SUFFIX, file);
      batch.file = file;
    } catch (error) {
      this.#reportUnwritable(error);
    }
    this.#enqueue(batch);
  }

  /** Adds a batch synchronously, for use when the process exits. */
  addSync(batch: Batch): void {
    try {
      const file = this.#nextFile(batch);
      writeFileSync(file + UNFINISHED_SUFFIX, batch.lines!, { mode: 0o600 });
      renameSync(file + UNFINISHED_SUFFIX, file);
      batch.file = file;
    } catch (error) {
      this.#reportUnwritable(error);
    }
    this.#enqueue(batch);
  }

  /** Reads the lines of a batch. Returns undefined if another process has adopted its file. */
  async read(batch: Batch): Promise<Buffer | undefined> {
    if (batch.lines) return batch.lines;
    try {
      return await promises.readFile(batch.file!);
    } catch {
      return undefined;
    }
  }

  /** Removes batches that QuestDB has acknowledged. */
  async remove(batches: readonly Batch[]): Promise<void> {
    this.#forget(batches);
    await Promise.all(batches.map(({ file }) => file && promises.rm(file, { force: true })));
    for (const folder of getFolders(batches))
      if (folder !== this.#folder) removeFolderIfEmpty(folder);
  }

  /**
   * Moves a batch that QuestDB rejected to a separate folder.
   *
   * @returns the path of the file
   */
  reject(batch: Batch, lines: Buffer): string {
    this.#forget([batch]);
    this.#options.dropped.add('refused', batch.rows);
    const folder = join(this.#options.dir, 'refused');
    const file = join(
      folder,
      `${this.#processIdentity.pid}-${basename(batch.file ?? formatBatchFileName(0, batch))}`,
    );
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      writeFileSync(file, lines, { mode: 0o600 });
      if (batch.file) rmSync(batch.file, { force: true });
    } catch (error) {
      this.#reportUnwritable(error);
    }
    return file;
  }

  /** Drops batches that exceed the age limit, and the oldest batches if the spool is too large. */
  enforceLimits(nowMs: number = Date.now()): void {
    const { maxAgeMs } = this.#options;
    const expired = this.#batches.filter(
      ({ table, newestMs }) => isMeasurementTable(table) && newestMs < nowMs - maxAgeMs,
    );
    this.#drop(
      expired,
      'expired',
      'they are older than the retention period, because QuestDB was unreachable for too long',
    );
    let excessBytes = this.#bytes - this.#options.maxBytes;
    const oldest: Batch[] = [];
    for (const batch of this.#batches) {
      if (excessBytes <= 0) break;
      excessBytes -= batch.bytes;
      oldest.push(batch);
    }
    const limit = formatBytes(this.#options.maxBytes);
    const reason = `the spool reached its limit of ${limit}. Check that QuestDB is running, or raise PERFORMANCE_SPOOL_MAX_BYTES`;
    this.#drop(oldest, 'spool_full', reason);
  }

  /**
   * Deletes the folder of this process. If it contains batches, other processes can send them from now
   * on, even while this process is still running, because a worker thread can end earlier.
   */
  close(): void {
    if (this.#folder) releaseFolder(this.#folder);
    this.#folder = undefined;
  }

  #nextFile(batch: Batch): string {
    this.#folder ??= createSpoolFolder(this.#options.dir, this.#processIdentity);
    return join(this.#folder, formatBatchFileName(this.#seq++, batch));
  }

  #enqueue(batch: Batch): void {
    this.#batches.push(batch);
    this.#bytes += batch.bytes;
    if (batch.file && this.#memoryBytes + batch.bytes > MEMORY_BYTES) batch.lines = undefined;
    else this.#memoryBytes += batch.bytes;
    this.enforceLimits();
  }

  #forget(batches: readonly Batch[]): void {
    const removed = new Set(batches);
    this.#batches = this.#batches.filter((batch) => {
      if (!removed.has(batch)) return true;
      this.#bytes -= batch.bytes;
      if (batch.lines) this.#memoryBytes -= batch.bytes;
      return false;
    });
  }

  #drop(batches: readonly Batch[], dropReason: DropReason, reason: string): void {
    if (batches.length === 0) return;
    const rows = batches.reduce((sum, batch) => sum + batch.rows, 0);
    this.#options.dropped.add(dropReason, rows);
    this.#forget(batches);
    for (const { file } of batches) if (file) rmSync(file, { force: true });
    this.#warnOnce(reason, createError('PS_ROWS_DROPPED', { rows, reason }).message);
  }

  #reportUnwritable(error: unknown): void {
    this.#folder = undefined;
    const { dir } = this.#options;
    this.#warnOnce(
      'unwritable',
      createError('PS_SPOOL_UNWRITABLE', { dir, reason: errorMessage(error) }).message,
    );
  }
}

function getFolders(batches: readonly Batch[]): Set<string> {
  return new Set(batches.flatMap(({ file }) => (file ? dirname(file) : [])));
}
