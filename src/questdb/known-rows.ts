import { setTimeout as delay } from 'node:timers/promises';
import { EVERYTHING } from '../schema/scope.ts';
import type { Read, Row } from './reader.ts';
import { from, type Sql, sql } from './statement.ts';

/** Time in ms between two looks: what was changed elsewhere counts here within twice this. */
const REFRESH_MS = 2000;
/** Least time in ms between two looks that those who ask may cause. */
const LEAST_GAP_MS = 250;
/** Longest time in ms until a stored row can be read. */
const VISIBLE_WITHIN_MS = 5000;
const POLL_MS = 50;

export interface KnownRowsOptions<T> {
  /** Best over a connection of its own: behind slow queries the next look would come too late. */
  readonly read: Read;
  /** Ms since the epoch. */
  readonly now: () => number;
  /** A table of states: its rows are only ever added. */
  readonly table: string;
  /** Reads all of its rows that count. */
  readonly all: Sql;
  /** What they tell of, by id. */
  readonly of: (rows: readonly Row[]) => ReadonlyMap<string, T>;
  /** Whether what is stored has what was changed here, or a later change. */
  readonly isStored: (own: T, stored: T) => boolean;
}

/**
 * What one server knows of a table of states. It looks there again and again, so that nobody has to
 * tell it of what other servers change.
 */
export class KnownRows<T> {
  readonly #options: KnownRowsOptions<T>;
  #stored: ReadonlyMap<string, T> = new Map();
  /** What this process has changed and not yet read back. */
  readonly #own = new Map<string, T>();
  #all: readonly T[] | undefined;
  /** How many rows there were when all were read. */
  #seen = '';
  #readAt: number | undefined;
  #triedAt = 0;
  #looking: Promise<void> | undefined;
  #lookingAgain: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: KnownRowsOptions<T>) {
    this.#options = options;
  }

  /** When the last look that succeeded began, in ms since the epoch; undefined before the first. */
  get readAt(): number | undefined {
    return this.#readAt;
  }

  /** The same array as long as nothing has changed. */
  get all(): readonly T[] {
    this.#all ??= [...new Map([...this.#stored, ...this.#own]).values()];
    return this.#all;
  }

  find(id: string): T | undefined {
    return this.#own.get(id) ?? this.#stored.get(id);
  }

  /** Reads all that has changed. @throws PS_UNAVAILABLE */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  /** Looks every two seconds from now on, also after that has failed. */
  watch(): void {
    this.#timer ??= setInterval(() => void this.look().catch(() => {}), REFRESH_MS).unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /**
   * Looks once more for all who ask at the same time, so that many wrong ids do not become many
   * queries. Never rejects.
   */
  lookAgain(): Promise<void> {
    const again = async () => {
      // Bounded, because the clock may have been set back since.
      const wait = Math.min(this.#triedAt + LEAST_GAP_MS - this.#options.now(), LEAST_GAP_MS);
      if (wait > 0) await delay(wait, undefined, { ref: false });
      // A look that has begun already may have missed what was made since.
      await this.#looking?.catch(() => {});
      this.#lookingAgain = undefined;
      await this.look().catch(() => {});
    };
    this.#lookingAgain ??= again();
    return this.#lookingAgain;
  }

  /** What this process has changed counts here at once. */
  remember(id: string, changed: T): void {
    this.#own.set(id, changed);
    this.#all = undefined;
  }

  /** What was stored becomes readable a little later. A change that does not in time is still made. */
  async untilRead(id: string): Promise<void> {
    const deadline = Date.now() + VISIBLE_WITHIN_MS;
    while (this.#own.has(id) && Date.now() < deadline) {
      await this.look().catch(() => {});
      if (this.#own.has(id)) await delay(POLL_MS);
    }
  }

  async #look(): Promise<void> {
    const { read, now, table, all, of, isStored } = this.#options;
    const begun = now();
    this.#triedAt = begun;
    // Rows are only ever added: as long as there are no more of them, all is known.
    const [mark] = await read(
      EVERYTHING,
      sql`SELECT count() AS amount, max(timestamp) AS newest ${from(table)}`,
    );
    const seen = JSON.stringify(mark);
    if (seen !== this.#seen) {
      this.#stored = of(await read(EVERYTHING, all));
      this.#seen = seen;
      this.#all = undefined;
    }
    this.#readAt = begun;
    for (const [id, own] of this.#own) {
      const stored = this.#stored.get(id);
      if (stored && isStored(own, stored)) this.#own.delete(id);
    }
  }
}
