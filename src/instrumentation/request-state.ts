import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { Tenant, TenantHolder } from './context.ts';
import type { OpenRequests } from './open-requests.ts';

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
  readonly open: OpenRequests;
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
const STATE = Symbol('perfscope.request');

interface Marked extends IncomingMessage {
  [STATE]?: RequestState | undefined;
}

export function beginState(
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
    named: false,
    open,
    previous: undefined,
    thrown: undefined,
    ended: false,
  };
  (request as Marked)[STATE] = state;
  return state;
}

export function stateOf(request: IncomingMessage): RequestState | undefined {
  const state = (request as Marked)[STATE];
  return state === undefined || state.ended ? undefined : state;
}
