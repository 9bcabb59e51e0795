import type { Socket } from 'node:net';

type Listener = (this: unknown, ...args: unknown[]) => void;

/** Listeners of an emitter by event: one, or an array of several (lib/events.js). */
interface EmitterWithListeners {
  _events?: Record<string, Listener | Listener[] | undefined>;
}

/**
 * Calls `onClose` when a socket closes. Node.js adds the first `close` listener to each socket of a
 * server. It is replaced by a function that also calls `onClose`. With one more listener instead, Node.js
 * would print a warning if the application adds ten. The property `listener` is the original listener, as
 * in the wrappers of `once`, so the application can list and remove it.
 */
export function callOnClose(socket: Socket, onClose: () => void): void {
  const events = (socket as EmitterWithListeners)._events;
  const listeners = events?.close;
  const first = Array.isArray(listeners) ? listeners[0] : listeners;
  if (events === undefined || typeof first !== 'function') {
    socket.once('close', onClose);
    return;
  }
  const wrapper: Listener & { listener?: Listener } = function (...args) {
    onClose();
    first.apply(this, args);
  };
  wrapper.listener = (first as { listener?: Listener }).listener ?? first;
  if (Array.isArray(listeners)) listeners[0] = wrapper;
  else events.close = wrapper;
}
