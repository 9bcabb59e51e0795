import CircuitBreaker from 'opossum';
import { withTimeout } from '../../../core/concurrency.ts';
import type { Channel, DeliveryOutcome, Message } from '../channels/channel.ts';

interface RateLimit {
  readonly messages: number;
  readonly perMs: number;
}

export interface ChannelLimiterOptions {
  readonly limit: () => RateLimit;
  readonly attemptTimeoutMs: number;
  /** How long a broken channel is left alone. */
  readonly circuitBreakMs: number;
  readonly now: () => number;
}

/** Attempts of the last minute that must have failed before a channel counts as broken. */
const MIN_ATTEMPTS = 5;
const MAX_FAILED_PERCENT = 50;
const WINDOW_MS = 60_000;
/** How often a message asks whether a broken channel may be tried. */
const BREAKER_RECHECK_MS = 2000;
/** For a channel that does not heed its signal. */
const ABORT_GRACE_MS = 500;

/** Why no attempt is made at the moment. */
export interface BlockedAttempt {
  readonly reason: 'rate_limited' | 'circuit_open';
  readonly waitMs: number;
}

/** One channel of one receiver: what is limited, and fails, together. */
export class ChannelLimiter {
  readonly #options: ChannelLimiterOptions;
  #limit: RateLimit;
  #bucket: TokenBucket;
  readonly #breaker: CircuitBreaker<[Channel, Message], DeliveryOutcome>;

  constructor(options: ChannelLimiterOptions) {
    this.#options = options;
    this.#limit = options.limit();
    this.#bucket = new TokenBucket(this.#limit, options.now());
    this.#breaker = new CircuitBreaker((channel, message) => this.#deliver(channel, message), {
      timeout: false,
      resetTimeout: options.circuitBreakMs,
      rollingPercentilesEnabled: false,
      volumeThreshold: MIN_ATTEMPTS,
      errorThresholdPercentage: MAX_FAILED_PERCENT,
      rollingCountTimeout: WINDOW_MS,
    });
  }

  /** Takes a place for one attempt. @returns why there is none */
  tryAcquire(): BlockedAttempt | undefined {
    // With half of it over, one attempt is let through to see how it goes.
    const { opened, halfOpen, pendingClose } = this.#breaker;
    if (opened || (halfOpen && !pendingClose)) {
      const waitMs = Math.min(this.#options.circuitBreakMs, BREAKER_RECHECK_MS);
      return { reason: 'circuit_open', waitMs };
    }
    const waitMs = this.#getBucket(this.#options.limit()).take(this.#options.now());
    return waitMs > 0 ? { reason: 'rate_limited', waitMs } : undefined;
  }

  /** The file may have another limit by now. */
  #getBucket(limit: RateLimit): TokenBucket {
    const { messages, perMs } = this.#limit;
    if (limit.messages !== messages || limit.perMs !== perMs) {
      this.#limit = limit;
      this.#bucket = new TokenBucket(limit, this.#options.now());
    }
    return this.#bucket;
  }

  /** Makes one attempt. Never rejects. @returns undefined when the channel was found broken before it */
  async attempt(channel: Channel, message: Message): Promise<DeliveryOutcome | undefined> {
    try {
      return await this.#breaker.fire(channel, message);
    } catch (error) {
      return error instanceof RetryableOutcomeError ? error.outcome : undefined;
    }
  }

  close(): void {
    this.#breaker.shutdown();
  }

  /** Rejects with what may be better next time: only that tells of a broken channel. */
  async #deliver(channel: Channel, message: Message): Promise<DeliveryOutcome> {
    const { attemptTimeoutMs: attemptMs } = this.#options;
    const over = new AbortController();
    const abort = setTimeout(() => over.abort(), attemptMs);
    const outcome = await withTimeout(
      attemptMs + ABORT_GRACE_MS,
      deliverSafely(channel, message, over.signal),
      (): DeliveryOutcome => ({
        status: 'retryable',
        reason: `no answer within ${attemptMs / 1000} s`,
      }),
    );
    clearTimeout(abort);
    if (outcome.status === 'retryable') throw new RetryableOutcomeError(outcome);
    return outcome;
  }
}

/** Channels promise not to reject; one that does must not stop the others. */
async function deliverSafely(channel: Channel, message: Message, signal: AbortSignal) {
  try {
    return await channel.deliver(message, signal);
  } catch {
    return { status: 'retryable', reason: 'the channel failed' } as const;
  }
}

class RetryableOutcomeError extends Error {
  readonly outcome: DeliveryOutcome;

  constructor(outcome: DeliveryOutcome) {
    super(outcome.status);
    this.outcome = outcome;
  }
}

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
