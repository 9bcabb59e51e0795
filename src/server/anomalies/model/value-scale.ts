import { computeMedian } from './robust-statistics.ts';

/**
 * How the values of a series vary. Durations, counts, and rates vary in proportion to their level. Shares are in
 * percent. Other values, such as a number of connections, vary by a constant amount.
 */
export type ValueKind = 'proportional' | 'count' | 'share' | 'linear';

/** Converts values to a scale on which their spread is about constant, and back. */
export interface ValueScale {
  readonly kind: ValueKind;
  /** Added before the logarithm, so that zero has a finite result. Only for proportional values and counts. */
  readonly offset: number;
  /** Smallest spread on the scale. Smaller deviations are never worth an alert. */
  readonly floor: number;
}

/** Small values differ less from each other if they are below this share of the median. */
const OFFSET_SHARE = 0.05;
/** Smallest spread: 5 % of proportional values, and 2 % of the level of other values. */
const PROPORTIONAL_FLOOR = 0.05;
const LINEAR_FLOOR_SHARE = 0.02;
/** Smallest spread of a share, in percentage points. */
const SHARE_FLOOR = 0.5;
/** Larger values are counted as this, so that differences stay finite. */
const MAX_VALUE = 1e15;

/** Chooses the scale for the values of a series. */
export function createValueScale(kind: ValueKind, values: ArrayLike<number>): ValueScale {
  const median = Math.abs(computeMedian(values)) || 0;
  if (isLogarithmic(kind)) {
    const offset = Math.max(OFFSET_SHARE * Math.min(median, MAX_VALUE), 1e-9);
    return { kind, offset, floor: PROPORTIONAL_FLOOR };
  }
  if (kind === 'share') return { kind, offset: 0, floor: SHARE_FLOOR };
  return { kind, offset: 0, floor: Math.max(LINEAR_FLOOR_SHARE * median, 1e-9) };
}

function isLogarithmic(kind: ValueKind): boolean {
  return kind === 'proportional' || kind === 'count';
}

/** Returns whether values of the kind can't be negative. */
function isNonNegative(kind: ValueKind): boolean {
  return kind !== 'linear';
}

/** Converts a value to the scale. Returns `NaN` for values that are impossible, such as a negative duration. */
export function toScale({ kind, offset }: ValueScale, value: number): number {
  if (!Number.isFinite(value)) return Number.NaN;
  if (isNonNegative(kind) && value < 0) return Number.NaN;
  const limited = Math.max(-MAX_VALUE, Math.min(MAX_VALUE, value));
  return isLogarithmic(kind) ? Math.log(limited + offset) : limited;
}

/** Converts a number on the scale back to a value. */
export function fromScale({ kind, offset }: ValueScale, scaled: number): number {
  if (!isLogarithmic(kind)) {
    const value = isNonNegative(kind) ? Math.max(0, scaled) : scaled;
    return kind === 'share' ? Math.min(100, value) : value;
  }
  return Math.max(0, Math.exp(Math.min(scaled, Math.log(MAX_VALUE))) - offset);
}

/**
 * Returns the variance that chance alone adds on the scale, because the value is computed from few measurements.
 *
 * @param expected expected value, in the unit of the series
 * @param count expected number of measurements behind a value
 */
export function getSamplingVariance(scale: ValueScale, expected: number, count: number): number {
  if (!(count >= 0)) return 0;
  // A count of n varies by the square root of n.
  if (scale.kind === 'count') {
    const share = expected > 0 ? expected / (expected + scale.offset) : 0;
    return (share * share) / Math.max(count, 0.5);
  }
  if (scale.kind === 'share') {
    const share = Math.min(0.999, Math.max(0.001, expected / 100));
    return (1e4 * share * (1 - share)) / Math.max(count, 1);
  }
  return 0;
}
