import type { IncomingMessage } from 'node:http';
import { getRequestState, type RequestState } from '../../requests/request-state.ts';

/** A route of an app or router. Version 1 has `path`, and version 2 has `route`. */
export interface MatchedRoute {
  readonly path?: unknown;
  readonly route?: unknown;
}

/** An event of version 1 or 2. */
export interface H3Event {
  /** Not defined for requests that don't come from a Node.js server. */
  readonly node?: { readonly req?: IncomingMessage } | undefined;
  readonly url?: { readonly pathname: string };
  readonly handled?: boolean;
  readonly context: { readonly matchedRoute?: MatchedRoute | undefined };
}

/** The route of a request. Routers inside routers replace it. */
class H3Match {
  /** Path of the request in the outermost app. */
  readonly path: string;
  matched: MatchedRoute | undefined;
  template: string | undefined;

  constructor(path: string) {
    this.path = path;
  }
}

/** Returns the state of the event's request, if a measured server received it. */
export function getEventState(event: H3Event): RequestState | undefined {
  const request = event.node?.req;
  return request && getRequestState(request);
}

/**
 * Stores that an app or router handles a request.
 *
 * @param path path of the request in the app
 */
export function enterApp(state: RequestState, path: string): void {
  state.hasFramework = true;
  if (state.routeOwner instanceof H3Match) return;
  state.routeOwner = new H3Match(path);
  state.readRoute = readRoute;
}

function readRoute({ routeOwner }: RequestState): string | undefined {
  return (routeOwner as H3Match).template;
}

/**
 * Stores the route that an app or router has found. Does nothing if the route is already stored.
 *
 * @param prefix returns the template of the path where the router is mounted
 */
export function storeMatch(
  { routeOwner }: RequestState,
  matched: MatchedRoute | undefined,
  prefix: (outerPath: string, outerTemplate: string | undefined) => string,
): void {
  if (!(routeOwner instanceof H3Match) || matched === undefined || matched === routeOwner.matched) {
    return;
  }
  const template = matched.route ?? matched.path;
  if (typeof template !== 'string') return;
  routeOwner.template = joinPaths(prefix(routeOwner.path, routeOwner.template), template);
  routeOwner.matched = matched;
}

/** The route of Nitro for everything that no other route handles. */
const RENDERER = '/**';

/** Stores the template of a page that Nitro's last route renders. */
export function storePage({ routeOwner }: RequestState, template: string): void {
  if (routeOwner instanceof H3Match && routeOwner.template?.startsWith(RENDERER)) {
    routeOwner.template = template;
  }
}

function joinPaths(prefix: string, template: string): string {
  if (prefix === '') return template;
  return template === '/' ? prefix : prefix + template;
}

/** Stores an error. An error with a 4xx status is a response. */
export function storeError(state: RequestState, error: unknown): void {
  const { status, statusCode = status } = (error ?? {}) as {
    status?: unknown;
    statusCode?: unknown;
  };
  if (typeof statusCode === 'number' && statusCode < 500) return;
  state.thrown ??= error;
}
