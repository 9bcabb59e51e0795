export type Next = () => Promise<void>;
export type Handler = (context: object, next: Next) => unknown;

/** What Hono's routers store for each handler. */
export type HandlerAndRoute = [
  handler: Handler,
  route: { readonly method: string; readonly path: string },
];

/** A handler that an application added to a Hono app. */
export class HonoRoute {
  /** Path with all base paths, such as `/api/rooms/:id`. */
  readonly template: string;
  /** Path without its wildcard. A mounted app sees the rest of the path. */
  readonly mountPath: string;
  readonly hasWildcard: boolean;
  /** Whether the handler runs for all methods and all paths below a path, and can call `next`. */
  readonly isMiddleware: boolean;
  /** Whether middleware runs for each request, so that its path describes none of them. */
  readonly isForAllRequests: boolean;
  /** Whether requests to this path are meant for this handler. Otherwise, it can be middleware or a fallback. */
  readonly isEndpoint: boolean;
  /** Hono also uses the number of parameters to recognize middleware. */
  readonly canCallNext: boolean;

  constructor([handler, { method, path }]: HandlerAndRoute) {
    const isForAllMethods = method === 'ALL';
    this.template = path;
    this.mountPath = path.replace(/\/?\*$/, '');
    this.hasWildcard = path.endsWith('*');
    this.canCallNext = findTarget(handler).length >= 2;
    this.isMiddleware = isForAllMethods && this.hasWildcard && this.canCallNext;
    this.isForAllRequests = this.isMiddleware && this.mountPath === '';
    this.isEndpoint = !this.canCallNext || !(isForAllMethods || this.hasWildcard);
  }
}

/**
 * Returns the function that the application added. Hono wraps the handlers of an app that has its own error handler,
 * and stores the original one as a property of the wrapper.
 */
function findTarget(handler: Handler): Handler {
  const key = Reflect.ownKeys(handler).find(
    (each) =>
      each === '__COMPOSED_HANDLER' ||
      (typeof each === 'symbol' && each.description === 'composedHandler'),
  );
  const target = key && (handler as unknown as Record<string | symbol, unknown>)[key];
  return typeof target === 'function' ? findTarget(target as Handler) : handler;
}
