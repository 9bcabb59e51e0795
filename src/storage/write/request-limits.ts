/** Maximum size of a request in bytes. Larger requests are not faster. */
export const MAX_REQUEST_BYTES = 4 * 1024 * 1024;
/** Requests of at most this size, in bytes, are never divided because of their size. */
export const MIN_REQUEST_BYTES = 8 * 1024;
const MIN_DEADLINE_MS = 10_000;
const MAX_DEADLINE_MS = 60_000;
/** The deadline is the expected duration multiplied by this factor. */
const DEADLINE_FACTOR = 3;
/** Number of timeouts of small requests after which a request has the maximum time. A silent peer is more frequent. */
const PATIENT_REQUEST = 4;
/** Number of full requests that must succeed before requests become larger. */
const GROWTH_STREAK = 3;
/** Time for which the size of a request that was too large is remembered, in ms. */
const REFUSED_SIZE_MS = 300_000;
/** The rate of a smaller and faster request is only a lower limit, because most of its duration is response time. */
const MIN_MEASURED_BYTES = 64 * 1024;
const MIN_MEASURED_MS = 1000;
const RATE_WEIGHT = 0.3;
/** Requests don't become larger if they would take longer than this, in ms. */
const MAX_EXPECTED_MS = MAX_DEADLINE_MS / DEADLINE_FACTOR;

/** Adapts the size and the deadline of requests to the connection. */
export class RequestLimits {
  readonly #now: () => number;
  #maxBytes = MAX_REQUEST_BYTES;
  #streak = 0;
  /** Number of requests in a row whose connection was closed. */
  #cuts = 0;
  /** Number of small requests in a row that had no response in time. */
  #timeouts = 0;
  /** Bytes per ms of the last requests. */
  #rate: number | undefined;
  #refused: { readonly bytes: number; readonly untilMs: number } | undefined;

  /** @param now returns a monotonic time in ms. Default: `performance.now`. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Maximum size of the next request, in bytes. */
  get maxBytes(): number {
    return this.#maxBytes;
  }

  /**
   * Returns the time limit for a request, in ms: three times the expected duration, from 10 s to 60 s. After four
   * timeouts of requests that can't be smaller, one request has 60 s.
   */
  getDeadlineMs(bytes: number): number {
    const expectedMs = this.#rate === undefined ? 0 : bytes / this.#rate;
    if (this.#timeouts > 0 && this.#timeouts % PATIENT_REQUEST === 0) return MAX_DEADLINE_MS;
    return Math.min(MAX_DEADLINE_MS, Math.max(MIN_DEADLINE_MS, expectedMs * DEADLINE_FACTOR));
  }

  /** Call it after a request of `bytes` was stored. */
  onStored(bytes: number, durationMs: number): void {
    this.#cuts = 0;
    this.#timeouts = 0;
    const rate = bytes / Math.max(1, durationMs);
    if (bytes >= MIN_MEASURED_BYTES || durationMs >= MIN_MEASURED_MS) {
      this.#rate = this.#rate === undefined ? rate : this.#rate + (rate - this.#rate) * RATE_WEIGHT;
    } else if (this.#rate !== undefined && rate > this.#rate) this.#rate = rate;
    if (bytes < this.#maxBytes / 2 || ++this.#streak < GROWTH_STREAK) return;
    this.#streak = 0;
    const larger = Math.min(this.#maxBytes * 2, MAX_REQUEST_BYTES);
    if (this.#rate !== undefined && larger / this.#rate > MAX_EXPECTED_MS) return;
    if (this.#refused && this.#now() > this.#refused.untilMs) this.#refused = undefined;
    if (this.#refused === undefined || larger < this.#refused.bytes) this.#maxBytes = larger;
  }

  /** Call it after a request of `bytes` had no response in time. The next request is half as large. */
  onTimeout(bytes: number): void {
    if (bytes > MIN_REQUEST_BYTES) this.#halve(bytes);
    else this.#timeouts++;
  }

  /** Call it after the connection was closed during a request. After the second time, requests become smaller. */
  onCut(bytes: number): void {
    if (++this.#cuts >= 2 && bytes > MIN_REQUEST_BYTES) this.#halve(bytes);
  }

  /**
   * Call it after a request was too large. The next request is half as large.
   *
   * @returns whether a smaller request is possible
   */
  onTooLarge(bytes: number): boolean {
    const untilMs = this.#now() + REFUSED_SIZE_MS;
    this.#refused = { bytes: Math.min(bytes, this.#refused?.bytes ?? bytes), untilMs };
    this.#halve(bytes);
    return bytes > MIN_REQUEST_BYTES;
  }

  #halve(bytes: number): void {
    this.#streak = 0;
    const half = Math.floor(Math.min(this.#maxBytes, bytes) / 2);
    this.#maxBytes = Math.max(MIN_REQUEST_BYTES, half);
  }
}
