import { types } from 'node:util';
import { guard } from '../../../../core/guard.ts';
import { bindCallback } from '../../context/tenant-context.ts';
import { type Method, observePromise, wrapMethod } from '../../loading/method-patching.ts';

/** Receives the result of a call. Exactly one of both functions is called. */
export interface CallObserver {
  readonly onFulfilled: (result: unknown) => void;
  readonly onRejected: (error: unknown) => void;
}

/**
 * Observes a method of the driver that takes a callback in older versions, and returns a promise in newer ones. The
 * callback keeps the context of the caller.
 *
 * @param callbackIndex position of the callback in the arguments
 * @param start called before the method. Returns undefined if this call isn't observed.
 */
export function observeCall<T>(
  part: string,
  target: object,
  name: string,
  callbackIndex: number,
  start: (self: T, args: readonly unknown[]) => CallObserver | undefined,
): void {
  const succeed = guard(part, (observer: CallObserver, result: unknown) =>
    observer.onFulfilled(result),
  );
  const fail = guard(part, (observer: CallObserver, error: unknown) => observer.onRejected(error));
  const prepare = guard(part, (self: T, args: unknown[]) => {
    const observer = start(self, args);
    if (!observer) return undefined;
    if (!isCallback(args[callbackIndex])) return { args, observer };
    const bound = bindCallback(args, callbackIndex);
    const callback = bound[callbackIndex] as Method;
    const observed = function (this: unknown, ...results: unknown[]) {
      if (results[0]) fail(observer, results[0]);
      else succeed(observer, results[1]);
      return callback.apply(this, results);
    };
    return { args: bound.with(callbackIndex, observed), observer };
  });
  wrapMethod(target, name, (original) => {
    return function (this: T, ...args: unknown[]) {
      const call = prepare(this, args);
      const result = original.apply(this, call?.args ?? args);
      if (!call || !types.isPromise(result)) return result;
      const { observer } = call;
      return observePromise(
        result,
        (value) => succeed(observer, value),
        (error) => fail(observer, error),
      );
    };
  });
}

/** Newer versions pass a class of responses where older versions pass a callback. */
function isCallback(value: unknown): boolean {
  if (typeof value !== 'function') return false;
  return Object.getOwnPropertyDescriptor(value, 'prototype')?.writable !== false;
}
