import { HOUR_MS } from '../duration.ts';
import { combineDegrees } from './clustered-variance.ts';
import type { IntervalSample } from './interval-sample.ts';
import {
  type Estimate,
  estimateStatistic,
  isShareStatistic,
  type Statistic,
} from './sample-estimates.ts';
import { computeTQuantile, computeTTail } from './student-t.ts';

/** The samples to compare. */
export interface Comparison {
  readonly baseline: IntervalSample;
  readonly candidate: IntervalSample;
  /** Sample for the variance between intervals. Default: the baseline. */
  readonly reference?: IntervalSample | undefined;
  /**
   * Samples from the same hours of the previous day. Their change is expected every day, so it isn't a result of the
   * deploy.
   */
  readonly dayBefore?:
    | { readonly baseline: IntervalSample; readonly candidate: IntervalSample }
    | undefined;
}

/** A statistic in both samples, and its change. */
export interface Change {
  readonly statistic: Statistic;
  /** Durations in the unit of the metric. Shares from 0 to 1. */
  readonly before: number;
  readonly after: number;
  /** Relative change of a duration, such as 0.34. Difference of a share, such as 0.02. */
  readonly change: number;
  /** Ends of the confidence interval of `change`. */
  readonly lower: number;
  readonly upper: number;
  /** Probability of at least this increase if nothing changed. */
  readonly pIncrease: number;
  /** Probability of at least this decrease if nothing changed. */
  readonly pDecrease: number;
}

/** Fewer measurements in a sample give no result. */
export const MINIMUM_COUNT = 200;
/** With fewer intervals in the reference, the variance between intervals is unknown. */
const MINIMUM_INTERVALS = 10;
/** Change per hour that a daily pattern can cause, as a difference of logarithms. */
const DRIFT_PER_HOUR = 0.025;
/** Level of the confidence intervals. */
export const CONFIDENCE = 0.99;

/** Returns whether samples have enough data to be compared. */
export function isComparable({ baseline, candidate, reference = baseline }: Comparison): boolean {
  return (
    Math.min(baseline.count, candidate.count) >= MINIMUM_COUNT &&
    reference.intervals.length >= MINIMUM_INTERVALS
  );
}

/**
 * Compares a statistic of two samples. Confidence intervals of the samples are combined with the MOVER method
 * (Zou and Donner, 2008). For shares, this is Newcombe's interval.
 *
 * @param confidence level of the interval of the change. Default: 0.99.
 * @returns undefined if there is not enough data
 */
export function compareStatistic(
  comparison: Comparison,
  statistic: Statistic,
  confidence: number = CONFIDENCE,
): Change | undefined {
  if (!isComparable(comparison)) return undefined;
  const { baseline, candidate, reference = baseline, dayBefore } = comparison;
  const before = estimateStatistic(statistic, baseline, reference);
  const after = estimateStatistic(statistic, candidate, reference);
  const daily = dayBefore && isComparable(dayBefore) ? dayBefore : undefined;
  const parts: Part[] = [
    { estimate: after, sign: 1 },
    { estimate: before, sign: -1 },
  ];
  const raw = after.value - before.value;
  if (daily) {
    const expected = [
      { estimate: estimateStatistic(statistic, daily.candidate, daily.baseline), sign: -1 },
      { estimate: estimateStatistic(statistic, daily.baseline, daily.baseline), sign: 1 },
    ];
    const drift = -expected.reduce((sum, { estimate, sign }) => sum + sign * estimate.value, 0);
    // A daily pattern explains a change, but isn't evidence for a change in the other direction.
    if (drift * raw > 0 && Math.abs(drift) < Math.abs(raw)) parts.push(...expected);
    else if (drift * raw > 0) return toUnchanged(statistic, before, after);
  }
  const allowance = isShareStatistic(statistic)
    ? 0
    : (DRIFT_PER_HOUR * Math.abs(candidate.centerMs - baseline.centerMs)) / HOUR_MS;
  const bounds = createBounds(parts, allowance);
  const degrees = combineDegrees(parts.map(({ estimate }) => estimate));
  const z = computeTQuantile((1 - confidence) / 2, degrees);
  const toChange = isShareStatistic(statistic) ? (x: number) => x : Math.expm1;
  const toValue = isShareStatistic(statistic) ? (x: number) => x : Math.exp;
  return {
    statistic,
    before: toValue(before.value),
    after: toValue(after.value),
    change: toChange(bounds.value),
    lower: toChange(bounds.lower(z)),
    upper: toChange(bounds.upper(z)),
    pIncrease: bounds.value > 0 ? findTail((x) => bounds.lower(x) > 0, degrees) : 1,
    pDecrease: bounds.value < 0 ? findTail((x) => bounds.upper(x) < 0, degrees) : 1,
  };
}

/** Rounding errors of logarithms are smaller. */
const ROUNDING = 1e-9;

interface Part {
  readonly estimate: Estimate;
  readonly sign: number;
}

/** Returns the interval of a sum of estimates, as a function of its width. */
function createBounds(parts: readonly Part[], allowance: number) {
  const value = parts.reduce((sum, { estimate, sign }) => sum + sign * estimate.value, 0);
  const distance = (z: number, direction: 1 | -1) => {
    let [squares, margin] = [0, allowance + ROUNDING];
    for (const { estimate, sign } of parts) {
      const isUp = sign === direction;
      squares +=
        (isUp ? estimate.upper(z) - estimate.value : estimate.value - estimate.lower(z)) ** 2;
      margin += isUp ? estimate.margin.above : estimate.margin.below;
    }
    return Math.sqrt(squares) + margin;
  };
  return {
    value,
    lower: (z: number) => value - distance(z, -1),
    upper: (z: number) => value + distance(z, 1),
  };
}

/** A daily pattern explains the whole change. */
function toUnchanged(statistic: Statistic, before: Estimate, after: Estimate): Change {
  const toValue = isShareStatistic(statistic) ? (x: number) => x : Math.exp;
  return {
    statistic,
    before: toValue(before.value),
    after: toValue(after.value),
    change: 0,
    lower: 0,
    upper: 0,
    pIncrease: 1,
    pDecrease: 1,
  };
}

const MAX_WIDTH = 40;

/** Returns the tail probability of the widest interval that excludes 0. */
function findTail(excludesZero: (z: number) => boolean, degrees: number): number {
  if (!excludesZero(0)) return 1;
  let [low, high] = [0, MAX_WIDTH];
  for (let i = 0; i < 24; i += 1) {
    const middle = (low + high) / 2;
    if (excludesZero(middle)) low = middle;
    else high = middle;
  }
  return computeTTail(low, degrees);
}
