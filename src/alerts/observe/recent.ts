/** What has been counted in the last minutes. */
export class Recent {
  readonly #windowMs: number;
  #counted: { ms: number; count: number }[] = [];

  constructor(windowMs = 300_000) {
    this.#windowMs = windowMs;
  }

  add(count: number, now: number): void {
    if (count > 0) this.#counted.push({ ms: now, count });
  }

  total(now: number): number {
    this.#counted = this.#counted.filter(({ ms }) => ms > now - this.#windowMs);
    return this.#counted.reduce((sum, { count }) => sum + count, 0);
  }
}
