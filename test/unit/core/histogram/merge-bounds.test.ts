import fc from 'fast-check';
import { expect, it } from 'vitest';
import { BUCKET_RATIO } from '../../../../src/core/histogram/bucket-scale.ts';
import { computeStoredBound } from '../../../../src/core/histogram/histogram-buckets.ts';
import { mergeBounds } from '../../../../src/core/histogram/merge-bounds.ts';

const values = fc.array(fc.double({ min: 1e-3, max: 1e7, noNaN: true }), { minLength: 1 });
const unitsPerBase = fc.constantFrom(1, 1000);

it('returns ascending bounds without gaps, and at most the maximum number', () => {
  fc.assert(
    fc.property(values, unitsPerBase, fc.integer({ min: 5, max: 80 }), (all, units, maxCount) => {
      const bounds = all.map((value) => computeStoredBound(value, units));
      const { uppers, ratio } = mergeBounds(bounds, maxCount);
      expect(uppers.length).toBeLessThanOrEqual(maxCount);
      for (const [i, upper] of uppers.slice(1).entries()) {
        expect(upper / uppers[i]!).toBeCloseTo(ratio, 6);
      }
    }),
  );
});

it('puts each stored bucket into the bucket that contains it', () => {
  fc.assert(
    fc.property(values, unitsPerBase, (all, units) => {
      const bounds = all.map((value) => computeStoredBound(value, units));
      const { uppers, ratio, indexOf } = mergeBounds(bounds, 20);
      for (const bound of bounds) {
        const upper = uppers[indexOf(bound)]!;
        const tolerance = 1 + 1e-9;
        expect(bound).toBeLessThanOrEqual(upper * tolerance);
        expect((bound / BUCKET_RATIO) * tolerance).toBeGreaterThanOrEqual(upper / ratio);
      }
    }),
  );
});

it('keeps the stored bounds if there are few', () => {
  const bounds = [5, 7, 40].map((value) => computeStoredBound(value, 1000));
  const { uppers, ratio, indexOf } = mergeBounds(bounds, 60);
  expect(ratio).toBe(BUCKET_RATIO);
  for (const bound of bounds) expect(uppers[indexOf(bound)]).toBeCloseTo(bound, 8);
});

it('keeps the bounds if more values are added', () => {
  const toBounds = (...all: number[]) => all.map((value) => computeStoredBound(value, 1000));
  const few = mergeBounds(toBounds(1, 10_000), 40).uppers;
  const more = mergeBounds(toBounds(0.9, 1, 300, 10_000), 40).uppers;
  expect(more).toEqual(expect.arrayContaining([...few]));
});

it('puts zero and negative values into one bucket', () => {
  const bounds = [-5, 0, 3].map((value) => computeStoredBound(value, 1000));
  const { uppers, indexOf } = mergeBounds(bounds, 60);
  expect(uppers).toEqual([0, expect.any(Number)]);
  expect(bounds.map(indexOf)).toEqual([0, 0, 1]);
  expect(mergeBounds([0], 60).uppers).toEqual([0]);
  expect(mergeBounds([], 60).uppers).toEqual([]);
});
