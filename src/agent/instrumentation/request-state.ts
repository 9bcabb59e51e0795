import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { swallowErrors } from './method-patching.ts';
import type { Tenant, TenantHolder } from './tenant-context.ts';

/** Where a connection keeps the requests that it waits for. */
const OPEN_REQUESTS_KEY = Symbol('perfscope.open');

interface SocketWithOpenRequests extends Socket {
  [OPEN_REQUESTS_KEY]?: OpenRequests;
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
export function getOpenRequests(
  socket: Socket,
  complete: (state: RequestState, aborted: boolean) => void,
): OpenRequests {
  const known = (socket as SocketWithOpenRequests)[OPEN_REQUESTS_KEY];
  if (known !== undefined) return known;
  const open = new OpenRequests();
  Object.defineProperty(socket, OPEN_REQUESTS_KEY, { value: open });
  const onClose = swallowErrors(() => {
    for (const state of open.all()) complete(state, !state.response.writableFinished);
  });
  socket.once('close', onClose);
  return open;
}

const KNOWN_METHODS = new Set(
  'CONNECT DELETE GET HEAD OPTIONS PATCH POST PUT QUERY TRACE'.split(' '),
);

/** What is known of a request that is being answered. */
export interface RequestState extends TenantHolder {
  /** As the semantic conventions name it; `_OTHER` when they don't. */
  readonly method: string;
  readonly scheme: 'http' | 'https';
  readonly response: ServerResponse;
  /** `performance.now()` at its start. */
  readonly startMs: number;
  /** Template of the place in the routers that has the request now. */
  route: string | undefined;
  /** Template of the mounts around the router that has it now. */
  prefix: string;
  /** Those of its connection, itself among them. */
  readonly openRequests: OpenRequests;
  /** The one that came before it on its connection and still waits. */
  previous: RequestState | undefined;
  /** What was thrown on the way, or given to `next`: the first, where handlers made others of it. */
  thrown: unknown;
  /** Whether it has been recorded. */
  ended: boolean;
}

/**
 * Where the request keeps it. A WeakMap of objects that live so shortly costs the garbage collector
 * more than all else that is done here.
 */
const REQUEST_STATE_KEY = Symbol('perfscope.request');

interface RequestWithState extends IncomingMessage {
  [REQUEST_STATE_KEY]?: RequestState | undefined;
}

export function createRequestState(
  request: IncomingMessage,
  response: ServerResponse,
  open: OpenRequests,
  tenant: Tenant | undefined,
): RequestState {
  // All is read now: what frameworks do to the request makes its properties slow to read later.
  const { method = '', socket } = request;
  const state: RequestState = {
    method: KNOWN_METHODS.has(method) ? method : '_OTHER',
    scheme: (socket as TLSSocket | undefined)?.encrypted ? 'https' : 'http',
    response,
    startMs: performance.now(),
    tenant,
    route: undefined,
    prefix: '',
    isTenantExplicit: false,
    openRequests: open,
    previous: undefined,
    thrown: undefined,
    ended: false,
  };
  (request as RequestWithState)[REQUEST_STATE_KEY] = state;
  return state;
}

export function getRequestState(request: IncomingMessage): RequestState | undefined {
  const state = (request as RequestWithState)[REQUEST_STATE_KEY];
  return state === undefined || state.ended ? undefined : state;
}
