import { guard } from './guard.ts';

/** About 24.8 days. Node.js replaces a longer delay by 1 ms, and prints a warning. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/**
 * Calls `fn` once after `delayMs`, which can be any duration. `Infinity` means never. See
 * {@link guard} for `part` and for the failures of `fn`.
 *
 * @returns the timer for `clearTimeout`
 */
export function startTimeout(part: string, fn: () => unknown, delayMs: number): NodeJS.Timeout {
  if (!(delayMs > MAX_DELAY_MS)) return unref(setTimeout(guard(part, fn), delayMs));
  const timer: NodeJS.Timeout = startLongInterval(
    part,
    () => {
      clearInterval(timer);
      return fn();
    },
    delayMs,
  );
  return timer;
}

/**
 * Calls `fn` every `intervalMs`, which can be any duration. See {@link guard} for `part` and for the
 * failures of `fn`.
 *
 * @returns the timer for `clearInterval`
 */
export function startInterval(part: string, fn: () => unknown, intervalMs: number): NodeJS.Timeout {
  if (intervalMs > MAX_DELAY_MS) return startLongInterval(part, fn, intervalMs);
  return unref(setInterval(guard(part, fn), intervalMs));
}

/** Calls `fn` every `intervalMs`, with a timer that runs several times per interval. */
function startLongInterval(part: string, fn: () => unknown, intervalMs: number): NodeJS.Timeout {
  const delaysMs = splitDelay(intervalMs);
  let ticks = 0;
  const tick = guard(part, () => {
    ticks += 1;
    return ticks % delaysMs.count === 0 ? fn() : undefined;
  });
  return unref(setInterval(tick, delaysMs.eachMs));
}

/** Splits a delay into equal delays that Node.js supports. Rounds up to whole milliseconds. */
export function splitDelay(delayMs: number): { readonly count: number; readonly eachMs: number } {
  const count = Math.max(1, Math.ceil(delayMs / MAX_DELAY_MS));
  const isInfinite = count === Number.POSITIVE_INFINITY;
  return { count, eachMs: isInfinite ? MAX_DELAY_MS : Math.ceil(delayMs / count) };
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
