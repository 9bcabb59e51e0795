import type { Store } from '../../windows/store.ts';
import type { Decision } from './decide.ts';
import type { BusinessRules } from './load/load.ts';
import { evaluate } from './run/evaluate.ts';
import { SettingBook } from './run/setting-book.ts';

export interface DryRunSpan {
  readonly fromMs: number;
  readonly toMs: number;
  /** Time between two evaluations. */
  readonly stepMs: number;
}

/** Evaluations of a dry run, unless somebody wants more. */
const USUAL_STEPS = 288;

/** A step that takes some minutes at most, and in which no decision expires unseen. */
export function dryRunStepMs({ intervalMs, rules }: BusinessRules, lengthMs: number): number {
  const shortest = Math.min(...rules.map(({ expiresAfterMs }) => expiresAfterMs / 3));
  return Math.max(intervalMs, Math.min(lengthMs / USUAL_STEPS, shortest));
}

/**
 * What rules would have decided in a time, from what is stored: the same evaluation as on the server,
 * from settings that are at their defaults. Nothing is written or told.
 *
 * @throws PS_UNAVAILABLE, PS_QUERY_TOO_LONG
 */
export async function* dryRun(
  store: Store,
  rules: BusinessRules['rules'],
  { fromMs, toMs, stepMs }: DryRunSpan,
): AsyncGenerator<Decision> {
  const book = new SettingBook();
  for (let now = fromMs; now <= toMs; now += stepMs) {
    for (const rule of rules) yield* await evaluate(store, rule, book, Math.round(now));
  }
}
