import type { Store } from './store.ts';

/** Answers of one store that are kept at most. */
const MOST_KEPT = 100;

interface Kept {
  readonly state: string | undefined;
  readonly answer: Promise<unknown>;
}

const answers = new WeakMap<Store, Map<string, Kept>>();

/**
 * Makes an answer once for all who ask the same at the same time, and for who asks later in the same
 * `state`. Putting figures together from thousands of rows costs more than reading them again from memory.
 *
 * @param key says all that the answer depends on, the scope among it
 * @param state of what it is made of; undefined when it may change at any time
 */
export function shared<T>(
  store: Store,
  key: string,
  state: string | undefined,
  make: () => Promise<T>,
): Promise<T> {
  const kept = answers.get(store) ?? new Map<string, Kept>();
  answers.set(store, kept);
  const known = kept.get(key);
  if (known && known.state === state) return known.answer as Promise<T>;
  const answer = make();
  const mine = { state, answer };
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
    if (kept.size <= MOST_KEPT) break;
    kept.delete(oldest);
  }
  return answer;
}
