import type { Socket } from 'node:net';
import { guard } from './guard.ts';
import type { RequestState } from './request-state.ts';

/** Where a connection keeps the requests that it waits for. */
const OPEN = Symbol('perfscope.open');

interface Marked extends Socket {
  [OPEN]?: OpenRequests;
}

/**
 * The requests of a connection that are not answered yet: several, when they are pipelined. A chain
 * from the newest to the oldest, because adding short-lived objects to a Set that lives long and
 * taking them out again costs microseconds.
 */
export class OpenRequests {
  #newest: RequestState | undefined;

  add(state: RequestState): void {
    const newest = this.#newest;
    if (newest !== undefined && !newest.ended) state.previous = newest;
    this.#newest = state;
  }

  /** Nothing that has ended is kept, or a connection that is never idle would keep all. */
  remove(state: RequestState): void {
    if (this.#newest === state) this.#newest = state.previous;
    else {
      for (let later = this.#newest; later !== undefined; later = later.previous) {
        if (later.previous === state) later.previous = state.previous;
      }
    }
    state.previous = undefined;
  }

  /** Those that are open, oldest first. */
  all(): RequestState[] {
    const found: RequestState[] = [];
    for (let state = this.#newest; state !== undefined; state = state.previous) found.push(state);
    return found.reverse();
  }
}

/**
 * The open requests of a connection. When it closes before they are answered, they are aborted: one
 * listener a connection, and none on the application's responses.
 */
export function openOn(
  socket: Socket,
  complete: (state: RequestState, aborted: boolean) => void,
): OpenRequests {
  const known = (socket as Marked)[OPEN];
  if (known !== undefined) return known;
  const open = new OpenRequests();
  Object.defineProperty(socket, OPEN, { value: open });
  const onClose = guard(() => {
    for (const state of open.all()) complete(state, !state.response.writableFinished);
  });
  socket.once('close', onClose);
  return open;
}
