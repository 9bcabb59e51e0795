/** Counts the requests of this process between two health rows. */
export class RequestStats {
  #count = 0;
  #failed = 0;
  #sumMs = 0;

  add(durationMs: number, failed: boolean): void {
    this.#count += 1;
    this.#sumMs += durationMs;
    if (failed) this.#failed += 1;
  }

  /** @returns mean in ms and failed share in percent, undefined without requests; keeps counting */
  peek(): { avgResponseTime: number | undefined; errorRate: number | undefined } {
    if (this.#count === 0) return { avgResponseTime: undefined, errorRate: undefined };
    return {
      avgResponseTime: this.#sumMs / this.#count,
      errorRate: (100 * this.#failed) / this.#count,
    };
  }

  reset(): void {
    this.#count = 0;
    this.#failed = 0;
    this.#sumMs = 0;
  }
}
