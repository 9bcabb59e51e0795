import { constants, lstatSync, mkdirSync, promises, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { SerialQueue } from '../../core/concurrency.ts';
import { formatBytes } from '../../core/format.ts';
import { countFailure, startTask } from '../../core/guard.ts';
import { randomBytes } from '../../core/lazy-crypto.ts';
import type { Logger } from '../../core/log.ts';
import { createError, errorMessage } from '../../core/perfscope-error.ts';
import { assertTrustedFile, assertTrustedFolder } from '../../core/trusted-file.ts';
import type { DroppedRowCounter } from '../spool/dropped-rows.ts';
import { LF } from '../spool/line-protocol-bytes.ts';
import { getSpoolRoot } from '../spool/spool-adoption.ts';
import {
  createDeadLetterFileName,
  DEAD_LETTER_FOLDER,
  formatDeadLetter,
  listDeadLetterFiles,
  listRemovedFiles,
  listUnfinishedFiles,
  toDeadLetters,
  toRemovedName,
} from './dead-letter-files.ts';
import { KnownDeadLetters } from './known-dead-letters.ts';
import { convertRefusedFiles } from './refused-files.ts';

const PART = 'the dead letters';
const MAX_FILE_BYTES = 1024 * 1024;
/** Share of the spool's size limit that dead letters can use. */
const SPOOL_SHARE = 1 / 4;
/** Minimum number of files until the oldest one is removed. */
const MIN_FILES = 4;
/** Other processes and commands change the folder too. */
const REFRESH_MS = 10_000;
/** Age in ms of an incomplete file after which its process must have been killed. */
const MAX_WRITE_MS = 60_000;
/** Maximum number of logged messages, because reasons can contain values of rows. */
const MAX_MESSAGES = 100;
const APPEND_FLAGS =
  constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0);

export interface DeadLetterStoreOptions {
  /** Folder that all processes share. The dead letters are in its subfolder `dead-letters`. */
  spoolDir: string;
  /** Whether the dead letters are in `server/dead-letters` instead. See `SpoolOptions`. Default: `false`. */
  isServer?: boolean | undefined;
  /** Size limit of the spool, in bytes. Dead letters use at most a quarter of it. */
  spoolMaxBytes: number;
  /** Counts the dead letters that are removed because of the size limit. */
  dropped: DroppedRowCounter;
  log: Logger;
}

interface FileCount {
  readonly bytes: number;
  readonly rows: number;
}

/**
 * Keeps rows that can't be stored, with the reason, so that people can correct the cause and send them again. Each row
 * is kept once, even if another process rejects it again. Several processes can share the folder: each one appends to its
 * own files. No method throws or rejects.
 */
export class DeadLetterStore {
  readonly #options: DeadLetterStoreOptions;
  readonly #folder: string;
  readonly #maxBytes: number;
  readonly #maxFileBytes: number;
  readonly #tasks = new SerialQueue((error) => this.#reportFailure('written', error));
  readonly #known: KnownDeadLetters;
  readonly #messages = new Set<string>();
  #files = new Map<string, FileCount>();
  #fileName: string | undefined;
  #refreshedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: DeadLetterStoreOptions) {
    this.#options = options;
    const { isServer = false } = options;
    const spoolDir = getSpoolRoot(options.spoolDir, isServer);
    this.#folder = join(spoolDir, DEAD_LETTER_FOLDER);
    // Servers also take over rows of services.
    const services = isServer ? [join(options.spoolDir, DEAD_LETTER_FOLDER)] : [];
    this.#known = new KnownDeadLetters([this.#folder, ...services]);
    this.#maxBytes = options.spoolMaxBytes * SPOOL_SHARE;
    this.#maxFileBytes = Math.min(MAX_FILE_BYTES, this.#maxBytes / MIN_FILES);
    startTask(PART, () => this.#tasks.enqueue(() => convertRefusedFiles(spoolDir, this.#folder)));
    this.#startRefresh();
  }

  /** Number of rows in the folder. Can be 10 s old. */
  get rows(): number {
    return this.#count(({ rows }) => rows);
  }

  /** Size of all files in bytes. Can be 10 s old. */
  get bytes(): number {
    return this.#count(({ bytes }) => bytes);
  }

  /** Called when rows of other processes can be rejected. They can be dead letters already. */
  onAdopted(): void {
    this.#known.invalidate();
  }

  /**
   * Adds lines of one table, unless they are dead letters already. Resolves when they are written, or dropped because
   * that failed. Copies `lines` before it returns.
   */
  async add(table: string, lines: Buffer, reason: string): Promise<void> {
    const letters = toDeadLetters(table, lines, reason, Date.now());
    await this.#tasks.enqueue(async () => {
      await this.#known.load();
      const added = letters.filter((letter) => this.#known.add(letter));
      if (added.length === 0) return;
      const { message } = createError('PS_ROWS_REJECTED', { table, reason, rows: added.length });
      this.#warnOnce(`${table} ${reason}`, message);
      const blocks = toBlocks(added.map(formatDeadLetter), this.#maxFileBytes);
      for (const [i, block] of blocks.entries()) {
        try {
          await this.#append(block);
        } catch (error) {
          const lost = blocks.slice(i).flat().length;
          this.#options.dropped.add('dead_letters_full', lost);
          throw error;
        }
      }
      if (performance.now() - this.#refreshedAtMs > REFRESH_MS) await this.#refresh();
      await this.#enforceLimit();
    });
  }

  async #append(letters: readonly string[]): Promise<void> {
    const data = Buffer.from(letters.join(''));
    const known = this.#files.get(this.#fileName ?? '');
    if (known === undefined || known.bytes + data.length > this.#maxFileBytes) {
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
      assertTrustedFolder(this.#folder);
      const source = `${process.pid}-${randomBytes(4).toString('hex')}`;
      this.#fileName = createDeadLetterFileName(source, Date.now());
    }
    const name = this.#fileName!;
    // The file is opened each time. A command renames a file before it changes it.
    const handle = await promises.open(join(this.#folder, name), APPEND_FLAGS, 0o600);
    try {
      const stats = await handle.stat();
      assertTrustedFile(stats);
      await handle.writeFile(data);
      const rows = stats.size > 0 ? (this.#files.get(name)?.rows ?? 0) : 0;
      this.#files.set(name, { bytes: stats.size + data.length, rows: rows + letters.length });
    } catch (error) {
      // The last line can be incomplete, so nothing must follow it.
      this.#fileName = undefined;
      throw error;
    } finally {
      await handle.close();
    }
  }

  /** Removes the oldest files until the size is within the limit. */
  async #enforceLimit(): Promise<void> {
    let bytes = sum(this.#files.values(), (file) => file.bytes);
    for (const [name, file] of [...this.#files].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (bytes <= this.#maxBytes) return;
      bytes -= file.bytes;
      this.#files.delete(name);
      this.#reportRemoved(await this.#removeFile(name));
    }
  }

  #reportRemoved(rows: number): void {
    if (rows === 0) return;
    this.#options.dropped.add('dead_letters_full', rows);
    const reason = `the dead letters reached their limit of ${formatBytes(this.#maxBytes)}, a quarter of PERFORMANCE_SPOOL_MAX_BYTES. Run \`perfscope spool ls\` and correct the cause`;
    this.#warnOnce('limit', createError('PS_ROWS_DROPPED', { rows, reason }).message);
  }

  /** Returns the number of rows in the removed file. */
  async #removeFile(name: string): Promise<number> {
    const removed = toRemovedName(name);
    try {
      // Other processes can still append to the file, so its rows are counted after it has another name.
      renameSync(join(this.#folder, name), join(this.#folder, removed));
    } catch (error) {
      if (isMissing(error)) return 0;
      throw error;
    }
    return await this.#deleteRemovedFile(removed);
  }

  async #deleteRemovedFile(name: string): Promise<number> {
    const count = await this.#countRows(name, undefined);
    // Another process has deleted it, or it can't be read now.
    if (!count) return 0;
    try {
      rmSync(join(this.#folder, name));
      return count.rows;
    } catch (error) {
      // Another process has deleted it, and has counted its rows.
      if (isMissing(error)) return 0;
      throw error;
    }
  }

  /** Deletes the files of processes that were killed while they removed or wrote a file. */
  async #deleteInterruptedFiles(): Promise<void> {
    const removed = this.#list(listRemovedFiles);
    const unfinished = this.#list(listUnfinishedFiles);
    if (removed.length + unfinished.length === 0) return;
    assertTrustedFolder(this.#folder);
    for (const name of removed) this.#reportRemoved(await this.#deleteRemovedFile(name));
    // Their rows are also in another file.
    for (const name of unfinished) {
      const path = join(this.#folder, name);
      const stats = lstatSync(path, { throwIfNoEntry: false });
      if (stats && stats.mtimeMs < Date.now() - MAX_WRITE_MS) rmSync(path, { force: true });
    }
  }

  #startRefresh(): void {
    this.#refreshedAtMs = performance.now();
    startTask(PART, () =>
      this.#tasks.enqueue(async () => {
        await this.#refresh();
        await this.#enforceLimit();
        await this.#deleteInterruptedFiles();
      }),
    );
  }

  /** Counts the rows in files that have changed. */
  async #refresh(): Promise<void> {
    this.#refreshedAtMs = performance.now();
    const files = new Map<string, FileCount>();
    for (const name of this.#list(listDeadLetterFiles)) {
      const count = await this.#countRows(name, this.#files.get(name));
      if (count) files.set(name, count);
    }
    this.#files = files;
  }

  #list(list: (folder: string) => string[]): string[] {
    try {
      return list(this.#folder);
    } catch {
      // The folder can't be listed, for example because it belongs to another user.
      return [];
    }
  }

  async #countRows(name: string, known: FileCount | undefined): Promise<FileCount | undefined> {
    try {
      const file = join(this.#folder, name);
      const { size } = await promises.lstat(file);
      if (known?.bytes === size) return known;
      const data = await promises.readFile(file);
      let rows = 0;
      for (let i = data.indexOf(LF); i !== -1; i = data.indexOf(LF, i + 1)) rows++;
      return { bytes: data.length, rows };
    } catch {
      // A command or another process has removed it.
      return undefined;
    }
  }

  #count(value: (file: FileCount) => number): number {
    if (performance.now() - this.#refreshedAtMs > REFRESH_MS) this.#startRefresh();
    return sum(this.#files.values(), value);
  }

  #reportFailure(action: string, error: unknown): void {
    countFailure(PART);
    const params = { dir: this.#folder, action, reason: errorMessage(error) };
    this.#warnOnce(action, createError('PS_SPOOL_FAILED', params).message);
  }

  /** @returns whether the message was logged */
  #warnOnce(kind: string, message: string): boolean {
    if (this.#messages.has(kind) || this.#messages.size >= MAX_MESSAGES) return false;
    this.#messages.add(kind);
    const { log } = this.#options;
    log.warn(message);
    return log.unmuted === undefined;
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}

/** Divides texts into blocks of about `maxBytes`. Each block has at least one text. */
function toBlocks(texts: readonly string[], maxBytes: number): string[][] {
  const blocks: string[][] = [];
  let block: string[] = [];
  let bytes = 0;
  for (const text of texts) {
    const length = Buffer.byteLength(text);
    if (block.length === 0 || bytes + length > maxBytes) {
      block = [];
      blocks.push(block);
      bytes = 0;
    }
    block.push(text);
    bytes += length;
  }
  return blocks;
}

function sum<T>(items: Iterable<T>, value: (item: T) => number): number {
  let total = 0;
  for (const item of items) total += value(item);
  return total;
}
