import { crc32 } from '../../core/crc32.ts';

/** Acknowledged rows are kept for a minute. Only they are sent again. */
const KEEP_MS = 180_000;
const MAX_LINES = 10_000;

/** Remembers lines that became dead letters, because they can be rejected again when rows are sent again. */
export class RejectedLines {
  readonly #now: () => number;
  /** Times by key, oldest first. */
  readonly #times = new Map<string, number>();

  /** @param now returns a monotonic time in ms. Default: `performance.now`. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Remembers a line. */
  add(table: string, line: Buffer): void {
    const nowMs = this.#now();
    for (const [key, ms] of this.#times) {
      if (ms > nowMs - KEEP_MS && this.#times.size < MAX_LINES) break;
      this.#times.delete(key);
    }
    this.#times.set(toKey(table, line), nowMs);
  }

  has(table: string, line: Buffer): boolean {
    return this.#times.has(toKey(table, line));
  }
}

function toKey(table: string, line: Buffer): string {
  return `${table} ${line.length} ${crc32(line)}`;
}
