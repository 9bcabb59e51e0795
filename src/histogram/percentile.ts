import { BUCKET_RATIO } from './scale.ts';

/** A bucket as it is read back: its inclusive upper bound and its count. */
export interface BoundCount {
  bound: number;
  count: number;
}

/**
 * The value below which the share `q` (0 to 1) of the counted values lies, interpolated on the
 * log scale inside its bucket. Buckets may come in any order and bounds may repeat.
 *
 * @returns undefined when nothing was counted.
 */
export function percentile(buckets: readonly BoundCount[], q: number): number | undefined {
  const filled = buckets.filter((b) => b.count > 0).sort((a, b) => a.bound - b.bound);
  const total = filled.reduce((sum, b) => sum + b.count, 0);
  if (total === 0) return undefined;
  const rank = q * total;
  let below = 0;
  for (const { bound, count } of filled) {
    if (below + count >= rank) return within(bound, Math.max(0, (rank - below) / count));
    below += count;
  }
  return filled.at(-1)?.bound;
}

function within(bound: number, share: number): number {
  if (bound === 0) return 0;
  return bound > 0 ? bound * BUCKET_RATIO ** (share - 1) : bound * BUCKET_RATIO ** (1 - share);
}

/** Which share of a bucket's values is at most `limit`, spread evenly on the log scale. */
export function shareWithin(bound: number, limit: number): number {
  if (bound <= limit) return 1;
  // Of zero, and of what is below it, nothing lies between its bounds and a smaller limit worth naming.
  if (bound <= 0 || limit * BUCKET_RATIO <= bound) return 0;
  return 1 + Math.log(limit / bound) / Math.log(BUCKET_RATIO);
}
