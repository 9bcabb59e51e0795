import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Library } from '../../loading/library.ts';
import { type MethodRecord, observeMethod } from '../../loading/method-patching.ts';
import { getRequestState, type RequestState } from '../../requests/request-state.ts';

/** What fails, for {@link guard}. */
const PART = 'the Koa instrumentation';

/** A route or middleware of a router. */
interface Layer {
  readonly path: unknown;
  /** Empty for middleware. */
  readonly methods: readonly string[];
  match(path: string): boolean;
}

/** The context of a request, with the properties that `@koa/router` adds. */
export interface KoaContext {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly method: string;
  readonly originalUrl: string;
  /** Prefix of the innermost `koa-mount` that has run, even if its app didn't respond. */
  readonly mountPath?: unknown;
  /** Path of the layer that ran last. */
  readonly _matchedRoute?: unknown;
  /** All layers whose path matches. */
  readonly matched?: readonly Layer[];
}

/**
 * Tracks requests of Koa. `@koa/router` stores the route in the context, which is read when the request ends. Errors
 * are stored before the context's error handler turns them into a response.
 */
export const KOA: Library = {
  name: 'koa',
  category: 'framework',
  versions: { from: '2.0.0', to: 3 },
  measured:
    'Route templates of `@koa/router`, files that `koa-static` sends, and errors that reach the default error handler.',
  limits:
    'An error that application middleware catches is stored only if a route of `@koa/router` throws it.',
  bundledMessages: ['middleware must be a function!'],
  instrument: () => ({
    patches: {
      '': patchApplication,
      'lib/application.js': patchApplication,
      'lib/context.js': (exports) => {
        observeMethod(PART, exports as MethodRecord, 'onerror', { before: storeError });
      },
    },
    modules: { 'dist/koa.mjs': { names: ['mod'], patch: ({ mod }) => patchApplication(mod) } },
  }),
};

/** Classes that were loaded with `require` and `import`. */
const patchedClasses = new WeakSet<object>();

function patchApplication(exports: unknown): void {
  const { prototype } = exports as { prototype: MethodRecord };
  if (patchedClasses.has(prototype)) return;
  observeMethod(PART, prototype, 'createContext', { after: storeContext });
  patchedClasses.add(prototype);
}

function storeContext(_application: unknown, context: KoaContext): void {
  const state = getRequestState(context.req);
  if (state === undefined) return;
  state.hasFramework = true;
  state.routeOwner = context;
  state.readRoute = readRoute;
}

/** Stores an error before Koa sends a response for it. Koa also calls `onerror` without an error. */
function storeError(context: unknown, [error]: readonly unknown[]): void {
  if (error !== null && error !== undefined) storeKoaError(context as KoaContext, error);
}

/** Stores the error of a request in its state. */
export function storeKoaError({ req, res }: KoaContext, error: unknown): void {
  const state = getRequestState(req);
  if (state === undefined) return;
  state.thrown ??= error;
  if (res.headersSent) state.hasFailedAfterHeaders = true;
}

/** Returns the template of the route with all prefixes, or undefined without a route. */
function readRoute({ routeOwner, mountPath }: RequestState): string | undefined {
  const context = routeOwner as KoaContext;
  const { _matchedRoute: path, matched = [], method } = context;
  if (path === undefined) return undefined;
  const layer =
    matched.find((each) => each.methods.length > 0 && each.path === path) ??
    // A middleware of the router ended the request.
    matched.find(({ methods }) => methods.includes(method));
  if (layer === undefined) return mountPath + String(path);
  return mountPath + findMountPath(context, layer) + String(layer.path);
}

/** Returns the prefix of `koa-mount` if it is missing in the path of a layer. */
function findMountPath(context: KoaContext, layer: Layer): string {
  const { mountPath } = context;
  if (typeof mountPath !== 'string' || mountPath === '/') return '';
  const [path = ''] = context.originalUrl.split('?', 1);
  return layer.match(path) || !path.startsWith(mountPath) ? '' : mountPath;
}
