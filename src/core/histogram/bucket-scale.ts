/**
 * Base-2 exponential buckets, as OpenTelemetry defines them
 * (https://opentelemetry.io/docs/specs/otel/metrics/data-model/#exponentialhistogram):
 * bucket `index` of `scale` holds values in (base^index, base^(index+1)], base = 2^(2^-scale).
 */

/** Scale of everything stored: 8 buckets an octave, each 9.05 % wide. */
export const STORED_SCALE = 3;
const BUCKETS_PER_OCTAVE = 2 ** STORED_SCALE;
/** Upper bound over lower bound of a stored bucket. */
export const BUCKET_RATIO = 2 ** (1 / BUCKETS_PER_OCTAVE);

/** Index at the stored scale of a positive value. */
export function computeBucketIndex(value: number): number {
  const index = Math.ceil(Math.log2(value) * BUCKETS_PER_OCTAVE) - 1;
  // log2 rounds: put a value that landed one off beside its true bounds back between them.
  if (value <= computeLowerBound(index)) return index - 1;
  return value > computeUpperBound(index) ? index + 1 : index;
}

/** Inclusive upper bound of the stored bucket `index`. */
export function computeUpperBound(index: number): number {
  return 2 ** ((index + 1) / BUCKETS_PER_OCTAVE);
}

function computeLowerBound(index: number): number {
  return 2 ** (index / BUCKETS_PER_OCTAVE);
}

/**
 * The stored bucket that holds bucket `index` of `scale`. Exact from any finer scale; from a
 * coarser one (a range of over 20 octaves) the bucket's own upper bound decides.
 */
export function toStoredIndex(index: number, scale: number): number {
  if (scale >= STORED_SCALE) return index >> (scale - STORED_SCALE);
  return (index + 1) * 2 ** (STORED_SCALE - scale) - 1;
}
