import CircuitBreaker from 'opossum';
import { DAY_MS } from '../../core/duration.ts';
import { guard, reportFailure } from '../../core/guard.ts';
import { createError, type PerfscopeError } from '../../core/perfscope-error.ts';
import { readOptions } from '../argument-checks.ts';

/** What fails, for {@link guard}. */
const PART = 'the circuit breakers';

/**
 * Options of `protect`. All times are in ms.
 *
 * @typeParam T type of `this` in the function
 * @typeParam A types of the arguments of the function
 * @typeParam F type of the result of the fallback
 */
export interface ProtectOptions<T = unknown, A extends unknown[] = never, F = never> {
  /**
   * Name of the dependency, such as `payment-gateway`: up to 100 letters, digits, `.`, `-`, and `_`. It starts with a
   * letter or digit. An alert opens all breakers with the same name.
   */
  readonly name: string;
  /** Returns a result if `fn` fails, times out, or is not called. Default: the error is thrown. */
  readonly fallback?: (this: T, error: Error, ...args: A) => F | Promise<F>;
  /** Time limit for a call in ms, from 1 to 86,400,000 (a day), or `false` for no limit. Default: 10,000. */
  readonly timeoutMs?: number | false;
  /** Number of calls within 10 s that are needed before the breaker can open, at least 1. Default: 10. */
  readonly volumeThreshold?: number;
  /** Percentage of failed calls within 10 s that opens the breaker, above 0 and up to 100. Default: 50. */
  readonly errorThresholdPercentage?: number;
  /** Time until an open breaker allows one test call, in ms, from 1 to 86,400,000. Default: 30,000. */
  readonly resetTimeoutMs?: number;
  /**
   * Returns whether an error counts as a failure of the dependency. Other errors are thrown to the
   * caller, even if there is a fallback. If it throws, the error counts. Default: every error counts.
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

/** Options of `protect` with defaults. */
interface ParsedProtectOptions<T, A extends unknown[], F> extends BreakerLimits {
  readonly name: string;
  readonly fallback: ProtectOptions<T, A, F>['fallback'];
  /** Never throws. An error for which the application's function throws counts as a failure. */
  readonly isFailure: (error: unknown) => boolean;
}

const OPTION_NAMES = [
  'name',
  'fallback',
  'timeoutMs',
  'volumeThreshold',
  'errorThresholdPercentage',
  'resetTimeoutMs',
  'isFailure',
] as const;

/**
 * Returns the options, with defaults for unset options.
 *
 * @throws PS_BREAKER_INVALID if an option is invalid
 * @throws PS_ARGUMENT_INVALID if `options` can't be read
 */
export function parseProtectOptions<T, A extends unknown[], F>(
  options: ProtectOptions<T, A, F>,
): ParsedProtectOptions<T, A, F> {
  const given = readOptions('protect', options, OPTION_NAMES);
  const { name, timeoutMs = 10_000, volumeThreshold = 10, fallback, isFailure } = given;
  const { errorThresholdPercentage = 50, resetTimeoutMs = 30_000 } = given;
  const createInvalidError = (reason: string) =>
    createError('PS_BREAKER_INVALID', { name: toText(name), reason });
  if (typeof name !== 'string' || !BREAKER_NAME_PATTERN.test(name)) {
    throw createInvalidError(
      'its name must start with a letter or digit, followed by letters, digits, `-`, `_`, or `.`',
    );
  }
  if (timeoutMs !== false && !isInRange(timeoutMs, 1, MAX_TIMEOUT_MS)) {
    throw createInvalidError('timeoutMs must be from 1 to 86400000, or false');
  }
  if (!isInRange(resetTimeoutMs, 1, MAX_TIMEOUT_MS)) {
    throw createInvalidError('resetTimeoutMs must be from 1 to 86400000');
  }
  if (!Number.isInteger(volumeThreshold) || volumeThreshold < 1) {
    throw createInvalidError('volumeThreshold must be a whole number of at least 1');
  }
  if (!isInRange(errorThresholdPercentage, 0, 100) || errorThresholdPercentage === 0) {
    throw createInvalidError('errorThresholdPercentage must be greater than 0 and at most 100');
  }
  if (fallback !== undefined && typeof fallback !== 'function') {
    throw createInvalidError('fallback must be a function');
  }
  if (isFailure !== undefined && typeof isFailure !== 'function') {
    throw createInvalidError('isFailure must be a function');
  }
  const limits = { timeoutMs, volumeThreshold, errorThresholdPercentage, resetTimeoutMs };
  return { ...limits, name, fallback, isFailure: createFailureCheck(isFailure) };
}

function isInRange(value: unknown, min: number, max: number): boolean {
  return typeof value === 'number' && value >= min && value <= max;
}

function toText(name: unknown): string {
  return typeof name === 'string' ? name : `(${typeof name})`;
}

/**
 * Returns a function that never throws. An error in it would end the process or leave the call
 * pending, because opossum calls it in timers and promise handlers.
 */
function createFailureCheck(
  isFailure: ProtectOptions['isFailure'] = () => true,
): (error: unknown) => boolean {
  return (error) => {
    try {
      return isFailure(error);
    } catch (thrown) {
      reportFailure("the application's isFailure option", thrown);
      return true;
    }
  };
}

/** Returns the thrown value if it is an error. Otherwise, returns an error with its text. */
export function toError(thrown: unknown): Error {
  try {
    return thrown instanceof Error ? thrown : new Error(String(thrown));
  } catch {
    return new Error('the thrown value cannot be read');
  }
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
    this.#options = {
      ...options,
      onOutcome: guard(PART, options.onOutcome),
      onStateChange: guard(PART, options.onStateChange),
    };
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
      if (!isCreatedByBreaker(error)) throw error;
      if (error.code !== 'ETIMEDOUT') throw createBreakerOpenError(name);
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
    circuit.on(
      'success',
      guard(PART, () => onOutcome('success')),
    );
    circuit.on(
      'timeout',
      guard(PART, () => onOutcome('timeout')),
    );
    circuit.on(
      'reject',
      guard(PART, () => onOutcome('rejected')),
    );
    // opossum also reports a timeout as a failure.
    circuit.on(
      'failure',
      guard(PART, (error: unknown) => {
        if (!isCreatedByBreaker(error)) onOutcome('failure');
      }),
    );
    // While the breaker is forced open, its state does not depend on the circuit.
    const report = (state: BreakerState) =>
      guard(PART, () => this.#isForced || onStateChange(state));
    circuit.on('open', report('open'));
    circuit.on('halfOpen', report('half-open'));
    circuit.on('close', report('closed'));
    return circuit;
  }
}

function isCreatedByBreaker(error: unknown): error is NodeJS.ErrnoException {
  try {
    return error instanceof Error && CircuitBreaker.isOurError(error);
  } catch {
    return false;
  }
}

function createBreakerOpenError(name: string): PerfscopeError {
  return createError('PS_BREAKER_OPEN', { name });
}
