import { coded } from '../../errors.ts';

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

export interface Limits {
  readonly timeoutMs: number | false;
  readonly volumeThreshold: number;
  readonly errorThresholdPercentage: number;
  readonly resetTimeoutMs: number;
}

const LONGEST_MS = 86_400_000;
const NAME = /^[A-Za-z0-9][\w.-]{0,99}$/;

/** The limits with their defaults. @throws PS_BREAKER_INVALID */
export function limitsOf(options: Partial<Limits> & { readonly name: string }): Limits {
  const { name, timeoutMs = 10_000, volumeThreshold = 10 } = options;
  const { errorThresholdPercentage = 50, resetTimeoutMs = 30_000 } = options;
  const refuse = (reason: string) => coded('PS_BREAKER_INVALID', { name: String(name), reason });
  if (typeof name !== 'string' || !NAME.test(name)) {
    throw refuse('its name must be of letters, digits, `-`, `_` and `.`');
  }
  const isTime = (ms: number) => ms >= 1 && ms <= LONGEST_MS;
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
