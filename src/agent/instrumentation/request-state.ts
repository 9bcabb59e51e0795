import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { swallowErrors } from './method-patching.ts';
import type { Tenant, TenantHolder } from './tenant-context.ts';

/** Property of a socket that stores its open requests. */
const OPEN_REQUESTS_KEY = Symbol('perfscope.open');

interface SocketWithOpenRequests extends Socket {
  [OPEN_REQUESTS_KEY]?: OpenRequests;
}

/**
 * Open requests of a connection. With pipelining, there can be more than one open request. The
 * requests form a linked list from newest to oldest, because adding short-lived objects to a
 * long-lived Set and removing them costs microseconds.
 */
export class OpenRequests {
  #newest: RequestState | undefined;

  add(state: RequestState): void {
    const newest = this.#newest;
    if (newest !== undefined && !newest.ended) state.previous = newest;
    this.#newest = state;
  }

  /** Unlinks a finished request. Otherwise, a connection that is never idle would leak memory. */
  remove(state: RequestState): void {
    if (this.#newest === state) this.#newest = state.previous;
    else {
      for (let later = this.#newest; later !== undefined; later = later.previous) {
        if (later.previous === state) later.previous = state.previous;
      }
    }
    state.previous = undefined;
  }

  /** Returns the open requests, oldest first. */
  all(): RequestState[] {
    const states: RequestState[] = [];
    for (let state = this.#newest; state !== undefined; state = state.previous) states.push(state);
    return states.reverse();
  }
}

/**
 * Returns the open requests of a connection. If the connection closes first, its open requests are
 * completed as aborted. This needs one listener per connection, and none on the application's
 * responses.
 */
export function getOpenRequests(
  socket: Socket,
  complete: (state: RequestState, aborted: boolean) => void,
): OpenRequests {
  const existing = (socket as SocketWithOpenRequests)[OPEN_REQUESTS_KEY];
  if (existing !== undefined) return existing;
  const openRequests = new OpenRequests();
  Object.defineProperty(socket, OPEN_REQUESTS_KEY, { value: openRequests });
  const onClose = swallowErrors(() => {
    for (const state of openRequests.all()) complete(state, !state.response.writableFinished);
  });
  socket.once('close', onClose);
  return openRequests;
}

const KNOWN_METHODS = new Set(
  'CONNECT DELETE GET HEAD OPTIONS PATCH POST PUT QUERY TRACE'.split(' '),
);

/** State of a request in progress. */
export interface RequestState extends TenantHolder {
  /** HTTP method, or `_OTHER` if the semantic conventions don't list it. */
  readonly method: string;
  readonly scheme: 'http' | 'https';
  readonly response: ServerResponse;
  /** Start time from `performance.now()`. */
  readonly startMs: number;
  /** Route template of the layer that handles the request. */
  route: string | undefined;
  /** Route template of the path where the current router is mounted. */
  prefix: string;
  /** All open requests of the connection, including this one. */
  readonly openRequests: OpenRequests;
  /** The previous open request of the connection. */
  previous: RequestState | undefined;
  /** First value that a handler threw or passed to `next`. Later errors don't replace it. */
  thrown: unknown;
  /** Whether the request is complete and recorded. */
  ended: boolean;
}

/**
 * Property of a request that stores its state. With a WeakMap, the garbage collection of so many
 * short-lived keys would cost more than the rest of the instrumentation.
 */
const REQUEST_STATE_KEY = Symbol('perfscope.request');

interface RequestWithState extends IncomingMessage {
  [REQUEST_STATE_KEY]?: RequestState | undefined;
}

export function createRequestState(
  request: IncomingMessage,
  response: ServerResponse,
  openRequests: OpenRequests,
  tenant: Tenant | undefined,
): RequestState {
  // Read the properties now, because frameworks modify the request and make them slow to read.
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
    openRequests,
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
