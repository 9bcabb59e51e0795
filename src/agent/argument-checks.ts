import { createError, type PerfscopeError } from '../core/perfscope-error.ts';

/** @param fn name of the public function */
export function createArgumentError(fn: string, argument: string, reason: string): PerfscopeError {
  return createError('PS_ARGUMENT_INVALID', { fn, argument, reason });
}

/** @throws PS_ARGUMENT_INVALID if `value` is not a function */
export function checkFunction(fn: string, argument: string, value: unknown): void {
  if (typeof value !== 'function') throw createArgumentError(fn, argument, 'is not a function');
}

/** @throws PS_ARGUMENT_INVALID if `value` is not a function, `undefined`, or `null` */
export function checkOptionalFunction(fn: string, argument: string, value: unknown): void {
  if (value !== undefined && value !== null) checkFunction(fn, argument, value);
}

/** @throws PS_ARGUMENT_INVALID if `value` is not a string, or is empty */
export function checkName(fn: string, argument: string, value: unknown): void {
  if (typeof value !== 'string' || value === '') {
    throw createArgumentError(fn, argument, 'is not a non-empty string');
  }
}

/**
 * Returns a number of milliseconds within a range, or the default for `undefined` and `null`.
 *
 * @throws PS_ARGUMENT_INVALID if `value` is not a number
 */
export function toMsInRange(
  fn: string,
  argument: string,
  value: unknown,
  { min, max, fallback }: { min: number; max: number; fallback: number },
): number {
  if (value === undefined || value === null) return fallback;
  if (typeof value !== 'number' || Number.isNaN(value)) {
    throw createArgumentError(fn, argument, 'is not a number of milliseconds');
  }
  return Math.min(max, Math.max(min, value));
}

/**
 * Copies the listed properties of `options`, so that each getter runs once. `undefined` and `null`
 * have the same meaning, for the options and for each property.
 *
 * @throws PS_ARGUMENT_INVALID if `options` is not an object, or one of its getters throws
 */
export function readOptions<T extends object, K extends keyof T & string>(
  fn: string,
  options: T | undefined | null,
  names: readonly K[],
): Pick<T, K> {
  if (options !== undefined && options !== null && typeof options !== 'object') {
    throw createArgumentError(fn, 'options', 'is not an object');
  }
  try {
    const entries = names.map((name) => [name, options?.[name] ?? undefined]);
    return Object.fromEntries(entries.filter(([, value]) => value !== undefined)) as Pick<T, K>;
  } catch {
    throw createArgumentError(fn, 'options', "can't be read, because a property throws an error");
  }
}

/** Never throws, even if `value` is a Proxy. */
export function isValidDate(value: unknown): value is Date {
  try {
    return value instanceof Date && !Number.isNaN(value.getTime());
  } catch {
    return false;
  }
}
