import type { IncomingMessage, ServerResponse } from 'node:http';
import { guard } from '../../../../core/guard.ts';
import type { Library } from '../../loading/library.ts';
import {
  findPropertyOwner,
  type Method,
  type MethodRecord,
  observeMethod,
  wrapMethod,
} from '../../loading/method-patching.ts';
import { isClosedByPeer } from '../../requests/connection-close.ts';
import {
  getRequestState,
  type RequestState,
  type RouterFrame,
} from '../../requests/request-state.ts';
import {
  type ExpressRequest,
  type Layer,
  LayerRouteField,
  type Router,
} from './express-layer-route.ts';

type RouterFactory = (() => Router) & { Router?: () => Router };

/** What fails, for {@link guard}. */
const PART = 'the Express instrumentation';
const patchedRouters = new WeakSet<object>();

function patchFactory(exports: unknown): void {
  const factory = exports as RouterFactory;
  patchRouter((factory.Router ?? factory)());
}

/**
 * Tracks requests through Express routers and the `router` package. The attribute
 * `http.route` becomes the template with all mount paths, such as `/api/:org/rooms/:id`. Errors
 * that handlers throw or pass to `next` are stored in the request state.
 */
export const EXPRESS: Library = {
  name: 'express',
  category: 'framework',
  versions: { from: '4.0.0', to: 5 },
  measured:
    'Route templates with all mount paths, and errors that handlers throw or pass to `next`.',
  bundledMessages: [
    'app.use() requires a middleware function',
    'Router.use() requires a middleware function',
  ],
  instrument: () => ({ patches: { '': patchFactory, 'lib/express.js': patchFactory } }),
};

/** The router of Express 5. */
export const ROUTER: Library = {
  name: 'router',
  category: 'framework',
  partOf: 'express',
  versions: { from: '1.0.0', to: 2 },
  measured: 'For `router`, the same data as for Express.',
  instrument: () => ({ patches: { '': patchFactory } }),
};

/** Patches the prototypes of a router and its layers once, even if several packages load them. */
function patchRouter(sample: Router): void {
  // Express 5 has one more object in the prototype chain than Express 4.
  const router = findPropertyOwner(sample, 'handle') as MethodRecord | undefined;
  if (!router) throw new TypeError('method handle not found');
  // After the first call, another agent can have patched `use`. It must not see the layer that is added here.
  if (patchedRouters.has(router)) return;
  sample.use('/', () => {});
  const layer = Object.getPrototypeOf(sample.stack[0]) as MethodRecord;
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
    before: storeLayerError,
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
    const path = getPath(firstArg);
    for (const layer of router.stack.slice(layerCount)) LayerRouteField.set(layer, router, path);
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

/**
 * Inside a router, the prefix is the template of the layer where the router is mounted. If a handler
 * passes the request to a router that already handles it, for example with `app.handle`, the router
 * keeps its prefix.
 */
const enterRouter = guard(
  PART,
  (
    router: object,
    request: ExpressRequest,
    response: ServerResponse,
    out: Method,
  ): Method | undefined => {
    const state = getRequestState(request);
    if (!state || typeof out !== 'function') return undefined;
    state.hasFramework = true;
    const outer = state.router;
    // Fastify has already stored the route if it runs an Express app as a hook.
    const route = outer === undefined ? state.route : undefined;
    const prefix = findFrame(outer, router)?.prefix ?? state.mountPath;
    state.router = { router, prefix, baseUrl: request.baseUrl ?? '', outer };
    return function (this: unknown, ...outArgs) {
      leaveRouter(state, outer, route, response, outArgs[0]);
      return out.apply(this, outArgs);
    };
  },
);

function findFrame(innermost: RouterFrame | undefined, router: object): RouterFrame | undefined {
  let frame = innermost;
  while (frame && frame.router !== router) frame = frame.outer;
  return frame;
}

const leaveRouter = guard(
  PART,
  (
    state: RequestState,
    outer: RouterFrame | undefined,
    route: string | undefined,
    response: ServerResponse,
    error: unknown,
  ) => {
    state.router = outer;
    if (isError(error)) storeError(state, response, error);
    // No layer of this router responded. After an error, the route of the failed layer is kept.
    if (!isError(error) && !response.headersSent) state.route = route;
  },
);

function wrapRouterHandle(original: Method): Method {
  return function handle(this: unknown, ...args: unknown[]) {
    const [request, response, out] = args as [IncomingMessage, ServerResponse, Method];
    const observedOut = enterRouter(this as object, request, response, out);
    if (observedOut === undefined) return original.apply(this, args);
    return args.length === 3
      ? original.call(this, request, response, observedOut)
      : original.apply(this, args.with(2, observedOut));
  };
}

const enterLayer = guard(
  PART,
  (layer: Layer, request: ExpressRequest, response: ServerResponse) => {
    const layerRoute = LayerRouteField.get(layer);
    const state = layerRoute && getRequestState(request);
    // Express makes response properties slow to read, so `headersSent` is read only if necessary.
    if (!state || (state.route !== undefined && response.headersSent)) return;
    state.route = layerRoute.getPath(request, state.router);
    // A route doesn't remove its path from the URL, so a router inside it matches the whole path.
    state.mountPath = layer.route ? (state.router?.prefix ?? '') : (state.route ?? '');
  },
);

function wrapLayerHandle(original: Method): Method {
  return function handle(this: Layer, ...args: unknown[]) {
    enterLayer(this, args[0] as IncomingMessage, args[1] as ServerResponse);
    return original.apply(this, args);
  };
}

/** Stores the error of a failed request, before its error handlers run. */
function storeLayerError(_layer: unknown, args: readonly unknown[]): void {
  const [error, request, response] = args as [unknown, IncomingMessage, ServerResponse];
  const state = getRequestState(request);
  if (state) storeError(state, response, error);
}

function storeError(state: RequestState, response: ServerResponse, error: unknown): void {
  state.thrown ??= error;
  const { socket } = response;
  // A write to a closed connection can fail too.
  if (response.headersSent && !(socket && isClosedByPeer(socket))) {
    state.hasFailedAfterHeaders = true;
  }
}

/** `next('route')` and `next('router')` skip handlers. */
function isError(error: unknown): boolean {
  return Boolean(error) && error !== 'route' && error !== 'router';
}
