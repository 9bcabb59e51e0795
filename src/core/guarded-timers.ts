import { guard } from './guard.ts';

/** About 24.8 days. Node.js replaces a longer delay by 1 ms, and prints a warning. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/**
 * Calls `fn` after `delayMs`, or after 24.8 days if that is earlier. See {@link guard} for `part` and
 * for the failures of `fn`.
 *
 * @returns the timer for `clearTimeout`
 */
export function startTimeout(part: string, fn: () => unknown, delayMs: number): NodeJS.Timeout {
  return unref(setTimeout(guard(part, fn), Math.min(delayMs, MAX_DELAY_MS)));
}

/**
 * Calls `fn` every `intervalMs`. See {@link guard} for `part` and for the failures of `fn`.
 *
 * @returns the timer for `clearInterval`
 */
export function startInterval(part: string, fn: () => unknown, intervalMs: number): NodeJS.Timeout {
  return unref(setInterval(guard(part, fn), intervalMs));
}

/**
 * Calls `fn` in the next turn of the event loop. See {@link guard} for `part` and for the failures
 * of `fn`.
 *
 * @returns the timer for `clearImmediate`
 */
export function startImmediate(part: string, fn: () => unknown): NodeJS.Immediate {
  return unref(setImmediate(guard(part, fn)));
}

/** Calls `fn` after the current operation, before the event loop continues. */
export function startNextTick(part: string, fn: () => unknown): void {
  process.nextTick(guard(part, fn));
}

/** Fake timers of test libraries can be numbers, which have no `unref`. */
function unref<T extends { unref(): unknown }>(timer: T): T {
  if (typeof timer === 'object' && typeof timer.unref === 'function') timer.unref();
  return timer;
}
