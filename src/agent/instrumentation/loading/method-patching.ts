import { types } from 'node:util';
import { guard, reportFailure } from '../../../core/guard.ts';

// biome-ignore lint/suspicious/noExplicitAny: methods of library classes can have any types.
export type Method = (this: any, ...args: any[]) => any;
export type MethodRecord = Record<string, Method>;

/**
 * Replaces a method with a wrapper that has the same name, length, and properties. The wrapper must
 * call the original exactly once, and all its other code must be guarded. Prefer
 * {@link observeMethod}.
 *
 * @throws TypeError if the method does not exist or can't be replaced
 */
export function wrapMethod(
  target: object,
  name: string,
  wrapper: (original: Method) => Method,
): void {
  const original = (target as MethodRecord)[name];
  if (typeof original !== 'function') throw new TypeError(`method ${name} not found`);
  const wrapped = wrapper(original);
  copyFunctionProperties(original, wrapped);
  const descriptor = Object.getOwnPropertyDescriptor(target, name);
  Object.defineProperty(target, name, {
    value: wrapped,
    writable: true,
    configurable: true,
    enumerable: descriptor?.enumerable ?? false,
  });
}

/**
 * Copies the name, the length, and the properties that the application added to a function. Older versions of Node.js
 * give `arguments` and `caller` to functions that are not strict.
 */
export function copyFunctionProperties(from: Method, to: Method): void {
  for (const key of Reflect.ownKeys(from)) {
    const descriptor = Object.getOwnPropertyDescriptor(from, key);
    if (descriptor && key !== 'prototype') Object.defineProperty(to, key, descriptor);
  }
}

/** Functions that run before and after a method of the application. Their failures are counted. */
export interface MethodObserver<T> {
  before?: (self: T, args: readonly unknown[]) => void;
  /** Called after the method returns, or when its promise is fulfilled. */
  // biome-ignore lint/suspicious/noExplicitAny: methods of library classes can return any type.
  after?: (self: T, result: any, args: readonly unknown[]) => void;
}

/**
 * Calls `observer` before and after each call of a method. The method runs exactly once, with the
 * same `this` and arguments, and its result or error reaches the caller.
 *
 * @param part see {@link guard}
 * @throws TypeError if the method does not exist or can't be replaced
 */
export function observeMethod<T>(
  part: string,
  target: object,
  name: string,
  observer: MethodObserver<T>,
): void {
  const before = observer.before && guard(part, observer.before);
  const after = observer.after && guard(part, observer.after);
  wrapMethod(target, name, (original) => {
    return function (this: T, ...args: unknown[]) {
      before?.(this, args);
      const result = original.apply(this, args);
      if (after === undefined) return result;
      if (types.isPromise(result))
        return observePromise(result, (value) => after(this, value, args));
      after(this, result, args);
      return result;
    };
  });
}

/**
 * Returns a promise that settles like `promise`, one microtask later, and calls `onFulfilled` first.
 *
 * The returned promise is a new one. A handler on the original promise would mark its rejection as
 * handled, and Node.js would no longer report a rejection that the application doesn't handle.
 * Programs compare promises less often than they rely on that report.
 *
 * @param onFulfilled must not throw
 * @param onRejected must not throw
 */
export function observePromise<T>(
  promise: Promise<T>,
  onFulfilled: (value: T) => void,
  onRejected?: (error: unknown) => void,
): Promise<T> {
  try {
    return promise.then(
      (value) => {
        onFulfilled(value);
        return value;
      },
      onRejected &&
        ((error) => {
          onRejected(error);
          throw error;
        }),
    );
  } catch (error) {
    // The application replaced `then`, or the constructor of the promise throws.
    reportFailure('the promise of a method', error);
    return promise;
  }
}

/** Whether a library returned a promise of any implementation. A getter of `then` that throws counts as no promise. */
export function isThenable(result: unknown): result is Promise<unknown> {
  if (types.isPromise(result)) return true;
  try {
    return typeof (result as { then?: unknown } | null | undefined)?.then === 'function';
  } catch {
    return false;
  }
}

/** Returns the object in the prototype chain that has `name` as its own property. */
export function findPropertyOwner(object: object, name: string): object | undefined {
  let owner: object | null = object;
  while (owner && !Object.hasOwn(owner, name)) {
    owner = Object.getPrototypeOf(owner) as object | null;
  }
  return owner ?? undefined;
}
