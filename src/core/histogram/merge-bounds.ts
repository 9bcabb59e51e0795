import { BUCKET_RATIO } from './bucket-scale.ts';

/** Wider buckets that contain whole stored buckets. */
export interface MergedBounds {
  /**
   * Upper bounds in ascending order, without gaps. If it's 0, the first bucket contains all values up to 0.
   */
  readonly uppers: readonly number[];
  /** Ratio of the upper to the lower bound of each positive bucket. */
  readonly ratio: number;
  /** Returns the index in `uppers` of the bucket that contains a stored bucket. */
  indexOf(bound: number): number;
}

/**
 * Merges stored buckets into at most `maxCount` buckets of equal ratio: the widths of 1, 2, 4, … stored buckets. Bounds
 * don't depend on the lowest value, so they stay the same if more values are added.
 *
 * @param bounds upper bounds of stored buckets, in any order
 */
export function mergeBounds(bounds: Iterable<number>, maxCount: number): MergedBounds {
  const all = [...bounds];
  const positive = all.filter((bound) => bound > 0);
  const zeroes = positive.length < all.length ? [0] : [];
  const [first] = positive;
  if (first === undefined) return { uppers: zeroes, ratio: BUCKET_RATIO, indexOf: () => 0 };
  // The bounds of a unit have one common distance from whole positions, which depends on its base unit.
  const offset = toPosition(first) - Math.round(toPosition(first));
  const positions = positive.map((bound) => Math.round(toPosition(bound) - offset));
  const [lowest, highest] = positions.reduce(
    ([low, high], position) => [Math.min(low, position), Math.max(high, position)],
    [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  ) as [number, number];
  let width = 1;
  const toCell = (position: number) => Math.ceil(position / width);
  while (toCell(highest) - toCell(lowest) + 1 + zeroes.length > maxCount) width *= 2;
  const start = toCell(lowest);
  const uppers = Array.from({ length: toCell(highest) - start + 1 }, (_, i) =>
    roundBound(BUCKET_RATIO ** ((start + i) * width + offset)),
  );
  return {
    uppers: [...zeroes, ...uppers],
    ratio: BUCKET_RATIO ** width,
    indexOf: (bound) =>
      bound > 0 ? toCell(Math.round(toPosition(bound) - offset)) - start + zeroes.length : 0,
  };
}

/** Returns the position of a positive bound. Neighboring stored buckets have a distance of 1. */
function toPosition(bound: number): number {
  return Math.log(bound) / Math.log(BUCKET_RATIO);
}

/** Removes rounding errors, so that a bound has few digits in a response. */
function roundBound(bound: number): number {
  return Number(bound.toPrecision(12));
}
