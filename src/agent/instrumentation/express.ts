import type { IncomingMessage, ServerResponse } from 'node:http';
import type { LibraryInstrumentation } from './instrumentation-registry.ts';
import { type Method, type MethodRecord, wrapMethod } from './method-patching.ts';
import { getRequestState } from './request-state.ts';

interface Layer {
  /** Set on the layers that lead to a route, not on those of middleware and mounted routers. */
  route?: unknown;
  [LAYER_ROUTE_KEY]?: LayerRoute;
}

interface Router {
  stack: Layer[];
  use(path: string, handler: () => void): unknown;
}

type RouterFactory = (() => Router) & { Router?: () => Router };

/** What a layer knows of its place. */
interface LayerRoute {
  /** As the application wrote it. */
  readonly template: string;
  /** Its whole template below the mounts that it was last reached by: mostly always the same. */
  prefix: string | undefined;
  path: string | undefined;
}

/** Where a layer keeps it. */
const LAYER_ROUTE_KEY = Symbol('perfscope.place');
const patchedRouters = new WeakSet<object>();

/**
 * Follows requests through Express' routers (4, 5, and the package `router`), so that
 * `http.route` is the template with all its mounts: `/api/:org/rooms/:id`. What handlers throw, or
 * give to `next`, is noted on its way.
 */
export function createExpressInstrumentations(): LibraryInstrumentation[] {
  const patchFactory = (exports: unknown) => {
    const factory = exports as RouterFactory;
    patchRouter((factory.Router ?? factory)());
  };
  return [
    {
      name: 'express',
      supportedMajors: [4, 5],
      patches: { '': patchFactory, 'lib/express.js': patchFactory },
    },
    { name: 'router', supportedMajors: [1, 2], patches: { '': patchFactory } },
  ];
}

/** Patches the prototypes behind a router; each once, whatever loads it. */
function patchRouter(sample: Router): void {
  const router = findPrototypeWith(sample, 'handle');
  sample.use('/', () => {});
  const layer = Object.getPrototypeOf(sample.stack[0]) as MethodRecord;
  if (patchedRouters.has(router)) return;
  patchedRouters.add(router);
  recordRouteTemplates(router, 'use', (first) => (isRoutePath(first) ? first : '/'));
  recordRouteTemplates(router, 'route', (first) => first);
  wrapMethod(router, 'handle', wrapRouterHandle);
  wrapMethod(
    layer,
    'handle_request' in layer ? 'handle_request' : 'handleRequest',
    wrapLayerHandle,
  );
  wrapMethod(layer, 'handle_error' in layer ? 'handle_error' : 'handleError', wrapErrorHandle);
}

/** The prototype that has `name` itself: Express 5 puts one object more between than Express 4. */
function findPrototypeWith(object: object, name: string): MethodRecord {
  let owner: object | null = object;
  while (owner && !Object.hasOwn(owner, name))
    owner = Object.getPrototypeOf(owner) as object | null;
  if (!owner) throw new TypeError(`${name} is not there`);
  return owner as MethodRecord;
}

/** Notes the path with which layers are added by `name`. */
function recordRouteTemplates(
  target: MethodRecord,
  name: string,
  pathOf: (first: unknown) => unknown,
): void {
  wrapMethod(target, name, (original) => {
    return function (this: unknown, ...args: unknown[]) {
      const before = (this as Router).stack.length;
      const result = original.apply(this, args);
      const template = String(pathOf(args[0]));
      for (const layer of (this as Router).stack.slice(before)) {
        layer[LAYER_ROUTE_KEY] = { template, prefix: undefined, path: undefined };
      }
      return result;
    };
  });
}

/** A path is a text, a pattern, or a list that begins with one; anything else is a handler. */
function isRoutePath(first: unknown): boolean {
  const leaf = Array.isArray(first) ? first.flat(Number.POSITIVE_INFINITY)[0] : first;
  return typeof leaf !== 'function';
}

/** Inside a router, templates begin with that of the layer that led to it. */
function wrapRouterHandle(original: Method): Method {
  return function handle(
    this: unknown,
    request: IncomingMessage,
    response: ServerResponse,
    out: Method,
  ) {
    const state = getRequestState(request);
    if (!state || typeof out !== 'function') return original.call(this, request, response, out);
    const outer = state.prefix;
    state.prefix = state.route ?? '';
    const leave: Method = function (this: unknown, ...outArgs) {
      state.prefix = outer;
      if (outArgs[0]) state.thrown ??= outArgs[0];
      // Nothing in here answered. After an error the place that failed stays named.
      if (!outArgs[0] && !response.headersSent) state.route = undefined;
      return out.apply(this, outArgs);
    };
    return original.call(this, request, response, leave);
  };
}

function wrapLayerHandle(original: Method): Method {
  return function handle(
    this: unknown,
    request: IncomingMessage,
    response: ServerResponse,
    next: unknown,
  ) {
    const place = (this as Layer)[LAYER_ROUTE_KEY];
    const state = place && getRequestState(request);
    // The first place needs no look at the response, whose properties Express makes slow to read.
    if (state && (state.route === undefined || !response.headersSent)) {
      if (place.prefix !== state.prefix) {
        place.path = joinRoute(state.prefix, place.template, Boolean((this as Layer).route));
        place.prefix = state.prefix;
      }
      state.route = place.path;
    }
    return original.call(this, request, response, next);
  };
}

/** Only a request that has failed comes here, on its way to whoever handles errors. */
function wrapErrorHandle(original: Method): Method {
  return function handle(
    this: unknown,
    error: unknown,
    request: IncomingMessage,
    response: ServerResponse,
    next: unknown,
  ) {
    const state = getRequestState(request);
    if (state) state.thrown ??= error;
    return original.call(this, error, request, response, next);
  };
}

/** Middleware on `/` is no place of its own; a route on `/` is. */
function joinRoute(prefix: string, template: string, isRoute: boolean): string | undefined {
  const own = template === '/' ? '' : template;
  const path = prefix === '' ? own : (prefix.endsWith('/') ? prefix.slice(0, -1) : prefix) + own;
  return path === '' && isRoute ? '/' : path || undefined;
}
