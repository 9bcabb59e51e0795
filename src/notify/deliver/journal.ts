import { readFileSync } from 'node:fs';
import { type FileHandle, open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { coded, reasonOf } from '../../errors.ts';
import { type Log, oncePerKind } from '../../log.ts';
import { claim, release } from './claim.ts';

/** Servers that share a data folder have a journal each. */
const MOST_JOURNALS = 20;
/** The file is written anew when it has so many entries more than twice those that count. */
const SPARE_ENTRIES = 1000;

type Entry = { readonly k: string; readonly v?: unknown };

/**
 * What must survive the process at any moment: values by key, as an append-only file of JSON lines
 * that only its owner may read. What `flush` has resolved for is on disk. What is put in one turn is
 * one line: all of it survives, or nothing.
 */
export class Journal {
  readonly #folder: string;
  readonly #once: (kind: string, message: string) => void;
  /** By kind, which is what stands before the first colon of a key; each in the order of the puts. */
  readonly #values = new Map<string, Map<string, unknown>>();
  #size = 0;
  /** Entries in the file. */
  #written = 0;
  #waiting: Entry[] = [];
  #handle: FileHandle | undefined;
  #flushing: Promise<void> | undefined;
  #mustRewrite = true;

  private constructor(folder: string, log: Log) {
    this.#folder = folder;
    this.#once = oncePerKind(log);
    for (const { k, v } of entriesOf(join(folder, 'journal'))) {
      if (v === undefined) this.#delete(k);
      else this.#set(k, v);
    }
  }

  /** Takes the first journal under `dataDir` that no other living process has. */
  static open(dataDir: string, log: Log): Journal {
    for (let i = 1; i <= MOST_JOURNALS; i++) {
      const folder = join(dataDir, i === 1 ? 'notify' : `notify-${i}`);
      if (claim(folder)) return new Journal(folder, log);
    }
    throw coded('PS_JOURNAL_UNWRITABLE', { folder: dataDir, reason: 'too many servers share it' });
  }

  get(key: string): unknown {
    return this.#values.get(kindOf(key))?.get(key);
  }

  /** All of one kind, as they are now, in the order in which they were first put. */
  entries(kind: string): readonly (readonly [string, unknown])[] {
    return [...(this.#values.get(kind) ?? [])];
  }

  /** @param key `KIND:…` @param value what JSON can hold; it must not be changed any more */
  put(key: string, value: object): void {
    this.#set(key, value);
    this.#waiting.push({ k: key, v: value });
  }

  drop(key: string): void {
    if (this.#delete(key)) this.#waiting.push({ k: key });
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
    release(this.#folder);
  }

  #set(key: string, value: unknown): void {
    const kind = kindOf(key);
    const values = this.#values.get(kind) ?? new Map<string, unknown>();
    if (!values.has(key)) this.#size += 1;
    this.#values.set(kind, values.set(key, value));
  }

  #delete(key: string): boolean {
    const isGone = this.#values.get(kindOf(key))?.delete(key) ?? false;
    if (isGone) this.#size -= 1;
    return isGone;
  }

  async #write(): Promise<void> {
    if (this.#waiting.length === 0 && !this.#mustRewrite) return;
    const entries = this.#waiting;
    this.#waiting = [];
    this.#written += entries.length;
    try {
      if (this.#mustRewrite || this.#written > 2 * this.#size + SPARE_ENTRIES) {
        await this.#rewrite();
      } else {
        await this.#handle?.appendFile(lineOf(entries));
        await this.#handle?.datasync();
      }
    } catch (error) {
      // The next write puts down all that counts, in a file of its own.
      this.#mustRewrite = true;
      const { message } = coded('PS_JOURNAL_UNWRITABLE', {
        folder: this.#folder,
        reason: reasonOf(error),
      });
      this.#once('unwritable', message);
    }
  }

  /** The rename makes the new file appear whole or not at all. */
  async #rewrite(): Promise<void> {
    const file = join(this.#folder, 'journal');
    const all = [...this.#values.values()].flatMap((each) => [...each]);
    const lines = all.map(([k, v]) => lineOf([{ k, v }]));
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

function kindOf(key: string): string {
  return key.slice(0, key.indexOf(':'));
}

function lineOf(entries: readonly Entry[]): string {
  return `${JSON.stringify(entries)}\n`;
}

function entriesOf(file: string): Entry[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return text.split('\n').flatMap((line) => {
    try {
      return line === '' ? [] : (JSON.parse(line) as Entry[]);
    } catch {
      return [];
    }
  });
}
