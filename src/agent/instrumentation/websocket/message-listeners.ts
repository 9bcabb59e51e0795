import { findPropertyOwner, type Method, wrapMethod } from '../loading/method-patching.ts';
import { trackResult } from './message-run.ts';

type Listener = Method & { listener?: unknown };

/** The methods that add listeners. `once` calls `on` with a listener that has the property `listener`. */
const METHODS = ['on', 'addListener', 'prependListener'];

/**
 * Observes the promises that listeners return, because `emit` ignores them. The property `listener` is the original
 * listener, as in the wrappers of `once`, so the application can list and remove it.
 *
 * @param prototype of a class that extends `EventEmitter`
 * @param isObserved whether the listeners of an event are observed. Must not throw.
 */
export function observeListeners(
  prototype: object,
  isObserved: (emitter: object, event: unknown) => boolean,
): void {
  for (const name of METHODS) {
    if (findPropertyOwner(prototype, name) === undefined) continue;
    wrapMethod(prototype, name, (original) => {
      return function (this: object, event: unknown, listener: unknown) {
        const canWrap = typeof listener === 'function' && isObserved(this, event);
        return original.call(this, event, canWrap ? observe(listener as Listener) : listener);
      };
    });
  }
}

function observe(listener: Listener): Listener {
  // A listener of `once` removes itself, so it must stay the same.
  if (listener.listener !== undefined) return listener;
  const observed: Listener = function (this: unknown, ...args: unknown[]) {
    return trackResult(listener.apply(this, args));
  };
  observed.listener = listener;
  return observed;
}
