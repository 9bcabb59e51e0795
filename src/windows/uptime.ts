import type { Group } from './dimensions.ts';
import { HOSTS, ROWS } from './families.ts';
import { keyOf, type Question } from './question.ts';
import { floorTo, lengthMs, MINUTE_MS, type Range } from './range.ts';
import { numberOf, percentOf } from './row.ts';
import { select } from './select.ts';
import type { Store } from './store.ts';

/** How much of a range a group was there. */
export interface Uptime {
  group: Group;
  /** In percent of the intervals; undefined when the range is shorter than one. */
  uptime: number | undefined;
  intervals: number;
  reported: number;
}

/**
 * The share of the intervals of a range in which any process of a group has reported its health.
 * Planned restarts count as down. A group that is new is expected from its first report on.
 *
 * @param intervalMs how often services report, in whole minutes
 */
export async function uptime(
  store: Store,
  question: Question,
  intervalMs = MINUTE_MS,
): Promise<Uptime[]> {
  const range = wholeIntervals(question.range, intervalMs);
  if (lengthMs(range) <= 0) return [];
  const step = { ms: intervalMs, zone: 'utc' };
  const [seen, before] = await Promise.all([
    select(store, HOSTS, { ...question, range, step }, { figures: { rows: ROWS } }),
    select(
      store,
      HOSTS,
      {
        ...question,
        range: { fromMs: range.fromMs - lengthMs(range), toMs: range.fromMs },
        step: undefined,
      },
      { figures: { rows: ROWS } },
    ),
  ]);
  // Without groups there is an answer also of no rows.
  const there = before.filter(({ row }) => numberOf(row.rows) !== 0);
  const wasThere = new Set(there.map(({ group }) => keyOf(group)));
  const times = Map.groupBy(seen, ({ group }) => keyOf(group));
  const groups = new Map([...there, ...seen].map(({ group }) => [keyOf(group), group]));
  return [...groups].map(([key, group]) => {
    const answers = times.get(key) ?? [];
    const firstMs = Math.min(...answers.map(({ span }) => span?.fromMs ?? range.fromMs));
    const expected = { ...range, fromMs: wasThere.has(key) ? range.fromMs : firstMs };
    const intervals = lengthMs(expected) / intervalMs;
    return {
      group,
      intervals,
      reported: answers.length,
      uptime: percentOf(answers.length, intervals),
    };
  });
}

/** The interval that is under way has not failed yet. */
function wholeIntervals({ fromMs, toMs }: Range, intervalMs: number): Range {
  return { fromMs: floorTo(fromMs, intervalMs), toMs: floorTo(toMs, intervalMs) };
}
