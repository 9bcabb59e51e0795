import CircuitBreaker from 'opossum';
import { coded, type PerfscopeError } from '../../errors.ts';
import type { Limits } from './options.ts';

/** opossum's states. */
export const BREAKER_STATES = ['closed', 'half-open', 'open'] as const;
export type BreakerState = (typeof BREAKER_STATES)[number];

/** What became of a call; a call that is answered by a fallback has an outcome before it. */
export type Outcome = 'success' | 'failure' | 'timeout' | 'rejected' | 'fallback';

export interface BreakerOptions extends Limits {
  readonly name: string;
  readonly isFailure: (error: unknown) => boolean;
  readonly onOutcome: (outcome: Outcome) => void;
  readonly onState: (state: BreakerState) => void;
}

type Action = (this: unknown, ...args: unknown[]) => Promise<unknown>;

const WINDOW_MS = 10_000;
/** One call is let through, and decides. */
const HALF_OPEN = { enabled: true, closed: false, open: false, halfOpen: true } as const;

/** One circuit: opened by its own figures, or from outside for as long as it is told so. */
export class Breaker {
  readonly #action: Action;
  readonly #options: BreakerOptions;
  #circuit: CircuitBreaker;
  #forced = false;

  constructor(action: Action, options: BreakerOptions) {
    this.#action = action;
    this.#options = options;
    this.#circuit = this.#open();
  }

  get state(): BreakerState {
    if (this.#forced || this.#circuit.opened) return 'open';
    return this.#circuit.halfOpen ? 'half-open' : 'closed';
  }

  /**
   * Calls the function, unless it is known to fail.
   *
   * @throws what the function throws; PS_BREAKER_OPEN, PS_BREAKER_TIMEOUT
   */
  async call(self: unknown, args: readonly unknown[]): Promise<unknown> {
    const { name, timeoutMs, onOutcome } = this.#options;
    if (this.#forced) {
      onOutcome('rejected');
      throw rejection(name);
    }
    try {
      return await this.#circuit.call(self, ...args);
    } catch (error) {
      if (!(error instanceof Error) || !CircuitBreaker.isOurError(error)) throw error;
      if ((error as NodeJS.ErrnoException).code !== 'ETIMEDOUT') throw rejection(name);
      throw coded('PS_BREAKER_TIMEOUT', { name, timeoutMs: Number(timeoutMs) });
    }
  }

  /** Lets no call through until it is released. */
  force(): void {
    if (this.#forced) return;
    const before = this.state;
    this.#forced = true;
    if (before !== 'open') this.#options.onState('open');
  }

  /** One call decides whether it closes. */
  release(): void {
    if (!this.#forced) return;
    this.#forced = false;
    // Its figures are of before; opossum has no way to half-open a circuit but to begin one so.
    this.#circuit.shutdown();
    this.#circuit = this.#open(HALF_OPEN);
    this.#options.onState('half-open');
  }

  #open(state?: typeof HALF_OPEN): CircuitBreaker {
    const { onOutcome, onState, isFailure, ...limits } = this.#options;
    const circuit = new CircuitBreaker(this.#action, {
      name: limits.name,
      timeout: limits.timeoutMs,
      volumeThreshold: limits.volumeThreshold,
      errorThresholdPercentage: limits.errorThresholdPercentage,
      resetTimeout: limits.resetTimeoutMs,
      rollingCountTimeout: WINDOW_MS,
      rollingPercentilesEnabled: false,
      enableSnapshots: false,
      errorFilter: (error: unknown) => !isFailure(error),
      ...(state && { state: { ...state, name: limits.name, warmUp: false, shutdown: false } }),
    } as CircuitBreaker.Options);
    circuit.on('success', () => onOutcome('success'));
    circuit.on('timeout', () => onOutcome('timeout'));
    circuit.on('reject', () => onOutcome('rejected'));
    // A timeout is told as a failure too.
    circuit.on('failure', (error) => {
      if (!CircuitBreaker.isOurError(error ?? {})) onOutcome('failure');
    });
    // While it is forced, its own figures change nothing that can be seen.
    const tell = (next: BreakerState) => () => this.#forced || onState(next);
    circuit.on('open', tell('open'));
    circuit.on('halfOpen', tell('half-open'));
    circuit.on('close', tell('closed'));
    return circuit;
  }
}

function rejection(name: string): PerfscopeError {
  return coded('PS_BREAKER_OPEN', { name });
}
