import { DateTime, type DurationLikeObject } from 'luxon';
import { DAY_MS } from '../../core/duration.ts';
import type { Query } from './query-definition.ts';
import type { Step } from './time-buckets.ts';
import { ceilTo, getRangeLengthMs, type TimeRange } from './time-range.ts';

/** Ranges to compare with. */
export const COMPARISONS = ['previous', 'yesterday', 'lastWeek'] as const;
export type Comparison = (typeof COMPARISONS)[number];

/**
 * Returns the range to compare with: the previous range of the same length, or the same local hours
 * one day or one week earlier. Across a daylight saving change, a day is 23 or 25 hours long.
 */
export function toComparisonRange(
  range: TimeRange,
  comparison: Comparison,
  zone: string,
): TimeRange {
  if (comparison === 'previous') {
    return { fromMs: range.fromMs - getRangeLengthMs(range), toMs: range.fromMs };
  }
  const offset = comparison === 'yesterday' ? { days: 1 } : { weeks: 1 };
  const shift = (ms: number) => DateTime.fromMillis(ms, { zone }).minus(offset).toMillis();
  return { fromMs: shift(range.fromMs), toMs: shift(range.toMs) };
}

/**
 * A metric in the current range and in the range to compare with. `change` is in percent, and
 * `undefined` if a value is missing or the previous value is 0.
 */
export interface Trend {
  /** Value in the current range, in the unit of the metric. */
  current: number | undefined;
  /** Value in the range to compare with. */
  previous: number | undefined;
  /** Difference between the values, in percent of `previous`. */
  change: number | undefined;
}

export function computeTrend(current: number | undefined, previous: number | undefined): Trend {
  const isComparable = current !== undefined && previous !== undefined && previous !== 0;
  const change = isComparable ? (100 * (current - previous)) / previous : undefined;
  return { current, previous, change };
}

/** Runs the same query for the current range and for the range to compare with. */
export async function queryBothRanges<T>(
  query: Query,
  comparison: Comparison,
  zone: string,
  run: (query: Query) => Promise<T>,
): Promise<[current: T, previous: T]> {
  return Promise.all([
    run(query),
    run({ ...query, range: toComparisonRange(query.range, comparison, zone) }),
  ]);
}

/** A range to compare with, whose buckets are aligned with the buckets of the current range. */
export interface AlignedComparison {
  readonly range: TimeRange;
  /** Converts a time of this range to the corresponding time of the current range. */
  toCurrentMs(ms: number): number;
}

/**
 * Returns the range to compare a series with. Unlike in `toComparisonRange`, the previous range
 * starts a whole number of steps earlier, so that both series share one time axis.
 *
 * @returns `undefined` if the ranges are a day or a week apart, and that time is not a whole number
 *   of steps
 */
export function alignComparison(
  range: TimeRange,
  comparison: Comparison,
  step: Step,
): AlignedComparison | undefined {
  const shift = computeShift(range, comparison, step);
  if (!shift) return undefined;
  const at = (ms: number) => DateTime.fromMillis(ms, { zone: step.zone });
  return {
    range: {
      fromMs: at(range.fromMs).minus(shift).toMillis(),
      toMs: at(range.toMs).minus(shift).toMillis(),
    },
    toCurrentMs: (ms) => at(ms).plus(shift).toMillis(),
  };
}

/** Computes the distance between the ranges. Days are local days of 23, 24, or 25 hours. */
function computeShift(
  range: TimeRange,
  comparison: Comparison,
  { ms, zone }: Step,
): DurationLikeObject | undefined {
  if (comparison === 'previous') {
    if (ms < DAY_MS) return { milliseconds: ceilTo(getRangeLengthMs(range), ms) };
    const [from, to] = [range.fromMs, range.toMs].map((rangeMs) =>
      DateTime.fromMillis(rangeMs, { zone }),
    );
    return { days: ceilTo(to!.diff(from!, 'days').days, ms / DAY_MS) };
  }
  const days = comparison === 'yesterday' ? 1 : 7;
  return (days * DAY_MS) % ms === 0 ? { days } : undefined;
}
