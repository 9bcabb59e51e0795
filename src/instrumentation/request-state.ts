import type { IncomingMessage } from 'node:http';
import type { Tenant, TenantHolder } from './context.ts';

/** What is known of a request that is being answered. */
export interface RequestState extends TenantHolder {
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
  startMs: number,
  tenant: Tenant | undefined,
): RequestState {
  const state = { startMs, route: undefined, prefix: '', tenant, named: false, ended: false };
  Object.defineProperty(request, STATE, { value: state });
  return state;
}

export function stateOf(request: IncomingMessage): RequestState | undefined {
  const state = (request as Marked)[STATE];
  return state?.ended ? undefined : state;
}

/** Ends the request: a second call for the same one gives undefined. */
export function endState(request: IncomingMessage): RequestState | undefined {
  const state = stateOf(request);
  if (state) state.ended = true;
  return state;
}
