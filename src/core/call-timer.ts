/** Shorter calls are timed only once in {@link SAMPLE_CALLS}, because timing a call takes 0.1 µs. */
const SHORT_CALL_MS = 0.05;
const SAMPLE_CALLS = 64;
/** Weight of the last call in the mean. */
const MEAN_WEIGHT = 0.1;
/** A call that takes this many times the mean was interrupted, for example by the garbage collection. */
const MAX_MEAN_FACTOR = 8;

let totalMs = 0;
/** Number of timed functions on the stack. Only the outermost one is timed. */
let depth = 0;

/** Estimates the time of all calls of one function. */
export class CallTimer {
  #countdown = 1;
  /** Number of calls that the next timed call represents. */
  #weight = 1;
  #meanMs = 0;

  /**
   * Must be called at the start of each call, and {@link end} at its end.
   *
   * @returns the start time if this call is timed, or 0
   */
  start(): number {
    depth += 1;
    if (depth > 1 || --this.#countdown > 0) return 0;
    return performance.now();
  }

  /** @param startMs the result of {@link start} */
  end(startMs: number): void {
    depth -= 1;
    if (startMs !== 0) this.add(performance.now() - startMs);
  }

  /** Times a call of `work`. */
  run<T>(work: () => T): T {
    const startMs = this.start();
    try {
      return work();
    } finally {
      this.end(startMs);
    }
  }

  /** Adds the duration of a timed call. An interrupted call represents only itself. */
  add(durationMs: number): void {
    const limitMs = SHORT_CALL_MS + MAX_MEAN_FACTOR * this.#meanMs;
    const typicalMs = this.#weight === 1 ? durationMs : Math.min(durationMs, limitMs);
    totalMs += durationMs + (this.#weight - 1) * typicalMs;
    this.#meanMs += MEAN_WEIGHT * (typicalMs - this.#meanMs);
    this.#weight = durationMs > SHORT_CALL_MS ? 1 : SAMPLE_CALLS;
    this.#countdown = this.#weight;
  }
}

/** Returns the estimated time of all calls since the last call of this function, in ms. */
export function takeCallTimeMs(): number {
  const elapsedMs = totalMs;
  totalMs = 0;
  return elapsedMs;
}
