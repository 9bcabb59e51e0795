import type { Logger } from '../../core/log.ts';

/** A failure is logged after this time without success, in ms. A restart of QuestDB is often shorter. */
const REPORT_AFTER_MS = 4000;

/**
 * Logs once when QuestDB doesn't accept rows, and once when it accepts rows again. Doesn't log warnings, because no
 * rows are lost.
 */
export class SendStatus {
  readonly #log: Logger;
  readonly #now: () => number;
  /** Start of the first failed attempt since the last success. */
  #failingSinceMs: number | undefined;
  #isReported = false;
  #isPaused = false;

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

  onPaused(reason: string): void {
    this.#failingSinceMs = undefined;
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#isReported = true;
    this.#log.info(`Writes to QuestDB are paused (${reason}). Rows are kept in the spool.`);
  }

  /** @returns whether a failure or a pause was logged before, and has ended */
  onStored(): boolean {
    this.#failingSinceMs = undefined;
    this.#isPaused = false;
    if (!this.#isReported) return false;
    this.#isReported = false;
    this.#log.info('QuestDB accepts rows again.');
    return true;
  }
}
