/** Lets so many through within a time, at once or one by one. */
export class TokenBucket {
  readonly #capacity: number;
  readonly #perMs: number;
  #tokens: number;
  #atMs: number;

  constructor({ messages, perMs }: { messages: number; perMs: number }, now: number) {
    this.#capacity = messages;
    this.#perMs = messages / perMs;
    this.#tokens = messages;
    this.#atMs = now;
  }

  /** Takes one. @returns 0, or for how many ms to wait before asking again */
  take(now: number): number {
    // A clock that was set back gives none, and takes none.
    const passedMs = Math.max(0, now - this.#atMs);
    this.#tokens = Math.min(this.#capacity, this.#tokens + passedMs * this.#perMs);
    this.#atMs = now;
    if (this.#tokens >= 1) {
      this.#tokens -= 1;
      return 0;
    }
    return Math.ceil((1 - this.#tokens) / this.#perMs);
  }
}
