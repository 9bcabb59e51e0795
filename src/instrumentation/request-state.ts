import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Tenant, TenantHolder } from './context.ts';

/** What is known of a request that is being answered. */
export interface RequestState extends TenantHolder {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** `performance.now()` at its start. */
  readonly startMs: number;
  /** Template of the place in the routers that has the request now. */
  route: string | undefined;
  /** Template of the mounts around the router that has it now. */
  prefix: string;
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
  tenant: Tenant | undefined,
): RequestState {
  const startMs = performance.now();
  const route = undefined;
  const progress = { route, prefix: '', named: false, ended: false };
  const state: RequestState = { request, response, startMs, tenant, ...progress };
  (request as Marked)[STATE] = state;
  return state;
}

export function stateOf(request: IncomingMessage): RequestState | undefined {
  const state = (request as Marked)[STATE];
  return state?.ended ? undefined : state;
}

/** @returns whether this ends the request: a second time it does not */
export function end(state: RequestState): boolean {
  if (state.ended) return false;
  state.ended = true;
  return true;
}
