import { DateTime, type DurationLikeObject } from 'luxon';
import type { Comparison } from './compare.ts';
import { ceilTo, DAY_MS, lengthMs, type Range } from './range.ts';
import type { Step } from './step.ts';

/** A range of comparison whose buckets of time lie on those of the range itself. */
export interface Shifted {
  readonly range: Range;
  /** The time of the range itself that a time of comparison is drawn at. */
  onto(ms: number): number;
}

/**
 * The earlier range of a series. Other than `earlier`, the one just before begins a whole number of
 * steps earlier, so that both have the same axis.
 *
 * @returns undefined when no number of steps makes a day or a week, as the comparison would need
 */
export function shifted(range: Range, comparison: Comparison, step: Step): Shifted | undefined {
  const back = distance(range, comparison, step);
  if (!back) return undefined;
  const at = (ms: number) => DateTime.fromMillis(ms, { zone: step.zone });
  return {
    range: {
      fromMs: at(range.fromMs).minus(back).toMillis(),
      toMs: at(range.toMs).minus(back).toMillis(),
    },
    onto: (ms) => at(ms).plus(back).toMillis(),
  };
}

/** Days are the zone's own, of 23 or 25 hours where its clocks change. */
function distance(
  range: Range,
  comparison: Comparison,
  { ms, zone }: Step,
): DurationLikeObject | undefined {
  if (comparison === 'previous') {
    if (ms < DAY_MS) return { milliseconds: ceilTo(lengthMs(range), ms) };
    const [from, to] = [range.fromMs, range.toMs].map((each) =>
      DateTime.fromMillis(each, { zone }),
    );
    return { days: ceilTo(to!.diff(from!, 'days').days, ms / DAY_MS) };
  }
  const days = comparison === 'yesterday' ? 1 : 7;
  return (days * DAY_MS) % ms === 0 ? { days } : undefined;
}
