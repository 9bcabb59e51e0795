import { HOUR_MS } from '../duration.ts';
import { combineDegrees } from './clustered-variance.ts';
import type { ControlSeries } from './control-series.ts';
import type { IntervalSample } from './interval-sample.ts';
import {
  type Estimate,
  estimateStatistic,
  isShareStatistic,
  type Statistic,
  toSymmetric,
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
  /** Whether the change of the other series in the same time is subtracted. */
  readonly isRelative: boolean;
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
    const drift = -sumParts(expected);
    // A daily pattern explains a change, but isn't evidence for a change in the other direction.
    if (drift * raw > 0 && Math.abs(drift) < Math.abs(raw)) parts.push(...expected);
    else if (drift * raw > 0) {
      return {
        ...{ statistic, isRelative: false },
        ...toValues(statistic, before, after),
        ...NO_CHANGE,
      };
    }
  }
  const allowance = getAllowance(statistic, comparison);
  return {
    ...{ statistic, isRelative: false },
    ...toValues(statistic, before, after),
    ...computeChange(statistic, parts, allowance, confidence),
  };
}

/** The controls of a series, and its name among them. */
export interface Controls {
  readonly name: string;
  readonly series: ControlSeries;
  /** Controls of the previous day. */
  readonly dayBefore?: ControlSeries | undefined;
}

/**
 * Compares the geometric mean of a series with its controls, which are the other series of the service. Changes that
 * affect all series, such as a busy host, don't affect the result.
 *
 * @returns undefined if there is not enough data
 */
export function compareWithControls(
  comparison: Comparison,
  { name, series, dayBefore }: Controls,
  confidence: number = CONFIDENCE,
): Change | undefined {
  const { baseline, candidate } = comparison;
  const adjusted = isComparable(comparison) && series.adjust(name, comparison);
  if (!adjusted) return undefined;
  const statistic = 'typical';
  const toPart = (mean: typeof adjusted.baseline, sample: IntervalSample, sign: 1 | -1): Part => {
    const margin = sample.getLogMeanMargin();
    return { estimate: toSymmetric(mean.value, mean, { below: margin, above: margin }), sign };
  };
  const parts = [toPart(adjusted.candidate, candidate, 1), toPart(adjusted.baseline, baseline, -1)];
  const own = {
    before: estimateStatistic(statistic, baseline, baseline),
    after: estimateStatistic(statistic, candidate, baseline),
  };
  const values = toValues(statistic, own.before, own.after);
  const day = comparison.dayBefore;
  const daily = day && isComparable(day) ? dayBefore?.adjust(name, day) : undefined;
  if (day && daily) {
    const expected = [
      toPart(daily.candidate, day.candidate, -1),
      toPart(daily.baseline, day.baseline, 1),
    ];
    const drift = -sumParts(expected);
    const raw = sumParts(parts);
    if (drift * raw > 0 && Math.abs(drift) >= Math.abs(raw)) {
      return { ...{ statistic, isRelative: true }, ...values, ...NO_CHANGE };
    }
    if (drift * raw > 0) parts.push(...expected);
  }
  const allowance = getAllowance(statistic, comparison);
  const change = computeChange(statistic, parts, allowance, confidence);
  return { ...{ statistic, isRelative: true }, ...values, ...change };
}

/** Returns the change of a statistic that a daily pattern can cause. */
function getAllowance(statistic: Statistic, { baseline, candidate }: Comparison): number {
  return isShareStatistic(statistic)
    ? 0
    : (DRIFT_PER_HOUR * Math.abs(candidate.centerMs - baseline.centerMs)) / HOUR_MS;
}

function toValues(statistic: Statistic, before: Estimate, after: Estimate) {
  const toValue = isShareStatistic(statistic) ? (x: number) => x : Math.exp;
  return { before: toValue(before.value), after: toValue(after.value) };
}

/** Returns the sum of estimates as a change, with its interval and its probabilities. */
function computeChange(
  statistic: Statistic,
  parts: readonly Part[],
  allowance: number,
  confidence: number,
) {
  const bounds = createBounds(parts, allowance);
  const degrees = combineDegrees(parts.map(({ estimate }) => estimate));
  const z = computeTQuantile((1 - confidence) / 2, degrees);
  const toChange = isShareStatistic(statistic) ? (x: number) => x : Math.expm1;
  return {
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

function sumParts(parts: readonly Part[]): number {
  return parts.reduce((sum, { estimate, sign }) => sum + sign * estimate.value, 0);
}

/** Returns the interval of a sum of estimates, as a function of its width. */
function createBounds(parts: readonly Part[], allowance: number) {
  const value = sumParts(parts);
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

/** The result if a daily pattern explains the whole change. */
const NO_CHANGE = { change: 0, lower: 0, upper: 0, pIncrease: 1, pDecrease: 1 } as const;

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
