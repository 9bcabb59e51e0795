import { type AlertRule, CONFIDENCE_LEVELS } from '../rules/alert-rule.ts';
import type { Bounds, Observation } from './observation.ts';

/** One or two failures are incidents, not a rate, regardless of the number of measurements. */
const MIN_EVENTS = 3;
/** Counts are computed from percentages, so they aren't exact. */
const ROUNDING = 1e-6;

/**
 * Computes the Wilson score interval of a share
 * (https://en.wikipedia.org/wiki/Binomial_proportion_confidence_interval).
 *
 * @param share share from 0 to 1
 * @param count number of measurements. With 0, the interval is everything from 0 to 1.
 * @param z quantile of the normal distribution. With 0, the interval is the share itself.
 */
export function computeWilsonInterval(share: number, count: number, z: number): Bounds {
  if (count <= 0) return { lower: 0, upper: 1 };
  const square = z * z;
  const center = share + square / (2 * count);
  const margin = z * Math.sqrt((share * (1 - share)) / count + square / (4 * count * count));
  const divisor = 1 + square / count;
  return {
    lower: Math.min(share, Math.max(0, (center - margin) / divisor)),
    upper: Math.max(share, Math.min(1, (center + margin) / divisor)),
  };
}

/**
 * Returns the range of values that the measurements support. A threshold is crossed only if the whole
 * range is beyond it. With many measurements, both bounds approach the value.
 */
export function computeBounds(value: number, observation: Observation, rule: AlertRule): Bounds {
  const { confidence, scale, excludesOutlier } = rule.evidence;
  if (confidence === 'none') {
    const exact = { lower: value, upper: value };
    return excludesOutlier ? (observation.bounds ?? exact) : exact;
  }
  const share = Math.min(1, Math.max(0, value / scale));
  const { count } = observation;
  const { lower, upper } = computeWilsonInterval(share, count, CONFIDENCE_LEVELS[confidence]);
  const hasEvents = share * count >= MIN_EVENTS - ROUNDING;
  const hasOpposites = (1 - share) * count >= MIN_EVENTS - ROUNDING;
  return { lower: hasEvents ? scale * lower : 0, upper: hasOpposites ? scale * upper : scale };
}
