/** The median absolute deviation of a normal distribution times this factor is its standard deviation. */
const MAD_TO_SD = 1.4826;
/** The 97.5 % quantile of the standard normal distribution. */
const NORMAL_Q975 = 1.96;

/** Copies the finite numbers to a new sorted array. */
export function toSorted(values: ArrayLike<number>): Float64Array {
  const finite = new Float64Array(values.length);
  let length = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (Number.isFinite(value)) finite[length++] = value;
  }
  return finite.subarray(0, length).sort();
}

/**
 * Returns a quantile with linear interpolation.
 *
 * @param sorted finite numbers in ascending order
 * @param share from 0 to 1
 * @returns `NaN` without numbers
 */
export function computeQuantile(sorted: Float64Array, share: number): number {
  if (sorted.length === 0) return Number.NaN;
  const position = share * (sorted.length - 1);
  const low = Math.floor(position);
  const lower = sorted[low]!;
  const upper = sorted[Math.min(low + 1, sorted.length - 1)]!;
  return lower + (position - low) * (upper - lower);
}

/** Returns the median of the finite numbers, or `NaN` without any. */
export function computeMedian(values: ArrayLike<number>): number {
  return computeQuantile(toSorted(values), 0.5);
}

/** The spread of residuals, in robust standard deviations, separately for each side of 0. */
export interface Spread {
  readonly above: number;
  readonly below: number;
}

/**
 * Returns the spread of residuals. It is the median absolute deviation, or more if the residuals have a longer tail on
 * one side: the residuals between the central 95 % and the central half determine the tail. The most extreme 2.5 % on
 * each side, which incidents cause, have no effect.
 *
 * @returns zeros with fewer than 4 finite residuals
 */
export function computeSpread(residuals: ArrayLike<number>): Spread {
  const sorted = toSorted(residuals);
  if (sorted.length < 4) return { above: 0, below: 0 };
  const center = computeQuantile(sorted, 0.5);
  const deviations = sorted.map((value) => Math.abs(value - center)).sort();
  const common = MAD_TO_SD * computeQuantile(deviations, 0.5);
  const above = (computeQuantile(sorted, 0.975) - center) / NORMAL_Q975;
  const below = (center - computeQuantile(sorted, 0.025)) / NORMAL_Q975;
  // Without many residuals, the outermost quantiles are single values, so an incident would decide.
  const limit = sorted.length < 100 ? 2 * common : Number.POSITIVE_INFINITY;
  const pick = (side: number) => Math.max(common, common > 0 ? Math.min(side, limit) : side);
  return { above: pick(above), below: pick(below) };
}
