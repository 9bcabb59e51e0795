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
}

const states = new WeakMap<IncomingMessage, RequestState>();

export function beginState(
  request: IncomingMessage,
  startMs: number,
  tenant: Tenant | undefined,
): RequestState {
  const state = { startMs, route: undefined, prefix: '', tenant, named: false };
  states.set(request, state);
  return state;
}

export function stateOf(request: IncomingMessage): RequestState | undefined {
  return states.get(request);
}

/** Ends the request: a second call for the same one gives undefined. */
export function endState(request: IncomingMessage): RequestState | undefined {
  const state = states.get(request);
  states.delete(request);
  return state;
}
