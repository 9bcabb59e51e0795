import { hashKey, keepPreviousData, QueryClient, QueryObserver } from '@tanstack/query-core';
import { createContext } from 'preact';
import { useContext, useEffect, useMemo, useState } from 'preact/hooks';
import { ApiError } from '../../client/api-request.ts';
import type { ApiResponse, EndpointName, Query } from '../../client/api-types.ts';
import { onRecovery, unreachableSince } from './connection.ts';
import { client, noteApiError } from './session.ts';

/** State of a request that a component needs. */
export interface ApiState<T> {
  /** The last answer. It stays while a new one is loaded. */
  readonly data: T | undefined;
  readonly error: Error | undefined;
  /** Whether there is neither an answer nor an error yet. */
  readonly isLoading: boolean;
  /** Whether `data` belongs to earlier parameters, and the new answer is on its way. */
  readonly isPrevious: boolean;
}

export interface ApiOptions {
  /** Sends no request if false. @default true */
  readonly enabled?: boolean;
  /** Whether new measurements can change the answer. @default true unless the query has a fixed end */
  readonly isLive?: boolean;
}

type Readable = Exclude<EndpointName, 'stream' | 'acknowledge' | 'silence' | 'read' | 'person'>;

const STALE_MS = 4000;
/** Shortest time between two answers to the same live request, in ms. */
const MIN_REST_MS = 1000;
/** A live request rests for this many times its duration, so that large tables don't keep the server busy. */
const REST_FACTOR = 4;
const MAX_RETRIES = 2;

/** Answers of the API by endpoint and parameters. */
export const queryCache = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: STALE_MS,
      networkMode: 'always',
      refetchOnWindowFocus: false,
      refetchOnReconnect: false,
      retry: (failures, error) => failures < MAX_RETRIES && isTransient(error),
    },
  },
});
onRecovery(() => void queryCache.invalidateQueries());

/** Requests over the limit are repeated. If the server is gone, the recovery repeats all requests. */
function isTransient(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 429 || error.status === 503);
}

/**
 * Loads the answer of an endpoint, and loads it again when measurements arrive. Components with the same parameters
 * share one request.
 *
 * @example const { data } = useApi('endpoints', { ...rangeQuery.value, groupBy: ['service'] });
 */
export function useApi<N extends Readable>(
  name: N,
  query: Query<N>,
  options: ApiOptions = {},
): ApiState<ApiResponse<N>> {
  const parameters = query as object;
  return useRequest([name, parameters], (signal) => requestApi(name, query, signal), {
    isLive: !('to' in parameters && parameters.to !== undefined),
    ...options,
  });
}

/**
 * Sends a request of {@link useApi} before the component that needs it is drawn. Never rejects: the component repeats a
 * failed request and reports the error.
 */
export function preloadApi<N extends Readable>(name: N, query: Query<N>): Promise<void> {
  return queryCache.prefetchQuery({
    queryKey: [name, query],
    queryFn: ({ signal }) => requestApi(name, query, signal),
    retry: false,
  });
}

function requestApi<N extends Readable>(
  name: N,
  query: Query<N>,
  signal: AbortSignal,
): Promise<ApiResponse<N>> {
  const get = client.value.get as (...args: unknown[]) => Promise<ApiResponse<N>>;
  return get.call(client.value, name, query, { signal });
}

/**
 * Whether the components inside send requests. A view holds back the requests of its lower parts until its first parts
 * have their answers.
 */
export const RequestsAllowed = createContext(true);

/**
 * Loads something with any function of the client.
 *
 * @param key identifies the request. The first element is the name of the endpoint.
 */
export function useRequest<T>(
  key: readonly unknown[],
  load: (signal: AbortSignal) => Promise<T>,
  options: ApiOptions = {},
): ApiState<T> {
  const isAllowed = useContext(RequestsAllowed);
  const { isLive = true } = options;
  const enabled = isAllowed && options.enabled !== false;
  const settings = {
    queryKey: key,
    queryFn: ({ signal }: { signal: AbortSignal }) => measureDuration(key, () => load(signal)),
    enabled,
    placeholderData: keepPreviousData,
    meta: { isLive },
  };
  const observer = useMemo(() => new QueryObserver(queryCache, settings), []);
  const [, redraw] = useState(0);
  useEffect(
    () =>
      observer.subscribe((result) => {
        if (result.error) noteApiError(result.error);
        redraw((count) => count + 1);
      }),
    [observer],
  );
  const identity = JSON.stringify([key, enabled, isLive]);
  useEffect(() => observer.setOptions(settings as never), [identity]);
  const { data, error, isPlaceholderData } = observer.getOptimisticResult(
    queryCache.defaultQueryOptions(settings as never),
  ) as { data: T | undefined; error: Error | null; isPlaceholderData: boolean };
  return {
    data,
    error: error && unreachableSince.value === undefined ? error : undefined,
    isLoading: data === undefined && !error,
    isPrevious: isPlaceholderData,
  };
}

type CachedQuery = ReturnType<ReturnType<typeof queryCache.getQueryCache>['getAll']>[number];

/** Durations of the last loads, in ms. */
const durations = new WeakMap<CachedQuery, number>();

async function measureDuration<T>(key: readonly unknown[], load: () => Promise<T>): Promise<T> {
  const start = performance.now();
  try {
    return await load();
  } finally {
    const query = queryCache.getQueryCache().get(hashKey(key));
    if (query) durations.set(query, performance.now() - start);
  }
}

/** Loads the answers again that new measurements can change. Answers that are being loaded are not loaded twice. */
export function refreshLive(): void {
  const isDue = (query: CachedQuery) => {
    const restMs = Math.max(MIN_REST_MS, REST_FACTOR * (durations.get(query) ?? 0));
    return query.meta?.isLive === true && Date.now() - query.state.dataUpdatedAt >= restMs;
  };
  queryCache.invalidateQueries({ predicate: isDue }, { cancelRefetch: false }).catch(noteApiError);
}

/** Loads the answers of these endpoints again. */
export function refresh(...names: readonly string[]): Promise<void> {
  return queryCache.invalidateQueries({
    predicate: ({ queryKey }) => names.includes(String(queryKey[0])),
  });
}
