/** Maximum number of results that are kept. */
const MAX_RESULTS = 50;

interface KeptResult<T> {
  readonly atMs: number;
  readonly result: T;
}

/**
 * Keeps finished results for a short time. Results that are still being computed aren't shared, because the limits of a
 * caller apply to the queries of that caller.
 */
export class RecentResults<T> {
  readonly #results = new Map<string, KeptResult<T>>();
  readonly #keptMs: number;

  /** @param keptMs time for which a result is returned again */
  constructor(keptMs: number) {
    this.#keptMs = keptMs;
  }

  /** @param key identifies all inputs of the result, including the scope */
  async get(key: string, nowMs: number, compute: () => Promise<T>): Promise<T> {
    const kept = this.#results.get(key);
    if (kept && Math.abs(nowMs - kept.atMs) < this.#keptMs) return kept.result;
    const result = await compute();
    this.#results.delete(key);
    this.#results.set(key, { atMs: nowMs, result });
    const oldest = this.#results.keys().next().value;
    if (this.#results.size > MAX_RESULTS && oldest !== undefined) this.#results.delete(oldest);
    return result;
  }
}
