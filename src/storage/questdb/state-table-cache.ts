import { setTimeout as delay } from 'node:timers/promises';
import { UNRESTRICTED_SCOPE } from '../../core/tenant-scope.ts';
import { fromTable, type Sql, sql } from '../sql/sql-builder.ts';
import type { ReadRows, Row } from './questdb-reader.ts';

/** Time in ms between two looks: what was changed elsewhere counts here within twice this. */
const REFRESH_INTERVAL_MS = 2000;
/** Least time in ms between two looks that those who ask may cause. */
const MIN_REFRESH_GAP_MS = 250;
/** Longest time in ms until a stored row can be read. */
const VISIBILITY_TIMEOUT_MS = 5000;
const POLL_INTERVAL_MS = 50;

export interface StateTableCacheOptions<T> {
  /** Best over a connection of its own: behind slow queries the next look would come too late. */
  readonly read: ReadRows;
  /** Ms since the epoch. */
  readonly now: () => number;
  /** A table of states: its rows are only ever added. */
  readonly table: string;
  /** Reads all of its rows that count. */
  readonly selectAll: Sql;
  /** What they tell of, by id. */
  readonly parseRows: (rows: readonly Row[]) => ReadonlyMap<string, T>;
  /** Whether what is stored has what was changed here, or a later change. */
  readonly isStored: (own: T, stored: T) => boolean;
}

/**
 * What one server knows of a table of states. It looks there again and again, so that nobody has to
 * tell it of what other servers change.
 */
export class StateTableCache<T> {
  readonly #options: StateTableCacheOptions<T>;
  #stored: ReadonlyMap<string, T> = new Map();
  /** What this process has changed and not yet read back. */
  readonly #local = new Map<string, T>();
  #values: readonly T[] | undefined;
  /** How many rows there were when all were read. */
  #revision = '';
  #lastReadMs: number | undefined;
  #lastAttemptMs = 0;
  #refreshing: Promise<void> | undefined;
  #throttledRefresh: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: StateTableCacheOptions<T>) {
    this.#options = options;
  }

  /** When the last look that succeeded began, in ms since the epoch; undefined before the first. */
  get lastReadMs(): number | undefined {
    return this.#lastReadMs;
  }

  /** The same array as long as nothing has changed. */
  get values(): readonly T[] {
    this.#values ??= [...new Map([...this.#stored, ...this.#local]).values()];
    return this.#values;
  }

  find(id: string): T | undefined {
    return this.#local.get(id) ?? this.#stored.get(id);
  }

  /** Reads all that has changed. @throws PS_UNAVAILABLE */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  /** Looks every two seconds from now on, also after that has failed. */
  startPolling(): void {
    this.#timer ??= setInterval(
      () => void this.refresh().catch(() => {}),
      REFRESH_INTERVAL_MS,
    ).unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /**
   * Looks once more for all who ask at the same time, so that many wrong ids do not become many
   * queries. Never rejects.
   */
  refreshThrottled(): Promise<void> {
    const again = async () => {
      // Bounded, because the clock may have been set back since.
      const wait = Math.min(
        this.#lastAttemptMs + MIN_REFRESH_GAP_MS - this.#options.now(),
        MIN_REFRESH_GAP_MS,
      );
      if (wait > 0) await delay(wait, undefined, { ref: false });
      // A look that has begun already may have missed what was made since.
      await this.#refreshing?.catch(() => {});
      this.#throttledRefresh = undefined;
      await this.refresh().catch(() => {});
    };
    this.#throttledRefresh ??= again();
    return this.#throttledRefresh;
  }

  /** What this process has changed counts here at once. */
  setLocal(id: string, changed: T): void {
    this.#local.set(id, changed);
    this.#values = undefined;
  }

  /** What was stored becomes readable a little later. A change that does not in time is still made. */
  async waitUntilStored(id: string): Promise<void> {
    const deadline = Date.now() + VISIBILITY_TIMEOUT_MS;
    while (this.#local.has(id) && Date.now() < deadline) {
      await this.refresh().catch(() => {});
      if (this.#local.has(id)) await delay(POLL_INTERVAL_MS);
    }
  }

  async #refresh(): Promise<void> {
    const { read, now, table, selectAll: all, parseRows: of, isStored } = this.#options;
    const begun = now();
    this.#lastAttemptMs = begun;
    // Rows are only ever added: as long as there are no more of them, all is known.
    const [mark] = await read(
      UNRESTRICTED_SCOPE,
      sql`SELECT count() AS amount, max(timestamp) AS newest ${fromTable(table)}`,
    );
    const seen = JSON.stringify(mark);
    if (seen !== this.#revision) {
      this.#stored = of(await read(UNRESTRICTED_SCOPE, all));
      this.#revision = seen;
      this.#values = undefined;
    }
    this.#lastReadMs = begun;
    for (const [id, own] of this.#local) {
      const stored = this.#stored.get(id);
      if (stored && isStored(own, stored)) this.#local.delete(id);
    }
  }
}
