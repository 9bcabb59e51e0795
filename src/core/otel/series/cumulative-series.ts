import { SeriesTransaction } from './cumulative-to-delta.ts';
import { SeriesStates, type SeriesStatesOptions } from './series-states.ts';

/**
 * Converts cumulative series to deltas. Requests are converted one after the other, so each one continues exactly where
 * the one before has ended.
 */
export class CumulativeSeries {
  readonly states: SeriesStates;
  #isOpen = false;
  readonly #waiting: (() => void)[] = [];

  constructor(options: SeriesStatesOptions) {
    this.states = new SeriesStates(options);
  }

  /** Number of known series. */
  get size(): number {
    return this.states.size;
  }

  /** Number of series that were forgotten because there were more than 200,000, or too many buckets. */
  get droppedSeries(): number {
    return this.states.droppedSeries;
  }

  /** Whether a transaction is open. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /**
   * Starts a transaction. Always end it with `commit` or `rollback`.
   *
   * @param nowMs current time in ms since the epoch
   * @throws Error if another transaction is open
   */
  begin(nowMs: number): SeriesTransaction {
    if (this.#isOpen) throw new Error('another transaction is open');
    return this.#open(nowMs);
  }

  /** Same as `begin`, but waits for the end of the earlier transactions. `now` returns the current time. */
  async beginNext(now: () => number = Date.now): Promise<SeriesTransaction> {
    if (!this.#isOpen && this.#waiting.length === 0) return this.#open(now());
    // Already reserved when it resolves, so that no other transaction starts in between.
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return this.#open(now());
  }

  #open(nowMs: number): SeriesTransaction {
    this.#isOpen = true;
    return new SeriesTransaction(this.states, nowMs, () => this.#onEnd());
  }

  #onEnd(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#isOpen = false;
  }
}
