import CircuitBreaker from 'opossum';
import { DAY_MS } from '../../core/duration.ts';
import { createError, type PerfscopeError } from '../../core/perfscope-error.ts';

/** Options of `protect`. All times are in ms. */
export interface ProtectOptions<T = unknown, A extends unknown[] = never, F = never> {
  /**
   * Name of the dependency, such as `payment-gateway`: letters, digits, `.`, `-`, and `_`. An alert
   * opens all breakers with the same name.
   */
  readonly name: string;
  /** Returns a result if `fn` fails, times out, or is not called. Default: the error is thrown. */
  readonly fallback?: (this: T, error: Error, ...args: A) => F | Promise<F>;
  /** Time limit for a call, or `false` for no limit. Default: 10,000. */
  readonly timeoutMs?: number | false;
  /** Number of calls within 10 s that are needed before the breaker can open. Default: 10. */
  readonly volumeThreshold?: number;
  /** Percentage of failed calls within 10 s that opens the breaker. Default: 50. */
  readonly errorThresholdPercentage?: number;
  /** Time until an open breaker allows one test call. Default: 30,000. */
  readonly resetTimeoutMs?: number;
  /**
   * Returns whether an error counts as a failure of the dependency. Other errors are thrown to the
   * caller, even if there is a fallback. Default: every error counts.
   */
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

/**
 * Returns the limits, with defaults for unset options.
 *
 * @throws PS_BREAKER_INVALID if an option is invalid
 */
export function parseBreakerLimits(
  options: Partial<BreakerLimits> & { readonly name: string },
): BreakerLimits {
  const { name, timeoutMs = 10_000, volumeThreshold = 10 } = options;
  const { errorThresholdPercentage = 50, resetTimeoutMs = 30_000 } = options;
  const createInvalidError = (reason: string) =>
    createError('PS_BREAKER_INVALID', { name: String(name), reason });
  if (typeof name !== 'string' || !BREAKER_NAME_PATTERN.test(name)) {
    throw createInvalidError(
      'its name must start with a letter or digit, followed by letters, digits, `-`, `_`, or `.`',
    );
  }
  const isTime = (ms: number) => ms >= 1 && ms <= MAX_TIMEOUT_MS;
  if (timeoutMs !== false && !isTime(timeoutMs)) {
    throw createInvalidError('timeoutMs must be from 1 to 86400000, or false');
  }
  if (!isTime(resetTimeoutMs)) {
    throw createInvalidError('resetTimeoutMs must be from 1 to 86400000');
  }
  if (!Number.isInteger(volumeThreshold) || volumeThreshold < 1) {
    throw createInvalidError('volumeThreshold must be a whole number of at least 1');
  }
  if (!(errorThresholdPercentage > 0 && errorThresholdPercentage <= 100)) {
    throw createInvalidError('errorThresholdPercentage must be greater than 0 and at most 100');
  }
  return { timeoutMs, volumeThreshold, errorThresholdPercentage, resetTimeoutMs };
}

/** States of an opossum circuit, from best to worst. */
export const BREAKER_STATES = ['closed', 'half-open', 'open'] as const;
export type BreakerState = (typeof BREAKER_STATES)[number];

/** Outcome of a call. `fallback` is reported in addition to the outcome that caused it. */
export type CallOutcome = 'success' | 'failure' | 'timeout' | 'rejected' | 'fallback';

export interface BreakerOptions extends BreakerLimits {
  readonly name: string;
  readonly isFailure: (error: unknown) => boolean;
  readonly onOutcome: (outcome: CallOutcome) => void;
  readonly onStateChange: (state: BreakerState) => void;
}

type BreakerAction = (this: unknown, ...args: unknown[]) => Promise<unknown>;

const ROLLING_WINDOW_MS = 10_000;
/** Allows one call. Its outcome opens or closes the circuit. */
const HALF_OPEN_STATE = { enabled: true, closed: false, open: false, halfOpen: true } as const;

/** A circuit breaker that opens after too many failures, or while it is forced open. */
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
   * Calls the function if the breaker allows it.
   *
   * @throws the error of the function
   * @throws PS_BREAKER_OPEN if the breaker is open
   * @throws PS_BREAKER_TIMEOUT if the call exceeds the time limit
   */
  async call(thisArg: unknown, args: readonly unknown[]): Promise<unknown> {
    const { name, timeoutMs, onOutcome } = this.#options;
    if (this.#isForced) {
      onOutcome('rejected');
      throw createBreakerOpenError(name);
    }
    try {
      return await this.#circuit.call(thisArg, ...args);
    } catch (error) {
      if (!(error instanceof Error) || !CircuitBreaker.isOurError(error)) throw error;
      if ((error as NodeJS.ErrnoException).code !== 'ETIMEDOUT') throw createBreakerOpenError(name);
      throw createError('PS_BREAKER_TIMEOUT', { name, timeoutMs: Number(timeoutMs) });
    }
  }

  /** Rejects all calls until `release` is called. */
  force(): void {
    if (this.#isForced) return;
    const previousState = this.state;
    this.#isForced = true;
    if (previousState !== 'open') this.#options.onStateChange('open');
  }

  /** Stops forcing the breaker open. The next call decides whether the breaker opens or closes. */
  release(): void {
    if (!this.#isForced) return;
    this.#isForced = false;
    // The old counts are out of date. In opossum, only a new circuit can start half-open.
    this.#circuit.shutdown();
    this.#circuit = this.#createCircuit(HALF_OPEN_STATE);
    this.#options.onStateChange('half-open');
  }

  #createCircuit(initialState?: typeof HALF_OPEN_STATE): CircuitBreaker {
    const { onOutcome, onStateChange, isFailure, ...limits } = this.#options;
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
      ...(initialState && {
        state: { ...initialState, name: limits.name, warmUp: false, shutdown: false },
      }),
    } as CircuitBreaker.Options);
    circuit.on('success', () => onOutcome('success'));
    circuit.on('timeout', () => onOutcome('timeout'));
    circuit.on('reject', () => onOutcome('rejected'));
    // opossum also reports a timeout as a failure.
    circuit.on('failure', (error) => {
      if (!CircuitBreaker.isOurError(error ?? {})) onOutcome('failure');
    });
    // While the breaker is forced open, its state does not depend on the circuit.
    const report = (state: BreakerState) => () => this.#isForced || onStateChange(state);
    circuit.on('open', report('open'));
    circuit.on('halfOpen', report('half-open'));
    circuit.on('close', report('closed'));
    return circuit;
  }
}

function createBreakerOpenError(name: string): PerfscopeError {
  return createError('PS_BREAKER_OPEN', { name });
}
