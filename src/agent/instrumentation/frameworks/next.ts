import { guard } from '../../../core/guard.ts';
import { enableTenantContext } from '../context/tenant-context.ts';
import type { FilePatch, Library } from '../loading/library.ts';
import {
  copyFunctionProperties,
  type Method,
  observeMethod,
  observePromise,
  wrapMethod,
} from '../loading/method-patching.ts';
import { isClosedByPeer } from '../requests/connection-close.ts';
import { getCurrentRequestState, type RequestState } from '../requests/request-state.ts';
import {
  getNextState,
  type LoadedPage,
  type NextRequest,
  namePage,
  nameResolvedRoute,
  type ResolvedRoute,
} from './next-route.ts';

/** What fails, for {@link guard}. */
const PART = 'the Next.js instrumentation';

/** A page that is rendered. */
interface RenderContext {
  readonly req: NextRequest;
  /** Path of the page, such as `/rooms/[id]`. */
  readonly pathname: string;
  readonly renderOpts: { appDirDevErrorLogger?: ErrorLogger };
}

type ErrorLogger = (error: unknown) => Promise<void>;

/**
 * Tracks requests of Next.js servers: `next start`, `next dev`, a standalone build, and custom servers. Next.js publishes no
 * channel, and its OpenTelemetry spans need an SDK. The attribute `http.route` is the path of the page or route
 * handler, such as `/rooms/[id]`. Next.js turns each error into an error page, so errors are stored when Next.js reports
 * them.
 */
export const NEXT: Library = {
  name: 'next',
  category: 'framework',
  versions: { from: '14.0.0', to: 16 },
  measured:
    'Templates of pages, route handlers, and API routes, names for server actions, middleware, redirects, images, and static files, and errors of all of them.',
  limits:
    'Code in the edge runtime runs in a sandbox, so its statements are not measured. A server action has the name of its page, because the ID of an action changes with each build.',
  bundledMessages: ['Attempted to handle request too many times'],
  instrument: () => ({
    patches: {
      'dist/server/lib/router-utils/resolve-routes.js': patchRouter,
      'dist/server/base-server.js': patchServer,
      'dist/server/lib/router-utils/instrumentation-globals.external.js': patchErrorReports,
      'dist/server/lib/trace/tracer.js': patchTracer,
    },
  }),
};

const storeRoute = guard(PART, (request: NextRequest, route: ResolvedRoute) => {
  const state = getNextState(request);
  if (state) state.route = nameResolvedRoute(route);
});

/** Stores the name of each response that the router chooses. */
const patchRouter: FilePatch = (exports) =>
  replaceExport(exports, 'getResolveRoutes', (original) => {
    return function (this: unknown, ...args: unknown[]) {
      const resolveRoutes = original.apply(this, args) as (options: {
        req: NextRequest;
        isUpgradeReq?: boolean;
      }) => Promise<ResolvedRoute>;
      return async (options: Parameters<typeof resolveRoutes>[0]) => {
        const route = await resolveRoutes(options);
        if (!options.isUpgradeReq) storeRoute(options.req, route);
        return route;
      };
    };
  });

const patchServer: FilePatch = (exports, { version }) => {
  const { prototype } = (exports as { default: { prototype: object } }).default;
  const isVersion14 = version.startsWith('14.');
  // Next.js reports most errors without the request.
  enableTenantContext();
  observeMethod<unknown>(PART, prototype, 'renderToResponseWithComponents', {
    before: (_server, args) => {
      const [context, page] = args as [RenderContext, LoadedPage];
      const state = getNextState(context.req);
      if (!state) return;
      const name = namePage(context.pathname, page, state);
      if (name !== undefined) state.route = name;
      if (isVersion14) observeErrorLogger(context.renderOpts, state);
    },
  });
  observeMethod<unknown>(PART, prototype, 'renderErrorToResponse', {
    before: (_server, args) => {
      const [{ req }, error] = args as [RenderContext, unknown];
      const state = getNextState(req);
      if (state && error) state.thrown ??= error;
    },
  });
  // Before version 15.4, pages and route handlers report their errors here. Version 14 has no such method.
  if ('instrumentationOnRequestError' in prototype) {
    observeMethod<unknown>(PART, prototype, 'instrumentationOnRequestError', {
      before: (_server, [error, , context]) => storeError(error, context),
    });
  }
};

/**
 * Stores the errors of pages of the app router in Next.js 14. In production, this version has no logger, and prints the
 * errors itself.
 */
function observeErrorLogger(options: RenderContext['renderOpts'], state: RequestState): void {
  const { appDirDevErrorLogger: original } = options;
  const store = guard(PART, (error: unknown) => storeRequestError(state, error));
  options.appDirDevErrorLogger = (error) => {
    store(error);
    if (original !== undefined) return original(error);
    console.error(error);
    return Promise.resolve();
  };
}

/** Stores the errors that Next.js 15.4 or newer reports to `onRequestError` in `instrumentation.ts`. */
const patchErrorReports: FilePatch = (exports) => {
  const store = guard(PART, storeError);
  return replaceExport(exports, 'instrumentationOnRequestError', (original) => {
    return function (this: unknown, ...args: unknown[]) {
      store(args[2], args[4]);
      return original.apply(this, args);
    };
  });
};

/** Spans of the code of API routes and route handlers. */
const HANDLER_SPANS = new Set<unknown>(['Node.runHandler', 'AppRouteRouteHandlers.runHandler']);

/** Stores the errors of API routes and route handlers in Next.js 14, which only prints them. */
const patchTracer: FilePatch = (exports, { version }) => {
  if (!version.startsWith('14.')) return;
  const { getTracer } = exports as { getTracer: () => object };
  const store = guard(PART, (error: unknown) => storeError(error, undefined));
  wrapMethod(Object.getPrototypeOf(getTracer()) as object, 'trace', (original) => {
    return function (this: unknown, ...args: unknown[]) {
      const result: unknown = original.apply(this, args);
      if (!HANDLER_SPANS.has(args[0]) || !(result instanceof Promise)) return result;
      return observePromise(result, () => {}, store);
    };
  });
};

/**
 * Stores an error of the current request.
 *
 * @param context `revalidateReason` is `stale` if the error happened in the background, after the response
 */
function storeError(error: unknown, context: unknown): void {
  const { revalidateReason } = (context ?? {}) as { revalidateReason?: unknown };
  const state = revalidateReason === 'stale' ? undefined : getCurrentRequestState();
  if (state) storeRequestError(state, error);
}

/** A page fails with status 200 if it has already sent the part before a `Suspense` boundary. */
function storeRequestError(state: RequestState, error: unknown): void {
  state.thrown ??= error;
  const { response } = state;
  if (response?.headersSent && !(response.socket && isClosedByPeer(response.socket))) {
    state.hasFailedAfterHeaders = true;
  }
}

/**
 * Returns exports with one function replaced. Next.js exports getters that can't be replaced in place.
 *
 * @throws TypeError if the function doesn't exist
 */
function replaceExport(
  exports: unknown,
  name: string,
  wrapper: (original: Method) => Method,
): object {
  const object = exports as Record<string, unknown>;
  const original = object[name];
  if (typeof original !== 'function') throw new TypeError(`function ${name} not found`);
  const value = wrapper(original as Method);
  copyFunctionProperties(original as Method, value);
  const descriptors = Object.getOwnPropertyDescriptors(object);
  descriptors[name] = { value, enumerable: true, configurable: true, writable: true };
  return Object.create(Object.getPrototypeOf(object) as object, descriptors) as object;
}
