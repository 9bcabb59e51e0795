import { types } from 'node:util';
import { guard } from '../../../../core/guard.ts';
import {
  copyFunctionProperties,
  type Method,
  observePromise,
  wrapMethod,
} from '../../loading/method-patching.ts';
import type { RequestState } from '../../requests/request-state.ts';
import { enterApp, getEventState, type H3Event, storeError, storeMatch } from './h3-request.ts';

/** What fails, for {@link guard}. */
const PART = 'the h3 instrumentation';

/** An event handler. */
type Handler = (event: H3Event) => unknown;

/** A handler of an app, and the path where it is mounted. Paths have no parameters. */
interface Layer {
  readonly route: string;
  handler: Handler;
}

interface App {
  readonly stack: Layer[];
}

/** Replaces a function that creates apps, routers, or handlers. */
function observeResult(
  original: Method,
  observe: (result: never, args: unknown[]) => unknown,
): Method {
  const tryToObserve = guard(PART, observe);
  const wrapper: Method = function (this: unknown, ...args: unknown[]) {
    const result = original.apply(this, args);
    return tryToObserve(result as never, args) ?? result;
  };
  copyFunctionProperties(original, wrapper);
  return wrapper;
}

/** Observes the errors of apps, and the paths of their handlers. */
export function observeApp(createApp: Method): Method {
  return observeResult(createApp, (app: App) => {
    const observeLayers = guard(PART, () => {
      for (const layer of app.stack) observeLayer(layer);
    });
    wrapMethod(app, 'use', (use) => {
      return function (this: unknown, ...args: unknown[]) {
        const result = use.apply(this, args);
        observeLayers();
        return result;
      };
    });
    wrapMethod(app, 'handler', (handler) => observeErrors(handler as Handler) as Method);
  });
}

const enter = guard(PART, (event: H3Event): RequestState | undefined => {
  const state = getEventState(event);
  if (state) enterApp(state, '');
  return state;
});

const storeThrown = guard(PART, storeError);

function observeErrors(handler: Handler): Handler {
  return function (this: unknown, event) {
    const state = enter(event);
    const result = handler.call(this, event);
    if (state === undefined || !types.isPromise(result)) return result;
    return observePromise(result, ignore, (error) => storeThrown(state, error));
  };
}

function ignore(): void {}

const observedLayers = new WeakSet<Layer>();

function observeLayer(layer: Layer): void {
  if (observedLayers.has(layer)) return;
  observedLayers.add(layer);
  if (layer.route.length > 1) layer.handler = observeMount(layer.handler, layer.route);
}

/** Observes handlers that get only a part of the path. */
export function observeBase(useBase: Method): Method {
  return observeResult(useBase, (handler: Handler, args) => {
    const base = String(args[0]).replace(/\/$/, '');
    return base === '' ? undefined : observeMount(handler, base);
  });
}

/** The names of a request before it reached a handler. */
interface Mount {
  readonly state: RequestState;
  readonly path: string;
  readonly route: string | undefined;
}

const enterMount = guard(PART, (event: H3Event, path: string): Mount | undefined => {
  const state = getEventState(event);
  if (state === undefined) return undefined;
  const mount = { state, path: state.mountPath, route: state.route };
  state.mountPath += path;
  state.route = state.mountPath;
  return mount;
});

const leaveMount = guard(PART, ({ state, path, route }: Mount, isHandled: boolean) => {
  state.mountPath = path;
  if (!isHandled) state.route = route;
});

/** Stores the path of a handler while it runs. It is also the name of the request if no router responds. */
function observeMount(handler: Handler, path: string): Handler {
  const observed: Handler = function (this: unknown, event) {
    const mount = enterMount(event, path);
    if (mount === undefined) return handler.call(this, event);
    let result: unknown;
    try {
      result = handler.call(this, event);
    } catch (error) {
      leaveMount(mount, !isNotFound(error));
      throw error;
    }
    const leave = (value: unknown) => leaveMount(mount, value !== undefined || isHandled(event));
    if (types.isPromise(result)) {
      return observePromise(result, leave, (error) => leaveMount(mount, !isNotFound(error)));
    }
    leave(result);
    return result;
  };
  copyFunctionProperties(handler as Method, observed as Method);
  return observed;
}

function isHandled(event: H3Event): boolean {
  try {
    return event.handled === true;
  } catch {
    return true;
  }
}

/** An app throws this error if no handler responds. */
function isNotFound(error: unknown): boolean {
  try {
    return (error as { statusCode?: unknown } | undefined)?.statusCode === 404;
  } catch {
    return false;
  }
}

/** Observes the routes of routers. */
export function observeRouter(createRouter: Method): Method {
  return observeResult(createRouter, (router: object) => {
    wrapMethod(router, 'handler', (handler) => observeRoutes(handler as Handler) as Method);
  });
}

/**
 * Stores the route after the handler was called, because only then the event has it. If the handler belongs to a router
 * inside this one, that router has already stored its own route.
 */
const leaveRouter = guard(PART, (event: H3Event, prefix: string) => {
  const state = getEventState(event);
  if (state) storeMatch(state, event.context.matchedRoute, () => prefix);
});

function observeRoutes(handler: Handler): Handler {
  return function (this: unknown, event) {
    const prefix = enter(event)?.mountPath ?? '';
    try {
      return handler.call(this, event);
    } finally {
      leaveRouter(event, prefix);
    }
  };
}
