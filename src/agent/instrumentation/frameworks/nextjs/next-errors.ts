import { guard } from '../../../../core/guard.ts';
import { type Method, observePromise, wrapMethod } from '../../loading/method-patching.ts';
import { isClosedByPeer } from '../../requests/connection-close.ts';
import { getCurrentRequestState, type RequestState } from '../../requests/request-state.ts';

/** What fails, for {@link guard}. */
export const PART = 'the Next.js instrumentation';

/** Stores the value that a request threw. The status of the response decides whether the request failed. */
export const storeThrown = guard(PART, (state: RequestState | undefined, thrown: unknown) => {
  if (state && thrown) state.thrown ??= thrown;
});

/**
 * Stores an error that Next.js reports. The request has failed, but its status can be 200, because a page with a
 * `Suspense` boundary has already sent its first part. Next.js doesn't report redirects, missing pages, and aborted
 * requests.
 */
export const storeReport = guard(PART, (state: RequestState | undefined, error: unknown) => {
  storeThrown(state, error);
  const response = state?.response;
  if (!response?.socket || isClosedByPeer(response.socket)) return;
  // Next.js has sent an old copy of the page, and then failed to renew it in the background.
  if (response.getHeader('x-nextjs-cache') !== 'STALE') state!.hasFailedAfterHeaders = true;
});

/**
 * Stores an error that Next.js reports without the request.
 *
 * @param context `revalidateReason` is `stale` if the error happened in the background, after the response
 */
export const storeCurrentReport = guard(PART, (error: unknown, context: unknown) => {
  const { revalidateReason } = (context ?? {}) as { revalidateReason?: unknown };
  if (revalidateReason !== 'stale') storeReport(getCurrentRequestState(), error);
});

/** Methods for the bundles of the application, by folder. Next.js stores them on the global object. */
const SERVER_METHODS = Symbol.for('@next/router-server-methods');
const observedMethods = new WeakSet<object>();

/**
 * Stores the errors that pages and route handlers of Next.js 15.4 or newer log. Unlike `onRequestError`, which needs an
 * import, the log is called before the response ends.
 */
export const observeErrorLog = guard(PART, () => {
  const servers = (globalThis as { [SERVER_METHODS]?: Record<string, object> })[SERVER_METHODS];
  for (const methods of Object.values(servers ?? {})) {
    if (observedMethods.has(methods) || !('logErrorWithOriginalStack' in methods)) continue;
    observedMethods.add(methods);
    wrapMethod(methods, 'logErrorWithOriginalStack', observeLog);
  }
});

function observeLog(original: Method): Method {
  return function (this: unknown, ...args: unknown[]) {
    storeCurrentReport(args[0], undefined);
    return original.apply(this, args);
  };
}

/** Stores the reason if a promise is rejected. Returns a promise that settles in the same way. */
export function observeRejection(result: unknown, state: RequestState | undefined): unknown {
  if (state === undefined || !(result instanceof Promise)) return result;
  return observePromise(result, ignore, (error) => storeThrown(state, error));
}

const ignore = () => {};
