import { joinOperation } from './operation-name.ts';
import { type RequestState, readHeader } from './request-state.ts';

/** Values of `http.route` for requests that no route of the application handled. */
export const NOT_FOUND = '(not found)';
const PREFLIGHT = '(preflight)';
const OPTIONS = '(options)';
const STATIC_FILE = '(static)';

/** Routes that match every path, such as `*`, `/*`, `/*splat`, `/{*splat}`, `{/*rest}`, `/{rest*}`, `/**:rest`, and `/(.*)`. */
const CATCH_ALL = /^\/?(?:\{?\/?\*\w*\}?|\{\w+\*\}|\*\*(?::\w+)?|\(\.\*\))$/;

/**
 * Completes the route of a request that has ended. Requests without a route get a name instead, so that scanners,
 * browsers, and files don't share one series with the rest. The same applies to a catch-all route if it responds with
 * 404 or a file, or if the method is `OPTIONS`. The names never contain a part of the URL.
 *
 * @param status undefined if no headers were sent
 * @param headers headers of the response: raw text for HTTP/1, or fields for HTTP/2
 */
export function nameRoute(
  state: RequestState,
  status: number | undefined,
  headers: string | Readonly<Record<string, unknown>> | null | undefined,
): void {
  if (state.readRoute !== undefined) readFrameworkRoute(state);
  if (state.operation !== undefined) {
    const { route, operation } = state;
    const isKnown = route !== undefined && !isCatchAll(route);
    state.route = joinOperation(state, isKnown ? route : undefined, operation);
    return;
  }
  if (status === undefined || (state.route !== undefined && !isCatchAll(state.route))) return;
  if (status === 404) state.route = NOT_FOUND;
  else if (state.method === 'OPTIONS') state.route = isPreflight(state) ? PREFLIGHT : OPTIONS;
  else if (state.hasFramework && status < 400 && hasLastModified(headers)) {
    state.route = STATIC_FILE;
  }
}

const SLASH = 47;
/** `(`, `*`, and `{`. */
const FIRST_CODES = [40, 42, 123];

/** Runs for each request, so it first compares a single character. */
function isCatchAll(route: string): boolean {
  const first = route.charCodeAt(route.charCodeAt(0) === SLASH ? 1 : 0);
  return FIRST_CODES.includes(first) && CATCH_ALL.test(route);
}

function readFrameworkRoute(state: RequestState): void {
  try {
    state.route = state.readRoute?.(state) ?? state.route;
  } catch {
    // The application can give the objects of its framework getters that throw. The request still counts.
  }
  state.readRoute = undefined;
  state.routeOwner = undefined;
}

/** Returns whether a browser checks that it can send a request to another origin. */
function isPreflight(state: RequestState): boolean {
  return readHeader(state, 'access-control-request-method') !== undefined;
}

/** Servers of files send this header, also with status 304. Handlers of an application rarely do. */
function hasLastModified(headers: Parameters<typeof nameRoute>[2]): boolean {
  if (typeof headers === 'string') return /\nlast-modified:/i.test(headers);
  return headers?.['last-modified'] !== undefined;
}
