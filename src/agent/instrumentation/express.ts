import type { IncomingMessage, ServerResponse } from 'node:http';
import type { LibraryInstrumentation } from './instrumentation-registry.ts';
import {
  findPropertyOwner,
  type Method,
  type MethodRecord,
  wrapMethod,
} from './method-patching.ts';
import { getRequestState } from './request-state.ts';

interface Layer {
  /** Set only if the layer belongs to a route, not to middleware or a mounted router. */
  route?: unknown;
  [LAYER_ROUTE_KEY]?: LayerRoute;
}

interface Router {
  stack: Layer[];
  use(path: string, handler: () => void): unknown;
}

type RouterFactory = (() => Router) & { Router?: () => Router };

/** Route template of a layer. */
interface LayerRoute {
  /** Path that the application passed to `use` or `route`. */
  readonly template: string;
  /** Prefix of the last request. It rarely changes, so the full path is cached. */
  prefix: string | undefined;
  /** Full path of the route: `prefix` plus `template`. */
  path: string | undefined;
}

/** Property of a layer that stores its route. */
const LAYER_ROUTE_KEY = Symbol('perfscope.route');
const patchedRouters = new WeakSet<object>();

/**
 * Tracks requests through Express 4 and 5 routers and the `router` package. The attribute
 * `http.route` becomes the template with all mount paths, such as `/api/:org/rooms/:id`. Errors
 * that handlers throw or pass to `next` are stored in the request state.
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

/** Patches the prototypes of a router and its layers once, even if several packages load them. */
function patchRouter(sample: Router): void {
  // Express 5 has one more object in the prototype chain than Express 4.
  const router = findPropertyOwner(sample, 'handle') as MethodRecord | undefined;
  if (!router) throw new TypeError('method handle not found');
  sample.use('/', () => {});
  const layer = Object.getPrototypeOf(sample.stack[0]) as MethodRecord;
  if (patchedRouters.has(router)) return;
  patchedRouters.add(router);
  recordRouteTemplates(router, 'use', (firstArg) => (isRoutePath(firstArg) ? firstArg : '/'));
  recordRouteTemplates(router, 'route', (firstArg) => firstArg);
  wrapMethod(router, 'handle', wrapRouterHandle);
  wrapMethod(
    layer,
    'handle_request' in layer ? 'handle_request' : 'handleRequest',
    wrapLayerHandle,
  );
  wrapMethod(layer, 'handle_error' in layer ? 'handle_error' : 'handleError', wrapErrorHandle);
}

/** Stores the path of each layer that the method `name` adds. */
function recordRouteTemplates(
  target: MethodRecord,
  name: string,
  getPath: (firstArg: unknown) => unknown,
): void {
  wrapMethod(target, name, (original) => {
    return function (this: unknown, ...args: unknown[]) {
      const layerCount = (this as Router).stack.length;
      const result = original.apply(this, args);
      const template = String(getPath(args[0]));
      for (const layer of (this as Router).stack.slice(layerCount)) {
        layer[LAYER_ROUTE_KEY] = { template, prefix: undefined, path: undefined };
      }
      return result;
    };
  });
}

/** A path is a string, a pattern, or an array of them. All other arguments are handlers. */
function isRoutePath(firstArg: unknown): boolean {
  const leaf = Array.isArray(firstArg) ? firstArg.flat(Number.POSITIVE_INFINITY)[0] : firstArg;
  return typeof leaf !== 'function';
}

/** Inside a router, the prefix is the template of the layer where the router is mounted. */
function wrapRouterHandle(original: Method): Method {
  return function handle(
    this: unknown,
    request: IncomingMessage,
    response: ServerResponse,
    out: Method,
  ) {
    const state = getRequestState(request);
    if (!state || typeof out !== 'function') return original.call(this, request, response, out);
    const outerPrefix = state.prefix;
    state.prefix = state.route ?? '';
    const leaveRouter: Method = function (this: unknown, ...outArgs) {
      state.prefix = outerPrefix;
      if (outArgs[0]) state.thrown ??= outArgs[0];
      // No layer of this router responded. After an error, the route of the failed layer is kept.
      if (!outArgs[0] && !response.headersSent) state.route = undefined;
      return out.apply(this, outArgs);
    };
    return original.call(this, request, response, leaveRouter);
  };
}

function wrapLayerHandle(original: Method): Method {
  return function handle(
    this: unknown,
    request: IncomingMessage,
    response: ServerResponse,
    next: unknown,
  ) {
    const layerRoute = (this as Layer)[LAYER_ROUTE_KEY];
    const state = layerRoute && getRequestState(request);
    // Express makes response properties slow to read, so `headersSent` is read only if necessary.
    if (state && (state.route === undefined || !response.headersSent)) {
      if (layerRoute.prefix !== state.prefix) {
        const isRoute = Boolean((this as Layer).route);
        layerRoute.path = joinRoute(state.prefix, layerRoute.template, isRoute);
        layerRoute.prefix = state.prefix;
      }
      state.route = layerRoute.path;
    }
    return original.call(this, request, response, next);
  };
}

/** Runs only for failed requests, before their error handlers. */
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

/** Joins a prefix and a template. Middleware at `/` adds nothing, but a route at `/` does. */
function joinRoute(prefix: string, template: string, isRoute: boolean): string | undefined {
  const suffix = template === '/' ? '' : template;
  const base = prefix.endsWith('/') ? prefix.slice(0, -1) : prefix;
  const path = prefix === '' ? suffix : base + suffix;
  return path === '' && isRoute ? '/' : path || undefined;
}
