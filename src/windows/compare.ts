import { DateTime } from 'luxon';
import type { Question } from './question.ts';
import { lengthMs, type Range } from './range.ts';

/** What a range is compared with. */
export const COMPARISONS = ['previous', 'yesterday', 'lastWeek'] as const;
export type Comparison = (typeof COMPARISONS)[number];

/**
 * The range of comparison: the one just before, or the same hours of the zone's clock a day or a week
 * earlier, which are 23 or 25 hours away where its clocks have changed.
 */
export function earlier(range: Range, comparison: Comparison, zone: string): Range {
  if (comparison === 'previous') {
    return { fromMs: range.fromMs - lengthMs(range), toMs: range.fromMs };
  }
  const back = comparison === 'yesterday' ? { days: 1 } : { weeks: 1 };
  const shift = (ms: number) => DateTime.fromMillis(ms, { zone }).minus(back).toMillis();
  return { fromMs: shift(range.fromMs), toMs: shift(range.toMs) };
}

/** A figure now and in the range of comparison; `change` in percent, undefined where one is missing. */
export interface Trend {
  current: number | undefined;
  previous: number | undefined;
  change: number | undefined;
}

export function trend(current: number | undefined, previous: number | undefined): Trend {
  const comparable = current !== undefined && previous !== undefined && previous !== 0;
  const change = comparable ? (100 * (current - previous)) / previous : undefined;
  return { current, previous, change };
}

/** Asks the same of both ranges. */
export async function compared<T>(
  question: Question,
  comparison: Comparison,
  zone: string,
  ask: (question: Question) => Promise<T>,
): Promise<[now: T, before: T]> {
  return Promise.all([
    ask(question),
    ask({ ...question, range: earlier(question.range, comparison, zone) }),
  ]);
}
