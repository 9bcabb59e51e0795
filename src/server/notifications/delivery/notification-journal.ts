import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type FileHandle, open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { createError, errorMessage } from '../../../core/errors.ts';
import { createWarnOnce, type Logger } from '../../../core/log.ts';
import {
  getProcessIdentity,
  isProcessAlive,
  type ProcessIdentity,
} from '../../../core/process-identity.ts';

/** Servers that share a data folder have a journal each. */
const MAX_JOURNALS = 20;
/** The file is written anew when it has so many entries more than twice those that count. */
const MAX_SPARE_ENTRIES = 1000;

type JournalEntry = { readonly k: string; readonly v?: unknown };

/**
 * What must survive the process at any moment: values by key, as an append-only file of JSON lines
 * that only its owner may read. What `flush` has resolved for is on disk. What is put in one turn is
 * one line: all of it survives, or nothing.
 */
export class NotificationJournal {
  readonly #folder: string;
  readonly #logOnce: (kind: string, message: string) => void;
  /** By kind, which is what stands before the first colon of a key; each in the order of the puts. */
  readonly #values = new Map<string, Map<string, unknown>>();
  #size = 0;
  /** Entries in the file. */
  #written = 0;
  #pending: JournalEntry[] = [];
  #handle: FileHandle | undefined;
  #flushing: Promise<void> | undefined;
  #mustRewrite = true;

  private constructor(folder: string, log: Logger) {
    this.#folder = folder;
    this.#logOnce = createWarnOnce(log);
    for (const { k, v } of readJournalEntries(join(folder, 'journal'))) {
      if (v === undefined) this.#delete(k);
      else this.#set(k, v);
    }
  }

  /** Takes the first journal under `dataDir` that no other living process has. */
  static open(dataDir: string, log: Logger): NotificationJournal {
    for (let i = 1; i <= MAX_JOURNALS; i++) {
      const folder = join(dataDir, i === 1 ? 'notify' : `notify-${i}`);
      if (claimJournalFolder(folder)) return new NotificationJournal(folder, log);
    }
    throw createError('PS_JOURNAL_UNWRITABLE', {
      folder: dataDir,
      reason: 'too many servers share it',
    });
  }

  get(key: string): unknown {
    return this.#values.get(getKind(key))?.get(key);
  }

  /** All of one kind, as they are now, in the order in which they were first put. */
  entries(kind: string): readonly (readonly [string, unknown])[] {
    return [...(this.#values.get(kind) ?? [])];
  }

  /** @param key `KIND:…` @param value what JSON can hold; it must not be changed any more */
  put(key: string, value: object): void {
    this.#set(key, value);
    this.#pending.push({ k: key, v: value });
  }

  delete(key: string): void {
    if (this.#delete(key)) this.#pending.push({ k: key });
  }

  /**
   * Resolves when all that was put is on disk. Never rejects: where the disk refuses, the log says so,
   * and messages are delivered all the same.
   */
  async flush(): Promise<void> {
    // What was put while a write is under way is in none yet.
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
    const isGone = this.#values.get(getKind(key))?.delete(key) ?? false;
    if (isGone) this.#size -= 1;
    return isGone;
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
      // The next write puts down all that counts, in a file of its own.
      this.#mustRewrite = true;
      const { message } = createError('PS_JOURNAL_UNWRITABLE', {
        folder: this.#folder,
        reason: errorMessage(error),
      });
      this.#logOnce('unwritable', message);
    }
  }

  /** The rename makes the new file appear whole or not at all. */
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
    await folder.sync().finally(() => folder.close());
  }
}

function getKind(key: string): string {
  return key.slice(0, key.indexOf(':'));
}

function formatJournalLine(entries: readonly JournalEntry[]): string {
  return `${JSON.stringify(entries)}\n`;
}

function readJournalEntries(file: string): JournalEntry[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return text.split('\n').flatMap((line) => {
    try {
      return line === '' ? [] : (JSON.parse(line) as JournalEntry[]);
    } catch {
      return [];
    }
  });
}

/** Marks the folder as this process' own. @returns false while another living process has it */
function claimJournalFolder(folder: string): boolean {
  const owner = join(folder, 'owner');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const mark = JSON.stringify(getProcessIdentity(process.pid));
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      writeFileSync(owner, mark, { mode: 0o600, flag: 'wx' });
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    if (isOwnerAlive(owner)) return false;
    rmSync(owner, { force: true });
  }
  return false;
}

function isOwnerAlive(owner: string): boolean {
  try {
    const holder = JSON.parse(readFileSync(owner, 'utf8')) as ProcessIdentity;
    return isProcessAlive(holder);
  } catch {
    return false;
  }
}

/** Ends what `claim` began. */
function releaseJournalFolder(folder: string): void {
  rmSync(join(folder, 'owner'), { force: true });
}
