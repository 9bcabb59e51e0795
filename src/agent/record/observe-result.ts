import { types } from 'node:util';
import { reportFailure } from '../../core/guard.ts';
import { type Method, observePromise } from '../instrumentation/loading/method-patching.ts';

/** A call whose duration is measured. The methods never throw. */
export interface TrackedCall {
  /** Measures from now on. */
  restart(): void;
  /** Records the duration, and what the function threw, if this is known. Only the first call has an effect. */
  end(failed: boolean, error?: unknown): void;
}

/** What fails, for {@link reportFailure}. */
const PART = 'the result of a measured function';

/**
 * Returns the result of a function, and ends the call when the result is complete. Promises and other
 * thenables are complete when they settle, and generators when they are done.
 */
export function observeResult(result: unknown, call: TrackedCall): unknown {
  try {
    if (types.isPromise(result) && isPlainPromise(result)) return derivePromise(result, call);
    if (types.isGeneratorObject(result)) {
      observeGenerator(result as unknown as Record<string, Method>, call);
      return result;
    }
    const then = isObject(result) ? (result as { then?: unknown }).then : undefined;
    if (typeof then === 'function') {
      observeThenable(result as object, then as Method, call);
      return result;
    }
  } catch (error) {
    // For example, the result is frozen, or a Proxy whose traps throw.
    reportFailure(PART, error);
  }
  call.end(false);
  return result;
}

function isObject(value: unknown): boolean {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}

/** Whether the promise belongs to no subclass. Each realm has its own prototype of promises. */
function isPlainPromise(promise: object): boolean {
  const prototype = Object.getPrototypeOf(promise) as object;
  return Object.hasOwn(prototype, 'then') && Object.hasOwn(prototype, Symbol.toStringTag);
}

/**
 * Returns a new promise with the same properties. See {@link observePromise} for the reason. `await`
 * doesn't call `then` of such a promise, so `then` can't be replaced.
 */
function derivePromise<T>(promise: Promise<T>, call: TrackedCall): Promise<T> {
  const derived = observePromise(
    promise,
    () => call.end(false),
    (error) => call.end(true, error),
  );
  if (derived === promise) return promise;
  return Object.defineProperties(derived, Object.getOwnPropertyDescriptors(promise));
}

/**
 * Replaces `then` until the application calls it. Calling `then` here could start the operation,
 * for example the query of a query builder, or mark a rejection as handled.
 */
function observeThenable(thenable: object, then: Method, call: TrackedCall): void {
  const own = Object.getOwnPropertyDescriptor(thenable, 'then');
  const observe = (handler: unknown, failed: boolean, otherwise: Method): Method =>
    function (this: unknown, ...args: unknown[]) {
      call.end(failed, failed ? args[0] : undefined);
      return typeof handler === 'function' ? handler.apply(this, args) : otherwise(...args);
    };
  defineHidden(thenable, 'then', function (this: unknown, ...args: unknown[]) {
    if (own) Object.defineProperty(thenable, 'then', own);
    else Reflect.deleteProperty(thenable, 'then');
    const [onFulfilled, onRejected, ...others] = args;
    const observed = [
      observe(onFulfilled, false, (value) => value),
      observe(onRejected, true, (error) => {
        throw error;
      }),
    ];
    return Reflect.apply(then, this, [...observed, ...others]);
  });
}

/** Measures from the first call of `next` until the generator is done, because it starts then. */
function observeGenerator(generator: Record<string, Method>, call: TrackedCall): void {
  let isStarted = false;
  const endIfDone = (step: { done?: unknown } | undefined) => {
    if (step?.done === true) call.end(false);
  };
  for (const name of ['next', 'return', 'throw']) {
    const original = generator[name];
    if (typeof original !== 'function') continue;
    defineHidden(generator, name, function (this: unknown, ...args: unknown[]) {
      if (!isStarted) call.restart();
      isStarted = true;
      let isReturned = false;
      let step: unknown;
      // With `catch`, Node.js would print another source line for an uncaught error.
      try {
        step = Reflect.apply(original, this, args);
        isReturned = true;
      } finally {
        if (!isReturned) call.end(true);
      }
      if (types.isPromise(step)) {
        return observePromise(step as Promise<object>, endIfDone, (error) => call.end(true, error));
      }
      endIfDone(step as object);
      return step;
    });
  }
}

function defineHidden(target: object, name: string, value: Method): void {
  Object.defineProperty(target, name, {
    value,
    writable: true,
    configurable: true,
    enumerable: false,
  });
}
