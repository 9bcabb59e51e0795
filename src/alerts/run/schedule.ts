/** Most parts that a round is cut into; each has its moment within the interval. */
const MOST_SLOTS = 30;
/** Between two parts at least, so that short intervals do not become a busy loop. */
const LEAST_SLOT_MS = 250;

export interface ScheduleOptions {
  readonly intervalMs: number;
  /** How many parts there are to spread. */
  readonly parts: number;
  readonly now: () => number;
  /** Evaluates the parts from `from` (of `parts`) up to `to`. Never rejects. */
  readonly run: (from: number, to: number) => Promise<void>;
  /** Parts that came more than an interval after their moment, or not at all. */
  readonly late: (from: number, to: number) => void;
}

/**
 * Calls the parts of a round one after another, spread over the interval, and never two at once.
 * When that takes longer than the interval, the rounds that have been missed are left out.
 */
export class Schedule {
  readonly #options: ScheduleOptions;
  readonly #slots: number;
  #timer: NodeJS.Timeout | undefined;
  #ended = false;
  #slot = 0;
  #dueMs: number;

  constructor(options: ScheduleOptions) {
    this.#options = options;
    const { parts, intervalMs, now } = options;
    const fitting = Math.max(1, Math.floor(intervalMs / LEAST_SLOT_MS));
    this.#slots = Math.max(1, Math.min(MOST_SLOTS, parts, fitting));
    this.#dueMs = now();
    this.#arm();
  }

  stop(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
  }

  #arm(): void {
    if (this.#ended) return;
    const waitMs = Math.max(0, this.#dueMs - this.#options.now());
    // A clock that was set back must not stop the evaluation for as long.
    const { intervalMs } = this.#options;
    this.#timer = setTimeout(() => void this.#next(), Math.min(waitMs, intervalMs)).unref();
  }

  async #next(): Promise<void> {
    const { intervalMs, parts, now, run, late } = this.#options;
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
    this.#arm();
  }
}
