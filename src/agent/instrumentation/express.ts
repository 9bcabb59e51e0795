import type { IncomingMessage, ServerResponse } from 'node:http';
import { guard } from '../../core/guard.ts';
import { ExistingObject } from './hidden-property.ts';
import type { LibraryInstrumentation } from './instrumentation-registry.ts';
import {
  findPropertyOwner,
  type Method,
  type MethodRecord,
  observeMethod,
  wrapMethod,
} from './method-patching.ts';
import { getRequestState, type RequestState } from './request-state.ts';

interface Layer {
  /** Set only if the layer belongs to a route, not to middleware or a mounted router. */
  route?: unknown;
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

/** Field of a layer that stores its route. */
class LayerRouteField extends ExistingObject {
  #route: LayerRoute;

  private constructor(layer: object, route: LayerRoute) {
    super(layer);
    this.#route = route;
  }

  static get(layer: object): LayerRoute | undefined {
    return #route in layer ? layer.#route : undefined;
  }

  static set(layer: object, route: LayerRoute): void {
    if (#route in layer) layer.#route = route;
    else new LayerRouteField(layer, route);
  }
}

/** What fails, for {@link guard}. */
const PART = 'the Express instrumentation';
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
  observeMethod(PART, layer, 'handle_error' in layer ? 'handle_error' : 'handleError', {
    before: storeError,
  });
}

/** Stores the path of each layer that the method `name` adds. */
function recordRouteTemplates(
  target: MethodRecord,
  name: string,
  getPath: (firstArg: unknown) => unknown,
): void {
  const countLayers = guard(PART, (router: Router) => router.stack.length);
  const storeTemplate = guard(PART, (router: Router, layerCount: number, firstArg: unknown) => {
    const template = String(getPath(firstArg));
    for (const layer of router.stack.slice(layerCount)) {
      LayerRouteField.set(layer, { template, prefix: undefined, path: undefined });
    }
  });
  wrapMethod(target, name, (original) => {
    return function (this: Router, ...args: unknown[]) {
      const layerCount = countLayers(this);
      const result = original.apply(this, args);
      if (layerCount !== undefined) storeTemplate(this, layerCount, args[0]);
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
const enterRouter = guard(
  PART,
  (request: IncomingMessage, response: ServerResponse, out: Method): Method | undefined => {
    const state = getRequestState(request);
    if (!state || typeof out !== 'function') return undefined;
    const outerPrefix = state.prefix;
    state.prefix = state.route ?? '';
    return function (this: unknown, ...outArgs) {
      leaveRouter(state, outerPrefix, response, outArgs[0]);
      return out.apply(this, outArgs);
    };
  },
);

const leaveRouter = guard(
  PART,
  (state: RequestState, outerPrefix: string, response: ServerResponse, error: unknown) => {
    state.prefix = outerPrefix;
    if (error) state.thrown ??= error;
    // No layer of this router responded. After an error, the route of the failed layer is kept.
    if (!error && !response.headersSent) state.route = undefined;
  },
);

function wrapRouterHandle(original: Method): Method {
  return function handle(this: unknown, ...args: unknown[]) {
    const [request, response, out] = args as [IncomingMessage, ServerResponse, Method];
    const observedOut = enterRouter(request, response, out);
    return original.apply(this, observedOut === undefined ? args : args.with(2, observedOut));
  };
}

const enterLayer = guard(
  PART,
  (layer: Layer, request: IncomingMessage, response: ServerResponse) => {
    const layerRoute = LayerRouteField.get(layer);
    const state = layerRoute && getRequestState(request);
    // Express makes response properties slow to read, so `headersSent` is read only if necessary.
    if (!state || (state.route !== undefined && response.headersSent)) return;
    if (layerRoute.prefix !== state.prefix) {
      layerRoute.path = joinRoute(state.prefix, layerRoute.template, Boolean(layer.route));
      layerRoute.prefix = state.prefix;
    }
    state.route = layerRoute.path;
  },
);

function wrapLayerHandle(original: Method): Method {
  return function handle(this: Layer, ...args: unknown[]) {
    enterLayer(this, args[0] as IncomingMessage, args[1] as ServerResponse);
    return original.apply(this, args);
  };
}

/** Stores the error of a failed request, before its error handlers run. */
function storeError(_layer: unknown, [error, request]: readonly unknown[]): void {
  const state = getRequestState(request as IncomingMessage);
  if (state) state.thrown ??= error;
}

/** Joins a prefix and a template. Middleware at `/` adds nothing, but a route at `/` does. */
function joinRoute(prefix: string, template: string, isRoute: boolean): string | undefined {
  const suffix = template === '/' ? '' : template;
  const base = prefix.endsWith('/') ? prefix.slice(0, -1) : prefix;
  const path = prefix === '' ? suffix : base + suffix;
  return path === '' && isRoute ? '/' : path || undefined;
}
