import { errorMessage, PerfscopeError } from '../../core/perfscope-error.ts';

/** Maximum duration of a request to a working QuestDB, in ms. */
const MAX_RESPONSE_MS = 5000;

/**
 * Runs a request periodically and reports whether the server responds. Waits for each response before
 * the next request, so an unresponsive server doesn't accumulate requests.
 */
export class ResponseMonitor<T> {
  readonly #request: () => Promise<T>;
  readonly #now: () => number;
  #pending: Promise<void> | undefined;
  #pendingSinceMs = 0;
  #failure: string | undefined;
  #latest: T | undefined;

  /** @param now time in ms, from any monotonic clock */
  constructor(request: () => Promise<T>, now: () => number) {
    this.#request = request;
    this.#now = now;
  }

  /** Sends a request, unless one is pending. Resolves after the response or failure. Never rejects. */
  run(): Promise<void> {
    if (!this.#pending) {
      this.#pendingSinceMs = this.#now();
      this.#pending = this.#send().finally(() => {
        this.#pending = undefined;
      });
    }
    return this.#pending;
  }

  /** Why the server is unreachable. Undefined if it responds. */
  get failure(): string | undefined {
    const waitingMs = this.#pending ? this.#now() - this.#pendingSinceMs : 0;
    if (waitingMs < MAX_RESPONSE_MS) return this.#failure;
    return `no response for ${Math.floor(waitingMs / 1000)} s`;
  }

  /** The latest response. Undefined before the first response. */
  get latest(): T | undefined {
    return this.#latest;
  }

  async #send(): Promise<void> {
    try {
      this.#latest = await this.#request();
      this.#failure = undefined;
    } catch (error) {
      this.#failure = getReason(error);
    }
  }
}

/** Returns the cause without advice, because the caller's message contains its own advice. */
function getReason(error: unknown): string {
  const reason = error instanceof PerfscopeError ? error.params.reason : undefined;
  return typeof reason === 'string' ? reason : errorMessage(error);
}
