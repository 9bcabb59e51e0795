import CircuitBreaker from 'opossum';
import { DAY_MS } from '../../core/duration.ts';
import { createError, type PerfscopeError } from '../../core/errors.ts';

/** How a function is protected. Times in ms. */
export interface ProtectOptions<T = unknown, A extends unknown[] = never, F = never> {
  /** What fails, as `payment-gateway`; functions with one name are opened together. */
  readonly name: string;
  /** Answers instead of `fn` when it fails, hangs or must not be called. */
  readonly fallback?: (this: T, error: Error, ...args: A) => F | Promise<F>;
  /** How long a call may take [10,000]; `false`: as long as it wants. */
  readonly timeoutMs?: number | false;
  /** Calls of the last ten seconds below which nothing is judged [10]. */
  readonly volumeThreshold?: number;
  /** Share of them that must have failed, in percent [50]. */
  readonly errorThresholdPercentage?: number;
  /** How long it stays open before one call is tried again [30,000]. */
  readonly resetTimeoutMs?: number;
  /** Whether an error speaks against the dependency; by default each does. It reaches the caller anyway. */
  readonly isFailure?: (error: unknown) => boolean;
}

interface BreakerLimits {
  readonly timeoutMs: number | false;
  readonly volumeThreshold: number;
  readonly errorThresholdPercentage: number;
  readonly resetTimeoutMs: number;
}

const MAX_TIMEOUT_MS = DAY_MS;
const BREAKER_NAME_PATTERN = /^[A-Za-z0-9][\w.-]{0,99}$/;

/** The limits with their defaults. @throws PS_BREAKER_INVALID */
export function parseBreakerLimits(
  options: Partial<BreakerLimits> & { readonly name: string },
): BreakerLimits {
  const { name, timeoutMs = 10_000, volumeThreshold = 10 } = options;
  const { errorThresholdPercentage = 50, resetTimeoutMs = 30_000 } = options;
  const refuse = (reason: string) =>
    createError('PS_BREAKER_INVALID', { name: String(name), reason });
  if (typeof name !== 'string' || !BREAKER_NAME_PATTERN.test(name)) {
    throw refuse('its name must be of letters, digits, `-`, `_` and `.`');
  }
  const isTime = (ms: number) => ms >= 1 && ms <= MAX_TIMEOUT_MS;
  if (timeoutMs !== false && !isTime(timeoutMs)) throw refuse('timeoutMs must be 1 to 86400000');
  if (!isTime(resetTimeoutMs)) throw refuse('resetTimeoutMs must be 1 to 86400000');
  if (!Number.isInteger(volumeThreshold) || volumeThreshold < 1) {
    throw refuse('volumeThreshold must be a whole number from 1 on');
  }
  if (!(errorThresholdPercentage > 0 && errorThresholdPercentage <= 100)) {
    throw refuse('errorThresholdPercentage must be above 0 and at most 100');
  }
  return { timeoutMs, volumeThreshold, errorThresholdPercentage, resetTimeoutMs };
}

/** opossum's states. */
export const BREAKER_STATES = ['closed', 'half-open', 'open'] as const;
export type BreakerState = (typeof BREAKER_STATES)[number];

/** What became of a call; a call that is answered by a fallback has an outcome before it. */
export type CallOutcome = 'success' | 'failure' | 'timeout' | 'rejected' | 'fallback';

export interface BreakerOptions extends BreakerLimits {
  readonly name: string;
  readonly isFailure: (error: unknown) => boolean;
  readonly onOutcome: (outcome: CallOutcome) => void;
  readonly onStateChange: (state: BreakerState) => void;
}

type BreakerAction = (this: unknown, ...args: unknown[]) => Promise<unknown>;

const ROLLING_WINDOW_MS = 10_000;
/** One call is let through, and decides. */
const HALF_OPEN_STATE = { enabled: true, closed: false, open: false, halfOpen: true } as const;

/** One circuit: opened by its own figures, or from outside for as long as it is told so. */
export class Breaker {
  readonly #action: BreakerAction;
  readonly #options: BreakerOptions;
  #circuit: CircuitBreaker;
  #isForced = false;

  constructor(action: BreakerAction, options: BreakerOptions) {
    this.#action = action;
    this.#options = options;
    this.#circuit = this.#createCircuit();
  }

  get state(): BreakerState {
    if (this.#isForced || this.#circuit.opened) return 'open';
    return this.#circuit.halfOpen ? 'half-open' : 'closed';
  }

  /**
   * Calls the function, unless it is known to fail.
   *
   * @throws what the function throws; PS_BREAKER_OPEN, PS_BREAKER_TIMEOUT
   */
  async call(self: unknown, args: readonly unknown[]): Promise<unknown> {
    const { name, timeoutMs, onOutcome } = this.#options;
    if (this.#isForced) {
      onOutcome('rejected');
      throw createBreakerOpenError(name);
    }
    try {
      return await this.#circuit.call(self, ...args);
    } catch (error) {
      if (!(error instanceof Error) || !CircuitBreaker.isOurError(error)) throw error;
      if ((error as NodeJS.ErrnoException).code !== 'ETIMEDOUT') throw createBreakerOpenError(name);
      throw createError('PS_BREAKER_TIMEOUT', { name, timeoutMs: Number(timeoutMs) });
    }
  }

  /** Lets no call through until it is released. */
  force(): void {
    if (this.#isForced) return;
    const before = this.state;
    this.#isForced = true;
    if (before !== 'open') this.#options.onStateChange('open');
  }

  /** One call decides whether it closes. */
  release(): void {
    if (!this.#isForced) return;
    this.#isForced = false;
    // Its figures are of before; opossum has no way to half-open a circuit but to begin one so.
    this.#circuit.shutdown();
    this.#circuit = this.#createCircuit(HALF_OPEN_STATE);
    this.#options.onStateChange('half-open');
  }

  #createCircuit(state?: typeof HALF_OPEN_STATE): CircuitBreaker {
    const { onOutcome, onStateChange: onState, isFailure, ...limits } = this.#options;
    const circuit = new CircuitBreaker(this.#action, {
      name: limits.name,
      timeout: limits.timeoutMs,
      volumeThreshold: limits.volumeThreshold,
      errorThresholdPercentage: limits.errorThresholdPercentage,
      resetTimeout: limits.resetTimeoutMs,
      rollingCountTimeout: ROLLING_WINDOW_MS,
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
    const tell = (next: BreakerState) => () => this.#isForced || onState(next);
    circuit.on('open', tell('open'));
    circuit.on('halfOpen', tell('half-open'));
    circuit.on('close', tell('closed'));
    return circuit;
  }
}

function createBreakerOpenError(name: string): PerfscopeError {
  return createError('PS_BREAKER_OPEN', { name });
}
