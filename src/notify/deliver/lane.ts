import CircuitBreaker from 'opossum';
import type { Channel, Message, Outcome } from '../channel.ts';
import { TokenBucket } from './token-bucket.ts';

interface Limit {
  readonly messages: number;
  readonly perMs: number;
}

export interface LaneOptions {
  readonly limit: () => Limit;
  readonly attemptMs: number;
  /** How long a broken channel is left alone. */
  readonly breakMs: number;
  readonly now: () => number;
}

/** Attempts of the last minute that must have failed before a channel counts as broken. */
const LEAST_ATTEMPTS = 5;
const FAILED_PERCENT = 50;
const WINDOW_MS = 60_000;
/** How often a message asks whether a broken channel may be tried. */
const ASK_AGAIN_MS = 2000;
/** For a channel that does not heed its signal. */
const GRACE_MS = 500;

/** Why no attempt is made at the moment. */
export interface Barred {
  readonly reason: 'rate_limited' | 'circuit_open';
  readonly waitMs: number;
}

/** One channel of one receiver: what is limited, and fails, together. */
export class Lane {
  readonly #options: LaneOptions;
  #limit: Limit;
  #bucket: TokenBucket;
  readonly #breaker: CircuitBreaker<[Channel, Message], Outcome>;

  constructor(options: LaneOptions) {
    this.#options = options;
    this.#limit = options.limit();
    this.#bucket = new TokenBucket(this.#limit, options.now());
    this.#breaker = new CircuitBreaker((channel, message) => this.#try(channel, message), {
      timeout: false,
      resetTimeout: options.breakMs,
      rollingPercentilesEnabled: false,
      volumeThreshold: LEAST_ATTEMPTS,
      errorThresholdPercentage: FAILED_PERCENT,
      rollingCountTimeout: WINDOW_MS,
    });
  }

  /** Takes a place for one attempt. @returns why there is none */
  enter(): Barred | undefined {
    // With half of it over, one attempt is let through to see how it goes.
    const { opened, halfOpen, pendingClose } = this.#breaker;
    if (opened || (halfOpen && !pendingClose)) {
      const waitMs = Math.min(this.#options.breakMs, ASK_AGAIN_MS);
      return { reason: 'circuit_open', waitMs };
    }
    const waitMs = this.#bucketOf(this.#options.limit()).take(this.#options.now());
    return waitMs > 0 ? { reason: 'rate_limited', waitMs } : undefined;
  }

  /** The file may have another limit by now. */
  #bucketOf(limit: Limit): TokenBucket {
    const { messages, perMs } = this.#limit;
    if (limit.messages !== messages || limit.perMs !== perMs) {
      this.#limit = limit;
      this.#bucket = new TokenBucket(limit, this.#options.now());
    }
    return this.#bucket;
  }

  /** Makes one attempt. Never rejects. @returns undefined when the channel was found broken before it */
  async attempt(channel: Channel, message: Message): Promise<Outcome | undefined> {
    try {
      return await this.#breaker.fire(channel, message);
    } catch (error) {
      return error instanceof Failed ? error.outcome : undefined;
    }
  }

  close(): void {
    this.#breaker.shutdown();
  }

  /** Rejects with what may be better next time: only that tells of a broken channel. */
  async #try(channel: Channel, message: Message): Promise<Outcome> {
    const { attemptMs } = this.#options;
    const over = new AbortController();
    const abort = setTimeout(() => over.abort(), attemptMs);
    let giveUp: NodeJS.Timeout | undefined;
    const late = new Promise<Outcome>((resolve) => {
      const reason = `no answer within ${attemptMs / 1000} s`;
      giveUp = setTimeout(() => resolve({ status: 'retryable', reason }), attemptMs + GRACE_MS);
    });
    const outcome = await Promise.race([delivered(channel, message, over.signal), late]);
    clearTimeout(abort);
    clearTimeout(giveUp);
    if (outcome.status === 'retryable') throw new Failed(outcome);
    return outcome;
  }
}

/** Channels promise not to reject; one that does must not stop the others. */
async function delivered(channel: Channel, message: Message, signal: AbortSignal) {
  try {
    return await channel.deliver(message, signal);
  } catch {
    return { status: 'retryable', reason: 'the channel failed' } as const;
  }
}

class Failed extends Error {
  readonly outcome: Outcome;

  constructor(outcome: Outcome) {
    super(outcome.status);
    this.outcome = outcome;
  }
}
