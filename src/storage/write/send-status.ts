import type { Logger } from '../../core/log.ts';

/** A failure is logged after this time without success, in ms. A restart of QuestDB is often shorter. */
const REPORT_AFTER_MS = 4000;

/**
 * Logs once when QuestDB doesn't accept rows, and once when it accepts rows again. If QuestDB accepts the rows of other
 * tables, the message contains the table. Doesn't log warnings, because no rows are lost.
 */
export class SendStatus {
  readonly #log: Logger;
  readonly #now: () => number;
  /** Start of the first failed attempt since the last success. */
  #failingSinceMs: number | undefined;
  #isReported = false;
  #isPaused = false;
  /** Start of the first failed attempt of each table since its last success. */
  readonly #failingTables = new Map<string, number>();
  readonly #reportedTables = new Set<string>();
  #lastStoredMs = Number.NEGATIVE_INFINITY;

  /** @param now returns a monotonic time in ms */
  constructor(log: Logger, now: () => number) {
    this.#log = log;
    this.#now = now;
  }

  /** @param startMs start of the failed attempt */
  onFailure(startMs: number, reason: string): void {
    this.#failingSinceMs ??= startMs;
    if (this.#isReported || this.#now() - this.#failingSinceMs < REPORT_AFTER_MS) return;
    this.#isReported = true;
    this.#log.info(
      `QuestDB does not accept rows (${reason}). Rows are kept in the spool and will be retried.`,
    );
  }

  /** @param startMs start of the failed attempt */
  onTableFailure(table: string, startMs: number, reason: string): void {
    const sinceMs = this.#failingTables.get(table) ?? startMs;
    this.#failingTables.set(table, sinceMs);
    if (this.#lastStoredMs <= sinceMs) {
      this.onFailure(startMs, reason);
      return;
    }
    if (this.#reportedTables.has(table) || this.#now() - sinceMs < REPORT_AFTER_MS) return;
    this.#reportedTables.add(table);
    this.#log.info(
      `QuestDB does not accept rows of the table ${table} (${reason}). Rows are kept in the spool and will be retried.`,
    );
  }

  onPaused(reason: string): void {
    this.#failingSinceMs = undefined;
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#isReported = true;
    this.#log.info(`Writes to QuestDB are paused (${reason}). Rows are kept in the spool.`);
  }

  /** @returns whether a failure or a pause was logged before, and has ended */
  onStored(table: string): boolean {
    this.#lastStoredMs = this.#now();
    this.#failingTables.delete(table);
    const wasReported = this.#reportedTables.delete(table);
    if (wasReported) this.#log.info(`QuestDB accepts rows of the table ${table} again.`);
    return this.#endFailure() || wasReported;
  }

  #endFailure(): boolean {
    this.#failingSinceMs = undefined;
    this.#isPaused = false;
    if (!this.#isReported) return false;
    this.#isReported = false;
    this.#log.info('QuestDB accepts rows again.');
    return true;
  }
}
