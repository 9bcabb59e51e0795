/** Records durations by name. */
export class LatencyRecorder {
  readonly #all = new Map<string, number[]>();

  async measure<T>(name: string, run: () => Promise<T>): Promise<T> {
    const startMs = performance.now();
    const result = await run();
    this.add(name, performance.now() - startMs);
    return result;
  }

  add(name: string, ms: number): void {
    const times = this.#all.get(name);
    if (times) times.push(ms);
    else this.#all.set(name, [ms]);
  }

  count(name: string): number {
    return this.#all.get(name)?.length ?? 0;
  }

  mean(name: string): number {
    const all = this.#all.get(name) ?? [];
    return all.reduce((sum, ms) => sum + ms, 0) / all.length;
  }

  /** Returns a quantile of the recorded durations in ms, or NaN if there are none. */
  quantile(name: string, q: number): number {
    const sorted = (this.#all.get(name) ?? []).toSorted((a, b) => a - b);
    return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN;
  }
}
