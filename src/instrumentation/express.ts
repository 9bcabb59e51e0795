import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Library } from './libraries.ts';
import { stateOf } from './request-state.ts';
import { type Method, type Methods, wrap } from './wrap.ts';

interface Layer {
  /** Set on the layers that lead to a route, not on those of middleware and mounted routers. */
  route?: unknown;
  [PLACE]?: Place;
}

interface Router {
  stack: Layer[];
  use(path: string, handler: () => void): unknown;
}

type RouterFactory = (() => Router) & { Router?: () => Router };

/** What a layer knows of its place. */
interface Place {
  /** As the application wrote it. */
  readonly template: string;
  /** Its whole template below the mounts that it was last reached by: mostly always the same. */
  prefix: string | undefined;
  path: string | undefined;
}

/** Where a layer keeps it. */
const PLACE = Symbol('perfscope.place');
const patched = new WeakSet<object>();

/**
 * Follows requests through Express' routers (4, 5, and the package `router`), so that
 * `http.route` is the template with all its mounts: `/api/:org/rooms/:id`. What handlers throw, or
 * give to `next`, is noted on its way.
 */
export function express(): Library[] {
  const patchFactory = (exports: unknown) => {
    const factory = exports as RouterFactory;
    patch((factory.Router ?? factory)());
  };
  return [
    {
      name: 'express',
      majors: [4, 5],
      files: { '': patchFactory, 'lib/express.js': patchFactory },
    },
    { name: 'router', majors: [1, 2], files: { '': patchFactory } },
  ];
}

/** Patches the prototypes behind a router; each once, whatever loads it. */
function patch(sample: Router): void {
  const router = ownerOf(sample, 'handle');
  sample.use('/', () => {});
  const layer = Object.getPrototypeOf(sample.stack[0]) as Methods;
  if (patched.has(router)) return;
  patched.add(router);
  remember(router, 'use', (first) => (isPath(first) ? first : '/'));
  remember(router, 'route', (first) => first);
  wrap(router, 'handle', followRouter);
  wrap(layer, 'handle_request' in layer ? 'handle_request' : 'handleRequest', followLayer);
  wrap(layer, 'handle_error' in layer ? 'handle_error' : 'handleError', followError);
}

/** The prototype that has `name` itself: Express 5 puts one object more between than Express 4. */
function ownerOf(object: object, name: string): Methods {
  let owner: object | null = object;
  while (owner && !Object.hasOwn(owner, name))
    owner = Object.getPrototypeOf(owner) as object | null;
  if (!owner) throw new TypeError(`${name} is not there`);
  return owner as Methods;
}

/** Notes the path with which layers are added by `name`. */
function remember(target: Methods, name: string, pathOf: (first: unknown) => unknown): void {
  wrap(target, name, (original) => {
    return function (this: unknown, ...args: unknown[]) {
      const before = (this as Router).stack.length;
      const result = original.apply(this, args);
      const template = String(pathOf(args[0]));
      for (const layer of (this as Router).stack.slice(before)) {
        layer[PLACE] = { template, prefix: undefined, path: undefined };
      }
      return result;
    };
  });
}

/** A path is a text, a pattern, or a list that begins with one; anything else is a handler. */
function isPath(first: unknown): boolean {
  const leaf = Array.isArray(first) ? first.flat(Number.POSITIVE_INFINITY)[0] : first;
  return typeof leaf !== 'function';
}

/** Inside a router, templates begin with that of the layer that led to it. */
function followRouter(original: Method): Method {
  return function handle(
    this: unknown,
    request: IncomingMessage,
    response: ServerResponse,
    out: Method,
  ) {
    const state = stateOf(request);
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

function followLayer(original: Method): Method {
  return function handle(
    this: unknown,
    request: IncomingMessage,
    response: ServerResponse,
    next: unknown,
  ) {
    const place = (this as Layer)[PLACE];
    const state = place && stateOf(request);
    // The first place needs no look at the response, whose properties Express makes slow to read.
    if (state && (state.route === undefined || !response.headersSent)) {
      if (place.prefix !== state.prefix) {
        place.path = joined(state.prefix, place.template, Boolean((this as Layer).route));
        place.prefix = state.prefix;
      }
      state.route = place.path;
    }
    return original.call(this, request, response, next);
  };
}

/** Only a request that has failed comes here, on its way to whoever handles errors. */
function followError(original: Method): Method {
  return function handle(
    this: unknown,
    error: unknown,
    request: IncomingMessage,
    response: ServerResponse,
    next: unknown,
  ) {
    const state = stateOf(request);
    if (state) state.thrown ??= error;
    return original.call(this, error, request, response, next);
  };
}

/** Middleware on `/` is no place of its own; a route on `/` is. */
function joined(prefix: string, template: string, isRoute: boolean): string | undefined {
  const own = template === '/' ? '' : template;
  const path = prefix === '' ? own : (prefix.endsWith('/') ? prefix.slice(0, -1) : prefix) + own;
  return path === '' && isRoute ? '/' : path || undefined;
}
