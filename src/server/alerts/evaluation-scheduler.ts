/** Most parts that a round is cut into; each has its moment within the interval. */
const MAX_SLOTS = 30;
/** Between two parts at least, so that short intervals do not become a busy loop. */
const MIN_SLOT_MS = 250;

export interface EvaluationSchedulerOptions {
  readonly intervalMs: number;
  /** How many parts there are to spread. */
  readonly batchCount: number;
  readonly now: () => number;
  /** Evaluates the parts from `from` (of `parts`) up to `to`. Never rejects. */
  readonly run: (from: number, to: number) => Promise<void>;
  /** Parts that came more than an interval after their moment, or not at all. */
  readonly onLate: (from: number, to: number) => void;
}

/**
 * Calls the parts of a round one after another, spread over the interval, and never two at once.
 * When that takes longer than the interval, the rounds that have been missed are left out.
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
    const { batchCount: parts, intervalMs, now } = options;
    const fitting = Math.max(1, Math.floor(intervalMs / MIN_SLOT_MS));
    this.#slots = Math.max(1, Math.min(MAX_SLOTS, parts, fitting));
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
    // A clock that was set back must not stop the evaluation for as long.
    const { intervalMs } = this.#options;
    this.#timer = setTimeout(() => void this.#runSlot(), Math.min(waitMs, intervalMs)).unref();
  }

  async #runSlot(): Promise<void> {
    const { intervalMs, batchCount: parts, now, run, onLate: late } = this.#options;
    const bound = (slot: number) => Math.floor((slot * parts) / this.#slots);
    const [from, to] = [bound(this.#slot), bound(this.#slot + 1)];
    await run(from, to);
    const behindMs = now() - this.#dueMs;
    if (behindMs > intervalMs) late(from, to);
    this.#slot = (this.#slot + 1) % this.#slots;
    this.#dueMs += intervalMs / this.#slots;
    const missed = Math.floor((now() - this.#dueMs) / intervalMs);
    for (let round = 0; round < Math.min(missed, 10); round++) late(0, parts);
    // The clock may have been set back as well.
    if (missed > 0 || missed < -1) this.#dueMs = now();
    this.#scheduleNext();
  }
}
