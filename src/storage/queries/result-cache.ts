import type { QueryClient } from '../questdb/query-client.ts';

/** Answers of one store that are kept at most. */
const MAX_CACHED_RESULTS = 100;

interface CachedResult {
  readonly revision: string | undefined;
  readonly result: Promise<unknown>;
}

const resultsByClient = new WeakMap<QueryClient, Map<string, CachedResult>>();

/**
 * Makes an answer once for all who ask the same at the same time, and for who asks later in the same
 * `state`. Putting figures together from thousands of rows costs more than reading them again from memory.
 *
 * @param key says all that the answer depends on, the scope among it
 * @param state of what it is made of; undefined when it may change at any time
 */
export function cacheResult<T>(
  store: QueryClient,
  key: string,
  state: string | undefined,
  make: () => Promise<T>,
): Promise<T> {
  const kept = resultsByClient.get(store) ?? new Map<string, CachedResult>();
  resultsByClient.set(store, kept);
  const known = kept.get(key);
  if (known && known.revision === state) return known.result as Promise<T>;
  const answer = make();
  const mine = { revision: state, result: answer };
  // The one that was made longest ago comes first.
  kept.delete(key);
  kept.set(key, mine);
  const forget = () => {
    if (kept.get(key) === mine) kept.delete(key);
  };
  answer.then(() => {
    if (state === undefined) forget();
  }, forget);
  for (const oldest of kept.keys()) {
    if (kept.size <= MAX_CACHED_RESULTS) break;
    kept.delete(oldest);
  }
  return answer;
}
