import { DateTime, type DurationLikeObject } from 'luxon';
import { DAY_MS } from '../../core/duration.ts';
import type { Query } from './query.ts';
import { ceilTo, getRangeLengthMs, type TimeRange } from './query-range.ts';
import type { Step } from './query-step.ts';

/** What a range is compared with. */
export const COMPARISONS = ['previous', 'yesterday', 'lastWeek'] as const;
export type Comparison = (typeof COMPARISONS)[number];

/**
 * The range of comparison: the one just before, or the same hours of the zone's clock a day or a week
 * earlier, which are 23 or 25 hours away where its clocks have changed.
 */
export function toComparisonRange(
  range: TimeRange,
  comparison: Comparison,
  zone: string,
): TimeRange {
  if (comparison === 'previous') {
    return { fromMs: range.fromMs - getRangeLengthMs(range), toMs: range.fromMs };
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

export function computeTrend(current: number | undefined, previous: number | undefined): Trend {
  const comparable = current !== undefined && previous !== undefined && previous !== 0;
  const change = comparable ? (100 * (current - previous)) / previous : undefined;
  return { current, previous, change };
}

/** Asks the same of both ranges. */
export async function queryBothRanges<T>(
  question: Query,
  comparison: Comparison,
  zone: string,
  ask: (question: Query) => Promise<T>,
): Promise<[now: T, before: T]> {
  return Promise.all([
    ask(question),
    ask({ ...question, range: toComparisonRange(question.range, comparison, zone) }),
  ]);
}

/** A range of comparison whose buckets of time lie on those of the range itself. */
export interface AlignedComparison {
  readonly range: TimeRange;
  /** The time of the range itself that a time of comparison is drawn at. */
  toCurrentMs(ms: number): number;
}

/**
 * The earlier range of a series. Other than `earlier`, the one just before begins a whole number of
 * steps earlier, so that both have the same axis.
 *
 * @returns undefined when no number of steps makes a day or a week, as the comparison would need
 */
export function alignComparison(
  range: TimeRange,
  comparison: Comparison,
  step: Step,
): AlignedComparison | undefined {
  const back = computeShift(range, comparison, step);
  if (!back) return undefined;
  const at = (ms: number) => DateTime.fromMillis(ms, { zone: step.zone });
  return {
    range: {
      fromMs: at(range.fromMs).minus(back).toMillis(),
      toMs: at(range.toMs).minus(back).toMillis(),
    },
    toCurrentMs: (ms) => at(ms).plus(back).toMillis(),
  };
}

/** Days are the zone's own, of 23 or 25 hours where its clocks change. */
function computeShift(
  range: TimeRange,
  comparison: Comparison,
  { ms, zone }: Step,
): DurationLikeObject | undefined {
  if (comparison === 'previous') {
    if (ms < DAY_MS) return { milliseconds: ceilTo(getRangeLengthMs(range), ms) };
    const [from, to] = [range.fromMs, range.toMs].map((each) =>
      DateTime.fromMillis(each, { zone }),
    );
    return { days: ceilTo(to!.diff(from!, 'days').days, ms / DAY_MS) };
  }
  const days = comparison === 'yesterday' ? 1 : 7;
  return (days * DAY_MS) % ms === 0 ? { days } : undefined;
}
