/** The median absolute deviation of a normal distribution times this factor is its standard deviation. */
const MAD_TO_SD = 1.4826;
/** The 95 % quantile of the standard normal distribution. */
const NORMAL_Q95 = 1.645;
/** A tail can increase the spread by this factor. Longer tails are incidents. */
const MAX_TAIL_FACTOR = 3;
/** With few residuals, an incident could decide about their outer quantiles. */
const FEW_RESIDUALS = 100;
const MAX_TAIL_FACTOR_OF_FEW = 2;

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

/** Memory for medians, which are computed thousands of times. */
let scratch = new Float64Array(1024);

/** Returns the median of the finite numbers, or `NaN` without any. */
export function computeMedian(values: ArrayLike<number>): number {
  if (scratch.length < values.length) scratch = new Float64Array(2 * values.length);
  let length = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (Number.isFinite(value)) scratch[length++] = value;
  }
  if (length === 0) return Number.NaN;
  const middle = (length - 1) >> 1;
  const lower = selectSmallest(scratch, length, middle);
  if (length % 2 === 1) return lower;
  let upper = Number.POSITIVE_INFINITY;
  for (let i = middle + 1; i < length; i++) upper = Math.min(upper, scratch[i]!);
  return lower + (upper - lower) / 2;
}

/** Partly sorts numbers, so that all numbers after position `k` are at least as great (quickselect). */
function selectSmallest(numbers: Float64Array, length: number, k: number): number {
  let left = 0;
  let right = length - 1;
  while (left < right) {
    const pivot = numbers[(left + right) >> 1]!;
    let i = left;
    let j = right;
    while (i <= j) {
      while (numbers[i]! < pivot) i++;
      while (numbers[j]! > pivot) j--;
      if (i > j) break;
      const swapped = numbers[i]!;
      numbers[i++] = numbers[j]!;
      numbers[j--] = swapped;
    }
    if (k <= j) right = j;
    else if (k >= i) left = i;
    else break;
  }
  return numbers[k]!;
}

/** The spread of residuals, in robust standard deviations, separately for each side of 0. */
export interface Spread {
  readonly above: number;
  readonly below: number;
}

/**
 * Returns the spread of residuals. It is the median absolute deviation, or up to three times as much if the residuals
 * have a longer tail on one side. The outermost 5 % on each side have no effect, because incidents cause them.
 *
 * @returns zeros with fewer than 4 finite residuals
 */
export function computeSpread(residuals: ArrayLike<number>): Spread {
  const sorted = toSorted(residuals);
  if (sorted.length < 4) return { above: 0, below: 0 };
  const center = computeQuantile(sorted, 0.5);
  const deviations = sorted.map((value) => Math.abs(value - center)).sort();
  const common = MAD_TO_SD * computeQuantile(deviations, 0.5);
  const factor = sorted.length < FEW_RESIDUALS ? MAX_TAIL_FACTOR_OF_FEW : MAX_TAIL_FACTOR;
  const limit = (tail: number) =>
    common > 0 ? Math.min(factor * common, Math.max(common, tail / NORMAL_Q95)) : tail / NORMAL_Q95;
  return {
    above: limit(computeQuantile(sorted, 0.95) - center),
    below: limit(center - computeQuantile(sorted, 0.05)),
  };
}
