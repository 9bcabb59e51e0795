import { setImmediate as nextTurn } from 'node:timers/promises';
import { createHash } from '../../core/lazy-crypto.ts';
import { assertTrustedFolder } from '../../core/trusted-file.ts';
import { type DeadLetter, listDeadLetterFiles, readDeadLetters } from './dead-letter-files.ts';

/** More rows than a segment contains. */
const MAX_ROWS = 100_000;
const KEY_LENGTH = 16;

/**
 * Remembers the rows that are dead letters already. A row can be rejected again after a table was created again, or
 * after another process has taken over its segment.
 */
export class KnownDeadLetters {
  readonly #folders: readonly string[];
  /** The row that was remembered first is the first to be forgotten. */
  readonly #keys = new Set<string>();
  readonly #maxRows: number;
  #isCurrent = false;

  /**
   * @param folders folders with dead letters of this and other processes
   * @param maxRows maximum number of remembered rows. Default: 100,000
   */
  constructor(folders: readonly string[], maxRows = MAX_ROWS) {
    this.#folders = folders;
    this.#maxRows = maxRows;
  }

  /** Makes the next `load` look for new dead letters of other processes. */
  invalidate(): void {
    this.#isCurrent = false;
  }

  /** Reads the latest dead letters of all processes. Skips files and folders that can't be read. */
  async load(): Promise<void> {
    if (this.#isCurrent) return;
    this.#isCurrent = true;
    const files: string[][] = [];
    let rows = 0;
    for (const { folder, name } of this.#folders.flatMap(listFiles).sort(compareNewestFirst)) {
      if (rows >= this.#maxRows) break;
      const keys = readKeys(folder, name);
      files.push(keys);
      rows += keys.length;
      await nextTurn();
    }
    for (const keys of files.reverse()) for (const key of keys) this.#remember(key);
  }

  /** Remembers a row. @returns whether it was not known */
  add(letter: DeadLetter): boolean {
    const key = toKey(letter);
    if (this.#keys.has(key)) return false;
    this.#remember(key);
    return true;
  }

  #remember(key: string): void {
    this.#keys.delete(key);
    this.#keys.add(key);
    if (this.#keys.size <= this.#maxRows) return;
    const [oldest] = this.#keys;
    this.#keys.delete(oldest!);
  }
}

interface DeadLetterFile {
  readonly folder: string;
  readonly name: string;
}

function listFiles(folder: string): DeadLetterFile[] {
  try {
    const names = listDeadLetterFiles(folder);
    if (names.length > 0) assertTrustedFolder(folder);
    return names.map((name) => ({ folder, name }));
  } catch {
    return [];
  }
}

/** The names of files start with their time. */
function compareNewestFirst(a: DeadLetterFile, b: DeadLetterFile): number {
  return a.name < b.name ? 1 : -1;
}

function readKeys(folder: string, name: string): string[] {
  try {
    return readDeadLetters(folder, name).map(toKey);
  } catch {
    // Another process has removed it, or it belongs to another user.
    return [];
  }
}

function toKey({ table, line, encoding }: DeadLetter): string {
  const hash = createHash('sha256').update(`${table} ${encoding ?? ''} ${line}`);
  return hash.digest('base64').slice(0, KEY_LENGTH);
}
