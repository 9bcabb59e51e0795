import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { createError, errorMessage } from '../../core/errors.ts';
import { createWarnOnce, type Logger } from '../../core/log.ts';
import { getProcessIdentity, type ProcessIdentity } from '../../core/process-identity.ts';
import { isMeasurementTable } from '../../core/schema/table-registry.ts';
import type { DroppedRowCounter, DropReason } from './dropped-rows.ts';
import {
  adoptOrphanedFolders,
  type Batch,
  createSpoolFolder,
  formatBatchFileName,
  listBatches,
  removeFolderIfEmpty,
  UNFINISHED_SUFFIX,
} from './spool-files.ts';

/** Batches whose lines are kept in memory as well, so that a quick QuestDB needs no reading back. */
const MEMORY_BYTES = 8 * 1024 * 1024;

export interface SpoolOptions {
  /** Folder that all processes share; each has folders of its own in it. */
  dir: string;
  maxBytes: number;
  /** Measurements older than this are dropped: QuestDB would do so without a word. */
  maxAgeMs: number;
  dropped: DroppedRowCounter;
  log: Logger;
}

/** Keeps batches on disk, oldest first, until QuestDB has acknowledged them. */
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

  /** Size on disk of what waits. */
  get waitingBytes(): number {
    return this.#bytes;
  }

  /** Adds what processes that have ended left behind. @returns how many rows */
  adoptOrphanedBatches(): number {
    const found = adoptOrphanedFolders(this.#options.dir, this.#processIdentity).flatMap(
      (folder) => {
        const batches = listBatches(folder);
        if (batches.length === 0) removeFolderIfEmpty(folder);
        return batches;
      },
    );
    this.#batches.unshift(...found);
    this.#bytes += found.reduce((sum, batch) => sum + batch.bytes, 0);
    this.enforceLimits();
    return found.reduce((sum, batch) => sum + batch.rows, 0);
  }

  /** Adds a batch; resolves when it is on disk, or in memory where the disk refuses. */
  async add(batch: Batch): Promise<void> {
    try {
      const file = this.#nextFile(batch);
      // The rename makes it appear whole or not at all, whenever the process ends.
      await writeFile(file + UNFINISHED_SUFFIX, batch.lines!, { mode: 0o600 });
      await rename(file + UNFINISHED_SUFFIX, file);
      batch.file = file;
    } catch (error) {
      this.#reportUnwritable(error);
    }
    this.#accept(batch);
  }

  /** The same without waiting, for the moment in which the process ends. */
  addSync(batch: Batch): void {
    try {
      const file = this.#nextFile(batch);
      writeFileSync(file + UNFINISHED_SUFFIX, batch.lines!, { mode: 0o600 });
      renameSync(file + UNFINISHED_SUFFIX, file);
      batch.file = file;
    } catch (error) {
      this.#reportUnwritable(error);
    }
    this.#accept(batch);
  }

  /** The batch's lines; undefined when its file has vanished (another process has adopted it). */
  async read(batch: Batch): Promise<Buffer | undefined> {
    if (batch.lines) return batch.lines;
    try {
      return await readFile(batch.file!);
    } catch {
      return undefined;
    }
  }

  /** Forgets batches that QuestDB has acknowledged. */
  async remove(batches: readonly Batch[]): Promise<void> {
    this.#forget(batches);
    await Promise.all(batches.map(({ file }) => file && rm(file, { force: true })));
    for (const folder of getFolders(batches))
      if (folder !== this.#folder) removeFolderIfEmpty(folder);
  }

  /** Sets a batch aside that QuestDB will never take. @returns where it is kept */
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

  /** Drops the oldest batches over the size limit, and whatever is older than the age limit. */
  enforceLimits(nowMs: number = Date.now()): void {
    const { maxAgeMs } = this.#options;
    const tooOld = this.#batches.filter(
      ({ table, newestMs }) => isMeasurementTable(table) && newestMs < nowMs - maxAgeMs,
    );
    this.#drop(tooOld, 'expired', 'they waited longer than the retention');
    let over = this.#bytes - this.#options.maxBytes;
    const tooMany: Batch[] = [];
    for (const batch of this.#batches) {
      if (over <= 0) break;
      over -= batch.bytes;
      tooMany.push(batch);
    }
    this.#drop(tooMany, 'spool_full', `the spool is full (${this.#options.maxBytes} bytes)`);
  }

  /** Leaves nothing behind but batches that wait, for the next process. */
  close(): void {
    if (this.#folder) removeFolderIfEmpty(this.#folder);
    this.#folder = undefined;
  }

  #nextFile(batch: Batch): string {
    this.#folder ??= createSpoolFolder(this.#options.dir, this.#processIdentity);
    return join(this.#folder, formatBatchFileName(this.#seq++, batch));
  }

  #accept(batch: Batch): void {
    this.#batches.push(batch);
    this.#bytes += batch.bytes;
    if (batch.file && this.#memoryBytes + batch.bytes > MEMORY_BYTES) batch.lines = undefined;
    else this.#memoryBytes += batch.bytes;
    this.enforceLimits();
  }

  #forget(batches: readonly Batch[]): void {
    const gone = new Set(batches);
    this.#batches = this.#batches.filter((batch) => {
      if (!gone.has(batch)) return true;
      this.#bytes -= batch.bytes;
      if (batch.lines) this.#memoryBytes -= batch.bytes;
      return false;
    });
  }

  #drop(batches: readonly Batch[], why: DropReason, reason: string): void {
    if (batches.length === 0) return;
    const rows = batches.reduce((sum, batch) => sum + batch.rows, 0);
    this.#options.dropped.add(why, rows);
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
