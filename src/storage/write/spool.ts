// `node:fs` loads `promises` on first use, which keeps the startup time of applications short.
import { promises, renameSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { formatBytes } from '../../core/format.ts';
import { countFailure } from '../../core/guard.ts';
import { createWarnOnce, type Logger } from '../../core/log.ts';
import { createError, errorMessage } from '../../core/perfscope-error.ts';
import { getProcessIdentity, type ProcessIdentity } from '../../core/process-identity.ts';
import { isMeasurementTable, isServiceTable } from '../../core/schema/table-registry.ts';
import { assertTrustedFolder, UntrustedFileError } from '../../core/trusted-file.ts';
import { readBatchFile } from './batch-file.ts';
import type { DroppedRowCounter, DropReason } from './dropped-rows.ts';
import {
  adoptOrphanedFolders,
  type Batch,
  createRefusedFolder,
  createSpoolFolder,
  formatBatchFileName,
  isMissing,
  listBatches,
  moveToRefused,
  releaseFolder,
  removeFile,
  removeFolderIfEmpty,
  type SpoolProblemListener,
  type SpoolRoot,
  UNFINISHED_SUFFIX,
} from './spool-folders.ts';

/**
 * Maximum total size of the batches that are also kept in memory, so that they don't have to be
 * read back from disk.
 */
const CACHE_BYTES = 8 * 1024 * 1024;
/** Maximum total size of the batches that can't be written to disk. */
const UNSAVED_BYTES = 16 * 1024 * 1024;
/** Subfolder for the rows of servers and commands, which services never send. */
const SERVER_FOLDER = 'server';
/** Errors after which the folder can still be used. */
const TEMPORARY_CODES = new Set(['ENOSPC', 'EDQUOT', 'EMFILE', 'ENFILE', 'EBUSY', 'EAGAIN']);

export interface SpoolOptions {
  /** Folder that all processes share. Each process has its own folders in it. */
  dir: string;
  /**
   * Whether this process can write all tables, such as API keys. It then uses a subfolder that services
   * don't use. Default: `false`.
   */
  isServer?: boolean | undefined;
  maxBytes: number;
  /** Age at which measurements are dropped, in ms. QuestDB would drop them silently. */
  maxAgeMs: number;
  dropped: DroppedRowCounter;
  log: Logger;
}

/**
 * Stores batches on disk, oldest first, until QuestDB has acknowledged them. No method throws or
 * rejects if a file operation fails, because they run in timers and when the process exits.
 */
export class Spool {
  readonly #options: SpoolOptions;
  readonly #roots: readonly [SpoolRoot, ...SpoolRoot[]];
  readonly #processIdentity: ProcessIdentity = getProcessIdentity(process.pid);
  readonly #warnOnce: (kind: string, message: string) => void;
  readonly #problems: SpoolProblemListener = {
    onFailure: (action, error) => this.#reportFailure(action, error),
    onUntrusted: (path, reason) => this.#reportUntrusted(path, reason),
  };
  /** Folders that this process has created or adopted. */
  readonly #folders = new Set<string>();
  #folder: string | undefined;
  #seq = 0;
  #batches: Batch[] = [];
  /** The waiting batches that aren't on disk. */
  readonly #unsaved = new Set<Batch>();
  #bytes = 0;
  #cachedBytes = 0;
  #unsavedBytes = 0;

  constructor(options: SpoolOptions) {
    this.#options = options;
    const { dir, isServer = false, log } = options;
    const shared: SpoolRoot = { dir, accepts: isServiceTable };
    const own: SpoolRoot = { dir: join(dir, SERVER_FOLDER), accepts: () => true };
    this.#roots = isServer ? [own, shared] : [shared];
    this.#warnOnce = createWarnOnce(log);
  }

  get waiting(): readonly Batch[] {
    return this.#batches;
  }

  get waitingRows(): number {
    return countRows(this.#batches);
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
    const adopted = this.#roots.flatMap((root) => {
      if (!this.#isTrustedRoot(root)) return [];
      return adoptOrphanedFolders(root.dir, this.#processIdentity, this.#problems).flatMap(
        (folder) => {
          const batches = listBatches(folder, root, this.#problems);
          if (batches.length === 0) removeFolderIfEmpty(folder);
          else this.#folders.add(folder);
          return batches;
        },
      );
    });
    this.#batches.unshift(...adopted);
    this.#bytes += adopted.reduce((sum, batch) => sum + batch.bytes, 0);
    this.enforceLimits();
    return countRows(adopted);
  }

  /** Adds a batch. Resolves when it is on disk, or in memory if the disk is not writable. */
  async add(batch: Batch): Promise<void> {
    if (await this.#save(batch)) {
      // The disk might have been full before.
      for (const unsaved of [...this.#unsaved]) {
        if (!(await this.#save(unsaved))) break;
        // QuestDB can acknowledge a batch while it is written.
        if (!this.#batches.includes(unsaved)) await this.remove([unsaved]);
      }
    }
    this.#enqueue(batch);
  }

  /** Adds a batch synchronously, for use when the process exits. */
  addSync(batch: Batch): void {
    if (this.#saveSync(batch)) {
      for (const unsaved of [...this.#unsaved]) {
        if (!this.#saveSync(unsaved)) break;
      }
    }
    this.#enqueue(batch);
  }

  /**
   * Reads the lines of a batch. Returns undefined if they can't be sent, and then removes the batch.
   *
   * @throws the error of the file system if another attempt can succeed
   */
  async read(batch: Batch): Promise<Buffer | undefined> {
    if (batch.lines) return batch.lines;
    const file = batch.file!;
    try {
      return await readBatchFile(file, batch.table);
    } catch (error) {
      if (TEMPORARY_CODES.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
      this.#forget([batch]);
      // Another process has adopted the file.
      if (isMissing(error)) return undefined;
      if (error instanceof UntrustedFileError) {
        this.#options.dropped.add('refused', batch.rows);
        this.#reportUntrusted(file, error.message);
        moveToRefused(file, this.#problems);
      } else {
        this.#options.dropped.add('unreadable', batch.rows);
        this.#reportFailure('read', error);
      }
      return undefined;
    }
  }

  /** Removes batches that QuestDB has acknowledged. */
  async remove(batches: readonly Batch[]): Promise<void> {
    this.#forget(batches);
    await Promise.all(
      batches.map(async ({ file }) => {
        try {
          if (file) await promises.rm(file, { force: true });
        } catch (error) {
          this.#reportFailure('deleted', error);
        }
      }),
    );
    const used = getFolders(this.#batches);
    for (const folder of getFolders(batches)) {
      if (folder === this.#folder || used.has(folder)) continue;
      removeFolderIfEmpty(folder);
      this.#folders.delete(folder);
    }
  }

  /**
   * Moves a batch that QuestDB rejected to a separate folder.
   *
   * @returns the path of the file, or undefined if it can't be written
   */
  reject(batch: Batch, lines: Buffer): string | undefined {
    this.#forget([batch]);
    this.#options.dropped.add('refused', batch.rows);
    const name = basename(batch.file ?? formatBatchFileName(this.#seq++, batch));
    try {
      const folder = createRefusedFolder(this.#roots[0].dir);
      const file = join(folder, `${this.#processIdentity.pid}-${Date.now()}-${name}`);
      writeFileSync(file, lines, { mode: 0o600, flag: 'wx' });
      if (batch.file) removeFile(batch.file, this.#problems);
      return file;
    } catch (error) {
      this.#reportFailure('written', error);
      return undefined;
    }
  }

  /** Drops batches that exceed the age limit, and the oldest batches if a size limit is reached. */
  enforceLimits(nowMs: number = Date.now()): void {
    const { maxAgeMs, maxBytes } = this.#options;
    const expired = this.#batches.filter(
      ({ table, newestMs }) => isMeasurementTable(table) && newestMs < nowMs - maxAgeMs,
    );
    this.#drop(
      expired,
      'expired',
      'they are older than the retention period, because QuestDB was unreachable for too long',
    );
    const unsaved = takeOldest([...this.#unsaved], this.#unsavedBytes - UNSAVED_BYTES);
    this.#drop(
      unsaved,
      'memory_full',
      `the spool folder is not writable, and the rows in memory reached their limit of ${formatBytes(UNSAVED_BYTES)}`,
    );
    const limit = formatBytes(maxBytes);
    this.#drop(
      takeOldest(this.#batches, this.#bytes - maxBytes),
      'spool_full',
      `the spool reached its limit of ${limit}. Check that QuestDB is running, or raise PERFORMANCE_SPOOL_MAX_BYTES`,
    );
  }

  /**
   * Deletes the folders of this process. If they contain batches, other processes can send them from
   * now on. This process can continue to run, because a worker thread can end earlier.
   */
  close(): void {
    for (const folder of this.#folders) releaseFolder(folder);
    this.#folders.clear();
    this.#folder = undefined;
  }

  /** Writes a batch to disk. Returns whether it was successful. */
  async #save(batch: Batch): Promise<boolean> {
    let unfinished: string | undefined;
    try {
      const file = this.#nextFile(batch);
      unfinished = file + UNFINISHED_SUFFIX;
      // The rename is atomic. If the process stops during the write, no partial batch remains.
      await promises.writeFile(unfinished, batch.lines!, { mode: 0o600, flag: 'wx' });
      await promises.rename(unfinished, file);
      this.#setFile(batch, file);
      return true;
    } catch (error) {
      this.#reportUnwritable(error, unfinished);
      return false;
    }
  }

  #saveSync(batch: Batch): boolean {
    let unfinished: string | undefined;
    try {
      const file = this.#nextFile(batch);
      unfinished = file + UNFINISHED_SUFFIX;
      writeFileSync(unfinished, batch.lines!, { mode: 0o600, flag: 'wx' });
      renameSync(unfinished, file);
      this.#setFile(batch, file);
      return true;
    } catch (error) {
      this.#reportUnwritable(error, unfinished);
      return false;
    }
  }

  #setFile(batch: Batch, file: string): void {
    batch.file = file;
    if (!this.#unsaved.delete(batch)) return;
    this.#unsavedBytes -= batch.bytes;
    if (this.#cachedBytes <= CACHE_BYTES) return;
    batch.lines = undefined;
    this.#cachedBytes -= batch.bytes;
  }

  #nextFile(batch: Batch): string {
    const [root] = this.#roots;
    if (this.#folder === undefined) {
      const folder = createSpoolFolder(root.dir, this.#processIdentity);
      if (this.#options.isServer) assertTrustedFolder(root.dir);
      this.#folder = folder;
      this.#folders.add(folder);
    }
    return join(this.#folder, formatBatchFileName(this.#seq++, batch));
  }

  #enqueue(batch: Batch): void {
    this.#batches.push(batch);
    this.#bytes += batch.bytes;
    if (!batch.file) {
      this.#unsaved.add(batch);
      this.#unsavedBytes += batch.bytes;
    }
    if (batch.file && this.#cachedBytes + batch.bytes > CACHE_BYTES) batch.lines = undefined;
    else this.#cachedBytes += batch.bytes;
    this.enforceLimits();
  }

  #forget(batches: readonly Batch[]): void {
    const removed = new Set(batches);
    this.#batches = this.#batches.filter((batch) => {
      if (!removed.has(batch)) return true;
      this.#bytes -= batch.bytes;
      if (batch.lines) this.#cachedBytes -= batch.bytes;
      if (this.#unsaved.delete(batch)) this.#unsavedBytes -= batch.bytes;
      return false;
    });
  }

  #drop(batches: readonly Batch[], dropReason: DropReason, reason: string): void {
    if (batches.length === 0) return;
    const rows = countRows(batches);
    this.#options.dropped.add(dropReason, rows);
    this.#forget(batches);
    for (const { file } of batches) if (file) removeFile(file, this.#problems);
    this.#warnOnce(reason, createError('PS_ROWS_DROPPED', { rows, reason }).message);
  }

  /** A root with the rows of servers must not be writable by other users. */
  #isTrustedRoot({ dir, accepts }: SpoolRoot): boolean {
    if (accepts === isServiceTable) return true;
    try {
      assertTrustedFolder(dir);
      return true;
    } catch (error) {
      if (error instanceof UntrustedFileError) this.#reportUntrusted(dir, error.message);
      else if (!isMissing(error)) this.#reportFailure('listed', error);
      return false;
    }
  }

  #reportUnwritable(error: unknown, unfinished: string | undefined): void {
    countFailure('the spool');
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (unfinished && syscall !== 'open') removeFile(unfinished, this.#problems);
    if (!TEMPORARY_CODES.has(code ?? '')) this.#folder = undefined;
    const { dir } = this.#options;
    const params = { dir, reason: errorMessage(error) };
    this.#warnOnce('unwritable', createError('PS_SPOOL_UNWRITABLE', params).message);
  }

  #reportFailure(action: string, error: unknown): void {
    countFailure('the spool');
    const { dir } = this.#options;
    const params = { dir, action, reason: errorMessage(error) };
    this.#warnOnce(action, createError('PS_SPOOL_FAILED', params).message);
  }

  #reportUntrusted(path: string, reason: string): void {
    this.#warnOnce(reason, createError('PS_SPOOL_UNTRUSTED', { path, reason }).message);
  }
}

function countRows(batches: readonly Batch[]): number {
  return batches.reduce((sum, batch) => sum + batch.rows, 0);
}

/** Returns the first batches whose total size is at least `bytes`. */
function takeOldest(batches: readonly Batch[], bytes: number): Batch[] {
  const oldest: Batch[] = [];
  let remaining = bytes;
  for (const batch of batches) {
    if (remaining <= 0) break;
    remaining -= batch.bytes;
    oldest.push(batch);
  }
  return oldest;
}

function getFolders(batches: readonly Batch[]): Set<string> {
  return new Set(batches.flatMap(({ file }) => (file ? dirname(file) : [])));
}
