import {
  computeMedian,
  computeQuantile,
  computeSpread,
  type Spread,
  toSorted,
} from './robust-statistics.ts';

/**
 * How values of a window that is shorter than an hour differ from the values of the hour, on the scale. A percentile of
 * five minutes varies more than a percentile of an hour.
 */
export interface WindowSpread extends Spread {
  /** Usual difference: the median. */
  readonly bias: number;
}

/** Windows of an hour or more vary as the hourly values. */
export const NO_WINDOW_SPREAD: WindowSpread = { bias: 0, above: 0, below: 0 };

/** Fewer windows than this don't show how they vary. */
const MIN_WINDOWS = 24;

/**
 * Short spikes that occur each day are normal. A long incident also changes the hourly values, so few of its windows
 * differ from their hour.
 */
const TAIL_SHARE = 0.99;
/** The 99 % quantile of the standard normal distribution. */
const NORMAL_TAIL = 2.326;

/**
 * Learns the differences between windows and hours.
 *
 * @param differences scaled value of each window minus the scaled value of its time, interpolated between hours
 * @returns `undefined` with too few windows
 */
export function fitWindowSpread(differences: ArrayLike<number>): WindowSpread | undefined {
  let known = 0;
  for (let i = 0; i < differences.length; i++) if (Number.isFinite(differences[i]!)) known += 1;
  if (known < MIN_WINDOWS) return undefined;
  const bias = computeMedian(differences);
  const sorted = toSorted(differences);
  const { above, below } = computeSpread(differences);
  return {
    bias,
    above: Math.max(above, (computeQuantile(sorted, TAIL_SHARE) - bias) / NORMAL_TAIL),
    below: Math.max(below, (bias - computeQuantile(sorted, 1 - TAIL_SHARE)) / NORMAL_TAIL),
  };
}

/**
 * Returns a cautious spread for a window whose values weren't measured. Independent values of a window that is k times
 * shorter vary more, by the square root of k.
 */
export function assumeWindowSpread({ above, below }: Spread, windowMs: number): WindowSpread {
  const parts = Math.max(1, 3_600_000 / windowMs);
  const factor = Math.sqrt(parts - 1);
  return { bias: 0, above: factor * above, below: factor * below };
}
