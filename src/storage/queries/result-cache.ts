import type { QueryClient } from '../questdb/query-client.ts';

/** Maximum number of cached results per query client. */
const MAX_CACHED_RESULTS = 100;

interface CachedResult {
  readonly revision: string | undefined;
  readonly result: Promise<unknown>;
}

const resultsByClient = new WeakMap<QueryClient, Map<string, CachedResult>>();

/**
 * Computes a result once for all concurrent callers, and caches it until `revision` changes.
 * Without this cache, results that aggregate thousands of cached rows would be computed again for
 * each caller.
 *
 * @param key identifies all inputs of the result, including the scope
 * @param revision revision of the data; `undefined` if the data can change at any time
 */
export function cacheResult<T>(
  queryClient: QueryClient,
  key: string,
  revision: string | undefined,
  compute: () => Promise<T>,
): Promise<T> {
  const results = resultsByClient.get(queryClient) ?? new Map<string, CachedResult>();
  resultsByClient.set(queryClient, results);
  const cached = results.get(key);
  if (cached && cached.revision === revision) return cached.result as Promise<T>;
  const result = compute();
  const entry = { revision, result };
  // Delete the old entry first, so that the map stays in order of age.
  results.delete(key);
  results.set(key, entry);
  const remove = () => {
    if (results.get(key) === entry) results.delete(key);
  };
  result.then(() => {
    if (revision === undefined) remove();
  }, remove);
  for (const oldestKey of results.keys()) {
    if (results.size <= MAX_CACHED_RESULTS) break;
    results.delete(oldestKey);
  }
  return result;
}
