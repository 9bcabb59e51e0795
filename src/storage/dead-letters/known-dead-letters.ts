import { statSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createHash } from '../../core/lazy-crypto.ts';
import { assertTrustedFolder } from '../../core/trusted-file.ts';
import { type DeadLetter, listDeadLetterFiles, readDeadLetters } from './dead-letter-files.ts';

/** Maximum number of remembered rows. More than a segment contains. */
const MAX_ROWS = 100_000;
const KEY_LENGTH = 16;

/**
 * Remembers the rows that are dead letters already. A row can be rejected again after a table was created again, or
 * after another process has taken over its segment.
 */
export class KnownDeadLetters {
  readonly #folders: readonly string[];
  /** Oldest first. */
  readonly #keys = new Set<string>();
  /** Sizes of the files that were read, by path. */
  readonly #sizes = new Map<string, number>();
  #isCurrent = false;

  /** @param folders folders with dead letters of this and other processes */
  constructor(folders: readonly string[]) {
    this.#folders = folders;
  }

  /** Makes the next `load` look for new dead letters of other processes. */
  invalidate(): void {
    this.#isCurrent = false;
  }

  /** Reads the latest dead letters of other processes. Skips files and folders that can't be read. */
  async load(): Promise<void> {
    if (this.#isCurrent) return;
    this.#isCurrent = true;
    for (const folder of this.#folders) {
      for (const name of listNewestFirst(folder)) {
        if (this.#keys.size >= MAX_ROWS) return;
        this.#loadFile(folder, name);
        await nextTurn();
      }
    }
  }

  /** Remembers a row. @returns whether it was not known */
  add(letter: DeadLetter): boolean {
    const key = toKey(letter);
    if (this.#keys.has(key)) return false;
    if (this.#keys.size >= MAX_ROWS) {
      for (const oldest of this.#keys) {
        this.#keys.delete(oldest);
        break;
      }
    }
    this.#keys.add(key);
    return true;
  }

  #loadFile(folder: string, name: string): void {
    const path = join(folder, name);
    try {
      const { size } = statSync(path);
      if (this.#sizes.get(path) === size) return;
      for (const letter of readDeadLetters(folder, name)) this.#keys.add(toKey(letter));
      this.#sizes.set(path, size);
    } catch {
      // Another process has removed it, or it belongs to another user.
    }
  }
}

function listNewestFirst(folder: string): string[] {
  try {
    const names = listDeadLetterFiles(folder);
    if (names.length > 0) assertTrustedFolder(folder);
    return names.reverse();
  } catch {
    return [];
  }
}

function toKey({ table, line, encoding }: DeadLetter): string {
  const hash = createHash('sha256').update(`${table} ${encoding ?? ''} ${line}`);
  return hash.digest('base64').slice(0, KEY_LENGTH);
}
