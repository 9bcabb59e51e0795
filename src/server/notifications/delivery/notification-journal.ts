import { rmSync } from 'node:fs';
import { type FileHandle, open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { createWarnOnce, type Logger } from '../../../core/log.ts';
import { createError, errorMessage } from '../../../core/perfscope-error.ts';
import {
  getProcessIdentity,
  isProcessAlive,
  isProcessIdentity,
} from '../../../core/process-identity.ts';
import {
  createStateFile,
  createStateFolder,
  parseStateJson,
  readStateFile,
} from '../../../core/state-file.ts';

/** Maximum number of servers that share a data folder. Each has its own journal. */
const MAX_JOURNALS = 20;
/**
 * The file is rewritten when its number of entries exceeds twice the number of keys, plus this
 * number.
 */
const MAX_SPARE_ENTRIES = 1000;

/** A key and its new value. Without a value, the key was deleted. */
type JournalEntry = { readonly k: string; readonly v?: unknown };

/** The part of a journal that stores of state use. A backtest keeps it only in memory. */
export type JournalEntries = Pick<NotificationJournal, 'get' | 'entries' | 'put' | 'delete'>;

/**
 * A key-value store for state that must survive a crash: an append-only file of JSON lines that only
 * its owner can read. After `flush` resolves, all earlier changes are on disk. Changes between two
 * writes form one line, so either all or none of them survive.
 */
export class NotificationJournal {
  readonly #folder: string;
  readonly #logOnce: (kind: string, message: string) => void;
  /** Values by kind, which is the part of the key before the first colon. In insertion order. */
  readonly #values = new Map<string, Map<string, unknown>>();
  /** Number of keys. */
  #size = 0;
  /** Number of entries in the file. */
  #written = 0;
  #pending: JournalEntry[] = [];
  #handle: FileHandle | undefined;
  #flushing: Promise<void> | undefined;
  #mustRewrite = true;

  private constructor(folder: string, log: Logger) {
    this.#folder = folder;
    this.#logOnce = createWarnOnce(log);
    const file = join(folder, 'journal');
    const { entries, damagedLines } = parseJournal(readStateFile(file)?.toString() ?? '');
    for (const { k, v } of entries) {
      if (v === undefined) this.#delete(k);
      else this.#set(k, v);
    }
    if (damagedLines > 0) {
      const reason = `${damagedLines} of its lines can't be read`;
      const effect = 'Some messages can be repeated or missing, and no action is needed.';
      log.warn(createError('PS_STATE_FILE_DAMAGED', { file, reason, effect }).message);
    }
  }

  /**
   * Opens the first journal under `dataDir` that no other running process uses. Ignores damaged lines,
   * and logs a warning about them.
   *
   * @throws PS_STATE_FILE_UNUSABLE if the journal can't be read
   */
  static open(dataDir: string, log: Logger): NotificationJournal {
    for (let i = 1; i <= MAX_JOURNALS; i++) {
      const folder = join(dataDir, i === 1 ? 'notify' : `notify-${i}`);
      if (claimJournalFolder(folder)) return new NotificationJournal(folder, log);
    }
    throw createError('PS_JOURNAL_UNWRITABLE', {
      folder: dataDir,
      reason: `more than ${MAX_JOURNALS} servers share this folder`,
    });
  }

  get(key: string): unknown {
    return this.#values.get(getKind(key))?.get(key);
  }

  /** Returns a copy of all entries of one kind, in insertion order. */
  entries(kind: string): readonly (readonly [string, unknown])[] {
    return [...(this.#values.get(kind) ?? [])];
  }

  /** @param key `KIND:…` @param value a JSON value. The caller must not modify it later. */
  put(key: string, value: object): void {
    this.#set(key, value);
    this.#pending.push({ k: key, v: value });
  }

  delete(key: string): void {
    if (this.#delete(key)) this.#pending.push({ k: key });
  }

  /**
   * Resolves when all changes are on disk. Never rejects: a write error is logged, and messages are
   * still delivered.
   */
  async flush(): Promise<void> {
    // A write in progress doesn't include the latest changes.
    if (this.#flushing) await this.#flushing;
    this.#flushing ??= this.#write().finally(() => {
      this.#flushing = undefined;
    });
    await this.#flushing;
  }

  async close(): Promise<void> {
    await this.flush();
    await this.#handle?.close().catch(() => {});
    releaseJournalFolder(this.#folder);
  }

  #set(key: string, value: unknown): void {
    const kind = getKind(key);
    const values = this.#values.get(kind) ?? new Map<string, unknown>();
    if (!values.has(key)) this.#size += 1;
    this.#values.set(kind, values.set(key, value));
  }

  #delete(key: string): boolean {
    const existed = this.#values.get(getKind(key))?.delete(key) ?? false;
    if (existed) this.#size -= 1;
    return existed;
  }

  async #write(): Promise<void> {
    if (this.#pending.length === 0 && !this.#mustRewrite) return;
    const entries = this.#pending;
    this.#pending = [];
    this.#written += entries.length;
    try {
      if (this.#mustRewrite || this.#written > 2 * this.#size + MAX_SPARE_ENTRIES) {
        await this.#rewrite();
      } else {
        await this.#handle?.appendFile(formatJournalLine(entries));
        await this.#handle?.datasync();
      }
    } catch (error) {
      // The next write creates a new file with all current values.
      this.#mustRewrite = true;
      const { message } = createError('PS_JOURNAL_UNWRITABLE', {
        folder: this.#folder,
        reason: errorMessage(error),
      });
      this.#logOnce('unwritable', message);
    }
  }

  /** Writes all current values to a new file. The rename replaces the old file atomically. */
  async #rewrite(): Promise<void> {
    const file = join(this.#folder, 'journal');
    const all = [...this.#values.values()].flatMap((each) => [...each]);
    const lines = all.map(([k, v]) => formatJournalLine([{ k, v }]));
    const next = await open(`${file}.part`, 'w', 0o600);
    try {
      await next.writeFile(lines.join(''));
      await next.sync();
      await rename(`${file}.part`, file);
    } catch (error) {
      await next.close().catch(() => {});
      throw error;
    }
    await this.#handle?.close().catch(() => {});
    this.#handle = next;
    this.#written = lines.length;
    this.#mustRewrite = false;
    const folder = await open(this.#folder, 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }
}

function getKind(key: string): string {
  return key.slice(0, key.indexOf(':'));
}

function formatJournalLine(entries: readonly JournalEntry[]): string {
  return `${JSON.stringify(entries)}\n`;
}

/**
 * Parses the lines of a journal. The last line can be incomplete if the process was killed. `flush` has
 * then not resolved, so that line is not damaged.
 */
function parseJournal(text: string): { entries: JournalEntry[]; damagedLines: number } {
  const lines = text.split('\n');
  const unfinished = lines.pop() ?? '';
  const parsed = lines.filter((line) => line !== '').map(parseJournalLine);
  const last = parseJournalLine(unfinished) ?? [];
  const entries = [...parsed.flatMap((each) => each ?? []), ...last];
  return { entries, damagedLines: parsed.filter((each) => each === undefined).length };
}

/** Returns undefined if the line is damaged. */
function parseJournalLine(line: string): JournalEntry[] | undefined {
  try {
    const entries: unknown = JSON.parse(line);
    return Array.isArray(entries) && entries.every(isJournalEntry) ? entries : undefined;
  } catch {
    return undefined;
  }
}

function isJournalEntry(entry: unknown): entry is JournalEntry {
  const { k, v } = (entry ?? {}) as Record<string, unknown>;
  return typeof k === 'string' && k.includes(':') && (v === undefined || isObject(v));
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

/**
 * Marks the folder as used by this process. Returns `false` if another running process uses it.
 *
 * @throws PS_STATE_FILE_UNUSABLE
 */
function claimJournalFolder(folder: string): boolean {
  const owner = join(folder, 'owner');
  createStateFolder(folder);
  const mark = JSON.stringify(getProcessIdentity(process.pid));
  for (let attempt = 0; attempt < 2; attempt++) {
    if (createStateFile(owner, mark)) return true;
    if (isOwnerAlive(owner)) return false;
    rmSync(owner, { force: true });
  }
  return false;
}

/** A damaged file belongs to no running process, because it is created with its whole content. */
function isOwnerAlive(owner: string): boolean {
  const content = readStateFile(owner);
  if (content === undefined) return false;
  try {
    const identity = parseStateJson(content);
    return isProcessIdentity(identity) && isProcessAlive(identity);
  } catch {
    return false;
  }
}

function releaseJournalFolder(folder: string): void {
  rmSync(join(folder, 'owner'), { force: true });
}
