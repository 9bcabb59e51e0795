/*
 * Base-2 exponential buckets, as defined by OpenTelemetry
 * (https://opentelemetry.io/docs/specs/otel/metrics/data-model/#exponentialhistogram): bucket
 * `index` at `scale` contains the values in (base^index, base^(index+1)], base = 2^(2^-scale).
 */

/** Scale of all stored buckets: 8 buckets per octave, each 9.05 % wide. */
export const STORED_SCALE = 3;
const BUCKETS_PER_OCTAVE = 2 ** STORED_SCALE;
/** Ratio of the upper to the lower bound of a stored bucket. */
export const BUCKET_RATIO = 2 ** (1 / BUCKETS_PER_OCTAVE);

/** Returns the index of the stored bucket that contains a positive value. */
export function computeBucketIndex(value: number): number {
  const index = Math.ceil(Math.log2(value) * BUCKETS_PER_OCTAVE) - 1;
  // Because log2 is rounded, the index can be off by one. Correct it with the exact bounds.
  if (value <= computeLowerBound(index)) return index - 1;
  return value > computeUpperBound(index) ? index + 1 : index;
}

/** Returns the inclusive upper bound of the stored bucket `index`. */
export function computeUpperBound(index: number): number {
  return 2 ** ((index + 1) / BUCKETS_PER_OCTAVE);
}

function computeLowerBound(index: number): number {
  return 2 ** (index / BUCKETS_PER_OCTAVE);
}

/**
 * Converts a bucket index from `scale` to the stored scale. The result is exact for finer scales.
 * For a coarser scale (a range of more than 20 octaves), the upper bound of the bucket is used.
 */
export function toStoredIndex(index: number, scale: number): number {
  if (scale >= STORED_SCALE) return index >> (scale - STORED_SCALE);
  return (index + 1) * 2 ** (STORED_SCALE - scale) - 1;
}
