import { startTimeout } from '../../core/guarded-timers.ts';

/** Maximum number of slots per interval. The batches are spread over the slots. */
const MAX_SLOTS = 30;
/** Minimum duration of a slot, so that short intervals don't become a busy loop. */
const MIN_SLOT_MS = 250;

export interface EvaluationSchedulerOptions {
  readonly intervalMs: number;
  /** Number of batches to spread over the interval. */
  readonly batchCount: number;
  readonly now: () => number;
  /** Evaluates the batches with indexes `from` to `to - 1`. Never rejects. */
  readonly run: (from: number, to: number) => Promise<void>;
  /** Called with batches that ran more than one interval late or were skipped. */
  readonly onLate: (from: number, to: number) => void;
}

/**
 * Runs batches one after another, spread over the interval. Two batches never run at the same time.
 * If all batches together take longer than the interval, the missed rounds are skipped.
 */
export class EvaluationScheduler {
  readonly #options: EvaluationSchedulerOptions;
  readonly #slots: number;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;
  #slot = 0;
  #dueMs: number;

  constructor(options: EvaluationSchedulerOptions) {
    this.#options = options;
    const { batchCount, intervalMs, now } = options;
    const slotsPerInterval = Math.max(1, Math.floor(intervalMs / MIN_SLOT_MS));
    this.#slots = Math.max(1, Math.min(MAX_SLOTS, batchCount, slotsPerInterval));
    this.#dueMs = now();
    this.#scheduleNext();
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  #scheduleNext(): void {
    if (this.#isStopped) return;
    const waitMs = Math.max(0, this.#dueMs - this.#options.now());
    // If the clock was set back, the evaluation must not wait until the clock catches up.
    const { intervalMs } = this.#options;
    const run = () => this.#runSlot();
    this.#timer = startTimeout('the alert evaluation', run, Math.min(waitMs, intervalMs));
  }

  async #runSlot(): Promise<void> {
    const { intervalMs, batchCount, now, run, onLate } = this.#options;
    const getFirstBatch = (slot: number) => Math.floor((slot * batchCount) / this.#slots);
    const [from, to] = [getFirstBatch(this.#slot), getFirstBatch(this.#slot + 1)];
    await run(from, to);
    const behindMs = now() - this.#dueMs;
    if (behindMs > intervalMs) onLate(from, to);
    this.#slot = (this.#slot + 1) % this.#slots;
    this.#dueMs += intervalMs / this.#slots;
    const missed = Math.floor((now() - this.#dueMs) / intervalMs);
    for (let round = 0; round < Math.min(missed, 10); round++) onLate(0, batchCount);
    // A negative number means that the clock was set back.
    if (missed > 0 || missed < -1) this.#dueMs = now();
    this.#scheduleNext();
  }
}
