const MIN_BACKOFF_MS = 200;
const MAX_BACKOFF_MS = 5000;
/** Number of failures in a row after which rows of other tables are read from the spool. */
const BLOCKED_FAILURES = 4;

interface TableState {
  failures: number;
  nextTryMs: number;
}

/**
 * Decides which tables can be sent. A table that QuestDB doesn't accept waits after each failure, so that the rows of
 * other tables are sent in the meantime.
 */
export class TableSchedule {
  readonly #now: () => number;
  readonly #states = new Map<string, TableState>();
  readonly #slow = new Set<string>();
  /** A table with a slow request. It can't be sent before the request ends. */
  busy: string | undefined;

  /** @param now returns a monotonic time in ms. Default: `performance.now`. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Whether a request for the table can be sent now. */
  canSend(table: string): boolean {
    return table !== this.busy && this.getWaitMs(table) === 0;
  }

  /** Whether the table waits for so long that rows of other tables must not wait for it. */
  isBlocked(table: string): boolean {
    if (table === this.busy) return true;
    return this.#getFailures(table) >= BLOCKED_FAILURES && this.getWaitMs(table) > 0;
  }

  /** Whether the last request for the table was slow. */
  isSlow(table: string): boolean {
    return this.#slow.has(table);
  }

  /** Whether requests for a table fail. */
  get hasFailures(): boolean {
    return this.#states.size > 0;
  }

  /** Returns the time until the next request for the table, in ms. */
  getWaitMs(table: string): number {
    return Math.max(0, (this.#states.get(table)?.nextTryMs ?? 0) - this.#now());
  }

  /** Returns the time until the next request for a table that fails, in ms. Returns `maxMs` if that is shorter. */
  getShortestWaitMs(maxMs: number): number {
    return Math.min(maxMs, ...[...this.#states.keys()].map((table) => this.getWaitMs(table)));
  }

  onStored(table: string): void {
    // The cause is often the same for all tables.
    if (this.#states.delete(table)) this.retryNow();
  }

  /** @param isTimeout whether QuestDB did not respond in time. Such a table is blocked immediately. */
  onFailure(table: string, isTimeout: boolean): void {
    const failures = Math.max(this.#getFailures(table) + 1, isTimeout ? BLOCKED_FAILURES : 0);
    const waitMs = Math.min(MIN_BACKOFF_MS * 2 ** (failures - 1), MAX_BACKOFF_MS);
    // Half of the wait is random, so that many services don't retry at the same time.
    const nextTryMs = this.#now() + waitMs * (0.5 + Math.random() / 2);
    this.#states.set(table, { failures, nextTryMs });
  }

  setSlow(table: string, isSlow: boolean): void {
    if (isSlow) this.#slow.add(table);
    else this.#slow.delete(table);
  }

  /** Ends all waits. */
  retryNow(): void {
    for (const state of this.#states.values()) state.nextTryMs = 0;
  }

  #getFailures(table: string): number {
    return this.#states.get(table)?.failures ?? 0;
  }
}
