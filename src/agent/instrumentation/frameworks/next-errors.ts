import { guard } from '../../../core/guard.ts';
import { observePromise } from '../loading/method-patching.ts';
import { isClosedByPeer } from '../requests/connection-close.ts';
import { getCurrentRequestState, type RequestState } from '../requests/request-state.ts';

/** What fails, for {@link guard}. */
export const PART = 'the Next.js instrumentation';

/** Stores the value that a request threw. The status of the response decides whether the request failed. */
export const storeThrown = guard(PART, (state: RequestState | undefined, thrown: unknown) => {
  if (state && thrown) state.thrown ??= thrown;
});

/**
 * Stores an error that Next.js reports. The request has failed, but its status can be 200: a page with a `Suspense`
 * boundary has already sent its first part, and some versions also answer a failed server action with 200. Next.js doesn't
 * report redirects, missing pages, and aborted requests.
 */
export const storeReport = guard(PART, (state: RequestState | undefined, error: unknown) => {
  storeThrown(state, error);
  const socket = state?.response?.socket;
  if (state && socket && !isClosedByPeer(socket)) state.hasFailedAfterHeaders = true;
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

/** Stores the reason if a promise is rejected. Returns a promise that settles in the same way. */
export function observeRejection(result: unknown, state: RequestState | undefined): unknown {
  if (state === undefined || !(result instanceof Promise)) return result;
  return observePromise(result, ignore, (error) => storeThrown(state, error));
}

const ignore = () => {};
