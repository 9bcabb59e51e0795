import { CallTimer } from './call-timer.ts';
import { stderrLogger } from './log.ts';
import { createError, errorMessage } from './perfscope-error.ts';

// Stored on the global object, because `register` and the application can load separate copies.
const FAILURES_KEY = Symbol.for('perfscope.guard.failures');
const sharedGlobal = globalThis as { [FAILURES_KEY]?: Map<string, number> };

function getFailures(): Map<string, number> {
  let failures = sharedGlobal[FAILURES_KEY];
  if (!failures) {
    failures = new Map();
    Object.defineProperty(globalThis, FAILURES_KEY, { value: failures });
  }
  return failures;
}

/** Number of failures by part since the process started. See {@link guard}. */
export function getGuardFailures(): ReadonlyMap<string, number> {
  return getFailures();
}

/** A guarded function has at most five parameters. */
type GuardedArguments = [unknown?, unknown?, unknown?, unknown?, unknown?];
type FiveArgumentFunction = (
  this: unknown,
  a: unknown,
  b: unknown,
  c: unknown,
  d: unknown,
  e: unknown,
) => unknown;

/**
 * Wraps a callback that the agent installs in the application's process, such as a timer, a
 * listener, or a patched method. The wrapper never throws, and a promise that it returns never
 * rejects: losing a measurement is better than failing the application. Failures are counted by
 * part, and the first failure of each part is logged.
 *
 * @param part what fails, in a few words, such as `the queue metrics`. A constant, so that the number
 * of parts is bounded.
 * @returns a function with the same `this`, arguments, and result, or undefined after a failure
 * @example
 * subscribe('http.server.request.start', guard('the request metrics', onStart));
 */
export function guard<T, A extends GuardedArguments, R>(
  part: string,
  fn: (this: T, ...args: A) => R,
): (this: T, ...args: A) => R | undefined {
  const timer = new CallTimer();
  const call = fn as unknown as FiveArgumentFunction;
  // Without rest parameters, a call takes a third of the time until V8 optimizes it.
  const guarded: FiveArgumentFunction = function (a, b, c, d, e) {
    const startMs = timer.start();
    let result: unknown;
    try {
      result = call.call(this, a, b, c, d, e);
      if (result !== undefined && isPromise(result)) result = catchFailure(part, result);
    } catch (error) {
      result = undefined;
      reportFailure(part, error);
    }
    timer.end(startMs);
    return result;
  };
  return guarded as unknown as (this: T, ...args: A) => R | undefined;
}

/** Runs `fn` once, guarded as by {@link guard}, but without a timer. */
export function runGuarded<R>(part: string, fn: () => R): R | undefined {
  try {
    const result = fn();
    return isPromise(result) ? (catchFailure(part, result) as R) : result;
  } catch (error) {
    reportFailure(part, error);
    return undefined;
  }
}

/**
 * Starts `task` and doesn't wait for its result. See {@link guard} for `part` and for the failures of
 * `task`.
 */
export function startTask(part: string, task: () => unknown): void {
  runGuarded(part, task);
}

function isPromise(result: unknown): result is Promise<unknown> {
  return result instanceof Promise;
}

async function catchFailure(part: string, promise: Promise<unknown>): Promise<unknown> {
  try {
    return await promise;
  } catch (error) {
    reportFailure(part, error);
    return undefined;
  }
}

/** Counts a failure, and logs the first one of each part. Never throws. */
export function reportFailure(part: string, error: unknown): void {
  try {
    if (countFailure(part) > 1) return;
    stderrLogger.warn(
      createError('PS_AGENT_FAILURE', { part, reason: errorMessage(error) }).message,
    );
  } catch {
    // The thrown value can't be read. Only its count is kept.
  }
}

/**
 * Counts a failure that is logged elsewhere.
 *
 * @returns the number of failures of this part, including this one
 */
export function countFailure(part: string): number {
  const failures = getFailures();
  const count = (failures.get(part) ?? 0) + 1;
  failures.set(part, count);
  return count;
}
