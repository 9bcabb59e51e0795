import { setTimeout as delay } from 'node:timers/promises';
import { UNRESTRICTED_SCOPE } from '../../core/tenant-scope.ts';
import { fromTable, type Sql, sql } from '../sql/sql-builder.ts';
import type { ReadRows, Row } from './postgres-wire-reader.ts';

/** Polling interval in ms. Changes by other servers are visible within two intervals. */
const REFRESH_INTERVAL_MS = 2000;
/** Minimum time in ms between two throttled refreshes. */
const MIN_REFRESH_GAP_MS = 250;
/** Maximum time in ms to wait until a stored row can be read. */
const VISIBILITY_TIMEOUT_MS = 5000;
const POLL_INTERVAL_MS = 50;

export interface StateTableCacheOptions<T> {
  /** Should use its own connection, so that slow queries don't delay the next refresh. */
  readonly read: ReadRows;
  /** Current time in ms since the epoch. */
  readonly now: () => number;
  /** A state table. Its rows are never changed or deleted. */
  readonly table: string;
  /** Selects all current rows of the table. */
  readonly selectAll: Sql;
  /** Converts the rows to values by ID. */
  readonly parseRows: (rows: readonly Row[]) => ReadonlyMap<string, T>;
  /** Returns whether the stored value includes this process's change or a later change. */
  readonly isStored: (local: T, stored: T) => boolean;
}

/** Keeps a copy of a state table in memory and polls the table for changes by other servers. */
export class StateTableCache<T> {
  readonly #options: StateTableCacheOptions<T>;
  #stored: ReadonlyMap<string, T> = new Map();
  /** Changes by this process that have not been read back from the table yet. */
  readonly #local = new Map<string, T>();
  #values: readonly T[] | undefined;
  /** Row count and newest timestamp at the last complete read. */
  #revision = '';
  #lastReadMs: number | undefined;
  #lastAttemptMs = 0;
  #refreshing: Promise<void> | undefined;
  #throttledRefresh: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: StateTableCacheOptions<T>) {
    this.#options = options;
  }

  /** Start time of the last successful refresh, in ms since the epoch. */
  get lastReadMs(): number | undefined {
    return this.#lastReadMs;
  }

  /** All values. Returns the same array until something changes. */
  get values(): readonly T[] {
    this.#values ??= [...new Map([...this.#stored, ...this.#local]).values()];
    return this.#values;
  }

  find(id: string): T | undefined {
    return this.#local.get(id) ?? this.#stored.get(id);
  }

  /**
   * Reads the table if it has changed.
   *
   * @throws PS_UNAVAILABLE
   */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  /** Refreshes every 2 s. Continues after a failed refresh. */
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
   * Refreshes once for all concurrent callers, at most every 250 ms, so that requests with unknown
   * IDs don't cause one query each. Never rejects.
   */
  refreshThrottled(): Promise<void> {
    const refreshLater = async () => {
      // The upper bound matters if the clock was set back since the last attempt.
      const waitMs = Math.min(
        this.#lastAttemptMs + MIN_REFRESH_GAP_MS - this.#options.now(),
        MIN_REFRESH_GAP_MS,
      );
      if (waitMs > 0) await delay(waitMs, undefined, { ref: false });
      // A refresh that is already running can miss rows that were stored after it started.
      await this.#refreshing?.catch(() => {});
      this.#throttledRefresh = undefined;
      await this.refresh().catch(() => {});
    };
    this.#throttledRefresh ??= refreshLater();
    return this.#throttledRefresh;
  }

  /** Makes a change by this process visible immediately. */
  setLocal(id: string, value: T): void {
    this.#local.set(id, value);
    this.#values = undefined;
  }

  /**
   * Waits up to 5 s until a change by this process can be read from the table. Then resolves
   * anyway, because the change is already stored.
   */
  async waitUntilStored(id: string): Promise<void> {
    const deadline = Date.now() + VISIBILITY_TIMEOUT_MS;
    while (this.#local.has(id) && Date.now() < deadline) {
      await this.refresh().catch(() => {});
      if (this.#local.has(id)) await delay(POLL_INTERVAL_MS);
    }
  }

  async #refresh(): Promise<void> {
    const { read, now, table, selectAll, parseRows, isStored } = this.#options;
    const startedMs = now();
    this.#lastAttemptMs = startedMs;
    // Rows are only added, so an unchanged row count means that nothing has changed.
    const [latest] = await read(
      UNRESTRICTED_SCOPE,
      sql`SELECT count() AS amount, max(timestamp) AS newest ${fromTable(table)}`,
    );
    const revision = JSON.stringify(latest);
    if (revision !== this.#revision) {
      this.#stored = parseRows(await read(UNRESTRICTED_SCOPE, selectAll));
      this.#revision = revision;
      this.#values = undefined;
    }
    this.#lastReadMs = startedMs;
    for (const [id, local] of this.#local) {
      const stored = this.#stored.get(id);
      if (stored && isStored(local, stored)) this.#local.delete(id);
    }
  }
}
