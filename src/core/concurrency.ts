import pLimit, { type LimitFunction } from 'p-limit';
import pMap from 'p-map';
import pTimeout from 'p-timeout';
import { startTimeout } from './guarded-timers.ts';
import { createError } from './perfscope-error.ts';

/** Timers that don't keep the process alive. */
const UNREF_TIMERS = {
  setTimeout: ((callback: () => void, ms = 0) =>
    startTimeout('a time limit', callback, ms)) as typeof setTimeout,
  clearTimeout: (timer: NodeJS.Timeout | string | number | undefined) => clearTimeout(timer),
};

export interface TimeoutOptions {
  /** Whether the timer keeps the process alive until `work` settles. Default: true. */
  readonly keepAlive?: boolean;
}

/**
 * Returns the result of `work`, or the result of `onTimeout` if `work` takes longer than `ms`.
 * `onTimeout` can throw. The work itself is not canceled, but its later rejection is ignored.
 */
export function withTimeout<T, F>(
  ms: number,
  work: Promise<T>,
  onTimeout: () => F,
  { keepAlive = true }: TimeoutOptions = {},
): Promise<T | F> {
  return pTimeout(work, {
    // p-timeout throws if the time is not positive. Here, that means the time is already up.
    milliseconds: ms > 0 ? ms : 1,
    fallback: onTimeout,
    ...(!keepAlive && { customTimers: UNREF_TIMERS }),
  });
}

/**
 * Returns the result of `query`.
 *
 * @throws PS_QUERY_TOO_LONG if it takes longer than `ms`
 */
export function withQueryTimeout<T>(ms: number, query: Promise<T>): Promise<T> {
  return withTimeout(ms, query, () => {
    throw createError('PS_QUERY_TOO_LONG', {});
  });
}

/** Runs one task at a time, in the order in which they were added. */
export class SerialQueue {
  readonly #limit: LimitFunction = pLimit(1);
  readonly #onFailure: (error: unknown) => void;
  #last: Promise<void> = Promise.resolve();

  /** @param onFailure receives the error of a failed task. The next task still runs. */
  constructor(onFailure: (error: unknown) => void) {
    this.#onFailure = onFailure;
  }

  /** Adds a task. The promise resolves when the task ends, even if it fails. */
  enqueue(task: () => Promise<void>): Promise<void> {
    // Handle the failure within the limit, so that `onFailure` runs before the next task starts.
    this.#last = this.#limit(async () => {
      try {
        await task();
      } catch (error) {
        this.#onFailure(error);
      }
    });
    return this.#last;
  }

  /** Resolves when all tasks that were added before have ended. */
  get whenIdle(): Promise<void> {
    return this.#last;
  }
}

/**
 * Calls `fn` for each item, with at most `concurrency` calls at a time. If a call fails, the other
 * items are still processed.
 *
 * @throws an AggregateError with all failures, after the last call has ended
 */
export async function mapLimit<T>(
  items: readonly T[],
  concurrency: number,
  fn: (item: T) => Promise<void>,
): Promise<void> {
  await pMap(items, fn, { concurrency, stopOnError: false });
}
