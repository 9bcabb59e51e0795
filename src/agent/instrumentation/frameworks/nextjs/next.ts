import { guard } from '../../../../core/guard.ts';
import type { FilePatch, Library } from '../../loading/library.ts';
import {
  copyFunctionProperties,
  type Method,
  observeMethod,
} from '../../loading/method-patching.ts';
import {
  observeErrorLogger,
  patchModuleLoader,
  patchTracer,
  type RenderOptions,
} from './next-14-errors.ts';
import { observeErrorLog, PART, storeCurrentReport, storeThrown } from './next-errors.ts';
import {
  getNextState,
  isOptimizedImage,
  type LoadedPage,
  type NextRequest,
  namePage,
  nameResolvedRoute,
  type ResolvedRoute,
} from './next-route.ts';

/**
 * Tracks requests of Next.js servers: `next start`, `next dev`, a standalone build, and custom servers. Next.js publishes no
 * channel, and its OpenTelemetry spans need an SDK. The attribute `http.route` is the path of the page or route
 * handler, such as `/rooms/[id]`. Next.js turns each error into an error page, so errors are stored when Next.js reports
 * them.
 */
export const NEXT: Library = {
  name: 'next',
  category: 'full-stack',
  versions: { from: '14.0.0', to: 16 },
  measured:
    'Route templates of pages, route handlers, and API routes. Names for server actions, middleware, redirects, images, and static files. Errors in all of these. A request counts as failed if Next.js reports an error, even if the page has already sent its first part with status 200.',
  limits:
    'Drivers that Next.js bundles are not measured, even in a standalone build. List them in `serverExternalPackages`. In the edge runtime, only requests, errors, and `fetch` calls are measured. A server action has the name of its page, because action IDs change with each build.',
  bundledMessages: ['Attempted to handle request too many times'],
  instrument: () => ({
    patches: {
      'dist/server/lib/router-utils/resolve-routes.js': patchRouter,
      'dist/server/base-server.js': patchServer,
      'dist/server/lib/router-utils/instrumentation-globals.external.js': patchErrorReports,
      'dist/server/lib/trace/tracer.js': (exports, file) =>
        isVersion14(file) ? patchTracer(exports, file) : undefined,
      // Only version 14 has this file.
      'dist/server/future/helpers/module-loader/route-module-loader.js': patchModuleLoader,
    },
  }),
};

function isVersion14({ version }: { version: string }): boolean {
  return version.startsWith('14.');
}

interface RouterOptions {
  readonly req: NextRequest;
  readonly isUpgradeReq?: boolean;
}

const storeRoute = guard(PART, ({ req, isUpgradeReq }: RouterOptions, route: ResolvedRoute) => {
  const state = isUpgradeReq ? undefined : getNextState(req);
  if (state === undefined) return;
  state.route = nameResolvedRoute(route);
  state.isSmallFile = isOptimizedImage(route);
});

/** Stores the name of each response that the router chooses. */
const patchRouter: FilePatch = (exports) =>
  replaceExport(exports, 'getResolveRoutes', (original) => {
    return function (this: unknown, ...args: unknown[]) {
      const resolveRoutes = original.apply(this, args) as Method;
      observeErrorLog();
      return async (options: RouterOptions, ...others: unknown[]) => {
        const route = (await resolveRoutes(options, ...others)) as ResolvedRoute;
        storeRoute(options, route);
        return route;
      };
    };
  });

/** A page that is rendered. */
interface RenderContext {
  readonly req: NextRequest;
  /** Path of the page, such as `/rooms/[id]`. */
  readonly pathname: string;
  readonly renderOpts: RenderOptions;
}

const patchServer: FilePatch = (exports, file) => {
  const { prototype } = (exports as { default: { prototype: object } }).default;
  observeMethod<unknown>(PART, prototype, 'renderToResponseWithComponents', {
    before: (_server, args) => {
      const [context, page] = args as [RenderContext, LoadedPage];
      const state = getNextState(context.req);
      if (!state) return;
      const name = namePage(context.pathname, page, state);
      if (name !== undefined) state.route = name;
      if (isVersion14(file)) observeErrorLogger(context.renderOpts, state);
    },
  });
  observeMethod<unknown>(PART, prototype, 'renderErrorToResponse', {
    before: (_server, args) => {
      const [{ req }, error] = args as [RenderContext, unknown];
      storeThrown(getNextState(req), error);
    },
  });
  // Early releases of version 15 report errors here. Version 14 has no such method.
  if ('instrumentationOnRequestError' in prototype) {
    observeMethod<unknown>(PART, prototype, 'instrumentationOnRequestError', {
      before: (_server, [error, , context]) => storeCurrentReport(error, context),
    });
  }
};

/** Stores the errors that Next.js reports to `onRequestError` in `instrumentation.ts`. */
const patchErrorReports: FilePatch = (exports) =>
  replaceExport(exports, 'instrumentationOnRequestError', (original) => {
    return function (this: unknown, ...args: unknown[]) {
      storeCurrentReport(args[2], args[4]);
      return original.apply(this, args);
    };
  });

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
