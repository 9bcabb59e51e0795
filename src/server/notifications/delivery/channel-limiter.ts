import CircuitBreaker from 'opossum';
import { withTimeout } from '../../../core/concurrency.ts';
import type { Channel, DeliveryOutcome, Message } from '../channels/channel.ts';
import type { RateLimit } from '../config/notification-config.ts';

export interface ChannelLimiterOptions {
  readonly limit: () => RateLimit;
  readonly attemptTimeoutMs: number;
  /** How long the circuit breaker stays open after repeated failures. */
  readonly circuitBreakMs: number;
  readonly now: () => number;
}

/** Number of attempts within a minute before the failure rate can open the breaker. */
const MIN_ATTEMPTS = 5;
const MAX_FAILED_PERCENT = 50;
const WINDOW_MS = 60_000;
/** How often a waiting message checks whether the breaker allows an attempt. */
const BREAKER_RECHECK_MS = 2000;
/** Extra time for a channel that ignores its abort signal. */
const ABORT_GRACE_MS = 500;

/** Why an attempt is not allowed now. */
export interface BlockedAttempt {
  readonly reason: 'rate_limited' | 'circuit_open';
  readonly waitMs: number;
}

/** Rate limit and circuit breaker for one of a receiver's channels. */
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

  /** Reserves one attempt. Returns the reason if no attempt is allowed now. */
  tryAcquire(): BlockedAttempt | undefined {
    // A half-open breaker allows one attempt to test the channel.
    const { opened, halfOpen, pendingClose } = this.#breaker;
    if (opened || (halfOpen && !pendingClose)) {
      const waitMs = Math.min(this.#options.circuitBreakMs, BREAKER_RECHECK_MS);
      return { reason: 'circuit_open', waitMs };
    }
    const waitMs = this.#getBucket(this.#options.limit()).take(this.#options.now());
    return waitMs > 0 ? { reason: 'rate_limited', waitMs } : undefined;
  }

  /** Replaces the bucket if the configured limit has changed. */
  #getBucket(limit: RateLimit): TokenBucket {
    const { messages, perMs } = this.#limit;
    if (limit.messages !== messages || limit.perMs !== perMs) {
      this.#limit = limit;
      this.#bucket = new TokenBucket(limit, this.#options.now());
    }
    return this.#bucket;
  }

  /** Makes one attempt. Never rejects. Returns `undefined` if the breaker was open. */
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

  /** Rejects with retryable outcomes, because only these count as failures of the channel. */
  async #deliver(channel: Channel, message: Message): Promise<DeliveryOutcome> {
    const { attemptTimeoutMs } = this.#options;
    const controller = new AbortController();
    const abort = setTimeout(() => controller.abort(), attemptTimeoutMs);
    const outcome = await withTimeout(
      attemptTimeoutMs + ABORT_GRACE_MS,
      deliverSafely(channel, message, controller.signal),
      (): DeliveryOutcome => ({
        status: 'retryable',
        reason: `no response within ${attemptTimeoutMs / 1000} s`,
      }),
    );
    clearTimeout(abort);
    if (outcome.status === 'retryable') throw new RetryableOutcomeError(outcome);
    return outcome;
  }
}

/**
 * Converts a rejection to an outcome. Channels shouldn't reject, but a bug in one channel must not
 * stop the others.
 */
async function deliverSafely(channel: Channel, message: Message, signal: AbortSignal) {
  try {
    return await channel.deliver(message, signal);
  } catch {
    return { status: 'retryable', reason: 'the channel failed unexpectedly' } as const;
  }
}

class RetryableOutcomeError extends Error {
  readonly outcome: DeliveryOutcome;

  constructor(outcome: DeliveryOutcome) {
    super(outcome.status);
    this.outcome = outcome;
  }
}

/** A token bucket: allows `messages` per `perMs`, in a burst or evenly spread. */
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

  /** Takes a token. Returns 0, or the time in ms until a token is available. */
  take(now: number): number {
    // If the clock was set back, no tokens are added or removed.
    const elapsedMs = Math.max(0, now - this.#atMs);
    this.#tokens = Math.min(this.#capacity, this.#tokens + elapsedMs * this.#perMs);
    this.#atMs = now;
    if (this.#tokens >= 1) {
      this.#tokens -= 1;
      return 0;
    }
    return Math.ceil((1 - this.#tokens) / this.#perMs);
  }
}
