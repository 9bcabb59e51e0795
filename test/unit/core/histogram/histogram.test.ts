import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  BUCKET_RATIO,
  computeBucketIndex,
  computeUpperBound,
  toStoredIndex,
} from '../../../../src/core/histogram/bucket-scale.ts';
import {
  addToBucket,
  type BucketCounts,
  computeStoredBound,
} from '../../../../src/core/histogram/histogram-buckets.ts';
import { computePercentile } from '../../../../src/core/histogram/percentiles.ts';

const positive = fc.double({ min: 1e-6, max: 1e9, noNaN: true });

describe('histogram buckets', () => {
  it('contain each value between their bounds', () => {
    fc.assert(
      fc.property(positive, (value) => {
        const upper = computeUpperBound(computeBucketIndex(value));
        expect(value).toBeLessThanOrEqual(upper);
        expect(value).toBeGreaterThan(computeUpperBound(computeBucketIndex(value) - 1));
      }),
    );
  });

  it('with a finer scale map to the stored bucket that contains their values', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -2000, max: 2000 }),
        fc.integer({ min: 3, max: 10 }),
        (i, scale) => {
          const middle = 2 ** ((i + 0.5) * 2 ** -scale);
          expect(toStoredIndex(i, scale)).toBe(computeBucketIndex(middle));
        },
      ),
    );
  });

  it('mirror negative values and store zero separately', () => {
    expect(computeStoredBound(0, 1)).toBe(0);
    fc.assert(
      fc.property(positive, (value) => {
        expect(computeStoredBound(-value, 1)).toBeGreaterThanOrEqual(-value);
        expect(computeStoredBound(-value, 1) * BUCKET_RATIO).toBeLessThanOrEqual(
          -value * (1 - 1e-12),
        );
      }),
    );
  });

  it('give percentiles within one bucket of the exact value', () => {
    fc.assert(
      fc.property(fc.array(positive, { minLength: 1, maxLength: 200 }), (values) => {
        const buckets: BucketCounts = new Map();
        for (const value of values) addToBucket(buckets, computeStoredBound(value, 1000), 1, 0);
        const counts = [...buckets].map(([bound, { count }]) => ({ bound, count }));
        const exact = values.toSorted((a, b) => a - b)[Math.ceil(0.95 * values.length) - 1]!;
        const estimate = computePercentile(counts, 0.95)!;
        expect(Math.max(estimate / exact, exact / estimate)).toBeLessThanOrEqual(
          BUCKET_RATIO * 1.0001,
        );
      }),
    );
    expect(computePercentile([], 0.5)).toBeUndefined();
  });
});
