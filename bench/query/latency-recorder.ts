/** What each of several questions took. */
export class LatencyRecorder {
  readonly #all = new Map<string, number[]>();

  async measure<T>(name: string, ask: () => Promise<T>): Promise<T> {
    const startMs = performance.now();
    const answer = await ask();
    this.add(name, performance.now() - startMs);
    return answer;
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

  /** The smallest time that the share `q` of all did not exceed; NaN without any. */
  quantile(name: string, q: number): number {
    const sorted = (this.#all.get(name) ?? []).toSorted((a, b) => a - b);
    return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN;
  }
}
