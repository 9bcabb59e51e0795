import type { Observation } from '../evaluate/observation.ts';
import { type Rule, windowOf } from '../rules/rule.ts';
import type { Sample } from './notation.ts';
import type { RuleTest } from './test-file.ts';

type Series = RuleTest['input_series'][number];

/** A count that is enough for any rule, where a test names none. */
const ENOUGH = 1_000_000;

/**
 * What a rule sees of the test's series at `atMs`: of each the newest sample, as long as it is
 * within the rule's window and the series has not ended. A gap is no new data.
 */
export function observedAt(
  series: readonly Series[],
  rule: Rule,
  intervalMs: number,
  atMs: number,
): Observation[] {
  return series.flatMap(({ series: { labels }, values, counts }): Observation[] => {
    const last = Math.min(Math.floor(atMs / intervalMs), values.length - 1);
    const newest = values.slice(0, last + 1).findLastIndex((sample) => sample !== 'gap');
    const value = values[newest];
    const newestMs = newest * intervalMs;
    const seenMs = Math.max(windowOf(rule), intervalMs);
    if (typeof value !== 'number' || atMs - newestMs >= seenMs) return [];
    return [{ labels, value, count: countAt(counts, newest), newestMs }];
  });
}

function countAt(counts: readonly Sample[] | undefined, index: number): number {
  const count = counts?.[Math.min(index, counts.length - 1)];
  return counts === undefined ? ENOUGH : typeof count === 'number' ? count : 0;
}
