import { guard, reportFailure } from '../../../../core/guard.ts';
import { ExistingObject } from '../../loading/hidden-property.ts';
import { copyFunctionProperties, type Method } from '../../loading/method-patching.ts';
import { getRequestState, type RequestState } from '../../requests/request-state.ts';
import { type Handler, type HandlerAndRoute, HonoRoute, type Next } from './hono-route.ts';

/** What fails, for {@link guard}. */
const PART = 'the Hono instrumentation';

/** What `@hono/node-server` passes to an app. */
interface NodeBindings {
  readonly incoming?: unknown;
}

/** The matching handlers, in the order in which they run. */
type MatchResult = readonly [readonly (readonly [HandlerAndRoute, ...unknown[]])[]];

/** The second argument of Hono's class `Context`. */
interface ContextOptions {
  readonly env?: NodeBindings;
  /** Path that the router matches. */
  readonly path?: string;
  readonly matchResult?: MatchResult;
}

/** The arguments of Hono's class `HonoRequest`. */
type HonoRequestArguments = readonly [request: object, path?: string, matchResult?: MatchResult];

/** A Hono context, while it handles a measured request. */
interface HonoContext {
  /** The last error that a handler threw, if several handlers match. */
  readonly error?: unknown;
}

/** A request that an app handles. A mounted app has its own. */
interface HonoRequest {
  readonly state: RequestState;
  /** Path where the app is mounted, for example in Express. */
  readonly prefix: string;
  /** Whether the result of the first handler is observed. */
  isObserved: boolean;
}

/** Field of a context that stores its request. */
class ContextField extends ExistingObject {
  readonly #request: HonoRequest;

  private constructor(context: object, request: HonoRequest) {
    super(context);
    this.#request = request;
  }

  static get(context: object): HonoRequest | undefined {
    return #request in context ? context.#request : undefined;
  }

  static set(context: object, request: HonoRequest): void {
    new ContextField(context, request);
  }
}

/** Field of Hono's own request that stores the arguments of its constructor. */
class ArgumentsField extends ExistingObject {
  readonly #args: HonoRequestArguments;

  private constructor(request: object, args: HonoRequestArguments) {
    super(request);
    this.#args = args;
  }

  static get(request: object): HonoRequestArguments | undefined {
    return #args in request ? request.#args : undefined;
  }

  static set(request: object, args: HonoRequestArguments): void {
    new ArgumentsField(request, args);
  }
}

/** Stores the matching handlers, for versions that don't pass them to `Context`. */
export function storeMatch(request: object, args: readonly unknown[]): void {
  ArgumentsField.set(request, args as HonoRequestArguments);
}

/** Field of the pair of a handler and its route. The pair of a field contains a handler that is observed. */
class RouteField extends ExistingObject {
  readonly #route: HonoRoute;

  private constructor(pair: object, route: HonoRoute) {
    super(pair);
    this.#route = route;
  }

  static get(pair: object): HonoRoute | undefined {
    return #route in pair ? pair.#route : undefined;
  }

  static set(pair: object, route: HonoRoute): void {
    new RouteField(pair, route);
  }
}

/**
 * Stores the route of a new request, and observes its handlers. Does nothing for requests that don't come from a
 * measured server.
 *
 * If middleware responds, the request has the route of the handler that would have run.
 */
export function startHonoRequest(context: object, args: readonly unknown[]): void {
  const [given, options] = args as [request: object, options?: ContextOptions];
  if (options === undefined) return;
  let request = given;
  let { path, matchResult } = options;
  if (matchResult === undefined) {
    const stored = ArgumentsField.get(given);
    if (stored === undefined) return;
    [request, path, matchResult] = stored;
  }
  const incoming = options.env?.incoming ?? findIncoming(request);
  if (typeof incoming !== 'object' || incoming === null || !matchResult) return;
  const state = getRequestState(incoming);
  const prefix = state && findPrefix(state, incoming, path);
  if (prefix === undefined) return;
  let endpoint: HonoRoute | undefined;
  for (const [pair] of matchResult[0]) {
    const route = RouteField.get(pair) ?? observeHandler(pair);
    if (route.isEndpoint) endpoint ??= route;
  }
  // A path with a wildcard can be a fallback for requests that middleware serves, such as static files.
  const route = endpoint?.hasWildcard ? undefined : endpoint?.template;
  state!.hasFramework = true;
  state!.route = route && joinPaths(prefix, route);
  ContextField.set(context, { state: state!, prefix, isObserved: false });
}

/** The symbol that `@hono/node-server` uses to store the Node.js request in its request. */
let incomingKey: symbol | undefined;

/** Returns the Node.js request, if the application doesn't pass the bindings of the server to its app. */
function findIncoming(request: object): unknown {
  incomingKey ??= Object.getOwnPropertySymbols(request).find(
    ({ description }) => description === 'incomingKey',
  );
  return incomingKey && (request as Record<symbol, unknown>)[incomingKey];
}

/**
 * Returns the template of the path where the app is mounted. Returns undefined for a request that a handler created.
 */
function findPrefix(state: RequestState, incoming: object, path = ''): string | undefined {
  const { route, mountPath } = state;
  if (route === undefined && mountPath === '') return '';
  // Express removes the mount path from `url`.
  const { url, originalUrl = url } = incoming as { url?: string; originalUrl?: string };
  const outerPath = decodePath(String(originalUrl).replace(/[?#].*$/s, ''));
  if (outerPath === path) return '';
  const isMounted = mountPath !== '' && (path === '/' || outerPath.endsWith(path));
  return isMounted ? mountPath : undefined;
}

function decodePath(path: string): string {
  if (!path.includes('%')) return path;
  try {
    return decodeURI(path);
  } catch {
    return path;
  }
}

function joinPaths(prefix: string, template: string): string {
  if (prefix === '') return template;
  return template === '/' ? prefix : prefix + template;
}

/** Replaces the handler of a pair by one that stores its route and its error in the request. */
function observeHandler(pair: HandlerAndRoute): HonoRoute {
  const [handler] = pair;
  const route = new HonoRoute(pair);
  RouteField.set(pair, route);
  const observed: Handler = (context, next) => {
    const request = ContextField.get(context);
    if (request === undefined) return handler(context, next);
    const nextOfEndpoint = enterHandler(request, route, next);
    let result: unknown;
    try {
      result = handler(context, nextOfEndpoint ?? next);
    } catch (error) {
      storeError(request, error);
      throw error;
    }
    if (!request.isObserved && result instanceof Promise) {
      observeResult(context, request, result);
    }
    return result;
  };
  copyFunctionProperties(handler as Method, observed as Method);
  pair[0] = observed;
  return route;
}

/** Returns the function that the handler calls as `next`, if it isn't the original one. */
const enterHandler = guard(
  PART,
  ({ state, prefix }: HonoRequest, route: HonoRoute, next: Next): Next | undefined => {
    // Mounted apps are middleware too.
    if (route.isMiddleware) state.mountPath = joinPaths(prefix, route.mountPath);
    if (!route.isEndpoint && (state.route !== undefined || route.isForAllRequests)) {
      return undefined;
    }
    state.route = joinPaths(prefix, route.template);
    if (!route.canCallNext) return undefined;
    return () => {
      // The next handler has its own route. If there is none, no route matches.
      state.route = undefined;
      return next();
    };
  },
);

function storeError({ state }: HonoRequest, error: unknown): void {
  state.thrown ??= error;
}

const storeContextError = guard(PART, (request: HonoRequest, { error }: HonoContext) => {
  if (error !== undefined) storeError(request, error);
});

/** Called without the application's replacements, such as lazy promises. */
const then: Method = Promise.prototype.then;

/**
 * Stores the error of a request before Hono handles it. If several handlers match, Hono stores the error of each
 * handler in the context before the promise of the first handler settles. So observing this promise is enough.
 *
 * Hono itself handles the rejection of each handler, so this handler hides no unhandled rejection.
 */
function observeResult(context: HonoContext, request: HonoRequest, result: Promise<unknown>): void {
  request.isObserved = true;
  try {
    then.call(
      result,
      () => storeContextError(request, context),
      (error: unknown) => storeError(request, error),
    );
  } catch (error) {
    reportFailure(PART, error);
  }
}
