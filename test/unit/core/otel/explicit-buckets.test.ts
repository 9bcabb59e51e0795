import fc from 'fast-check';
import { expect, it } from 'vitest';
import { computePercentile, Distribution } from '../../../../src/core/histogram/percentiles.ts';
import { getExplicitBuckets } from '../../../../src/core/otel/rows/explicit-buckets.ts';
import { computePointId } from '../../../../src/core/schema/row-ids.ts';

/** The bounds that SDKs use for durations in ms. */
const DEFAULT_BOUNDS = [0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10_000];

/** Returns the distribution of a number of points with the same counts. */
function store(bounds: readonly number[], bucketCounts: readonly number[], points = 1) {
  const count = bucketCounts.reduce((sum, each) => sum + each, 0);
  const point = { attributes: {}, startTimeMs: 0, timeMs: 1, count, sum: 1, bounds, bucketCounts };
  const merged = new Map<number, { bound: number; count: number; errorCount: number }>();
  let rows = 0;
  for (let i = 0; i < points; i++) {
    const series = { factor: 1, failed: false };
    const buckets = getExplicitBuckets({ unit: 'ms' }, series, point, computePointId(`${i}`));
    rows += buckets.size;
    for (const [bound, { count: values, errorCount }] of buckets) {
      const others = merged.get(bound)?.count ?? 0;
      merged.set(bound, { bound, count: others + values, errorCount });
    }
  }
  const buckets = [...merged.values()];
  return { buckets, rows, distribution: new Distribution(buckets) };
}

function fill(counts: Readonly<Record<number, number>>): number[] {
  return [...DEFAULT_BOUNDS, Number.POSITIVE_INFINITY].map((bound) => counts[bound] ?? 0);
}

it('interpolates percentiles in the wide buckets of SDKs', () => {
  const { distribution } = store(DEFAULT_BOUNDS, fill({ 250: 900, 500: 100 }));
  const { p50, p90, p95 } = distribution.computePercentiles();
  // `histogram_quantile` of Prometheus returns 183, 250, and 375.
  expect(p50).toBeGreaterThan(170);
  expect(p50).toBeLessThan(200);
  expect(p90).toBeGreaterThan(230);
  expect(p90).toBeLessThanOrEqual(250);
  expect(p95).toBeGreaterThan(340);
  expect(p95).toBeLessThan(410);
});

it('interpolates percentiles of many points with a few values', () => {
  const { rows, distribution } = store(DEFAULT_BOUNDS, fill({ 250: 3 }), 400);
  const { p50, p95 } = distribution.computePercentiles();
  expect(p50).toBeGreaterThan(160);
  expect(p50).toBeLessThan(200);
  expect(p95).toBeGreaterThan(225);
  expect(p95).toBeLessThanOrEqual(250);
  expect(rows).toBe(400);
});

it('stores the same buckets again for the same point', () => {
  const bounds = [10, 100, 1000];
  expect(store(bounds, [5, 40, 9, 0]).buckets).toEqual(store(bounds, [5, 40, 9, 0]).buckets);
});

it('keeps narrow buckets, zeros, and negative values in one row', () => {
  expect(store([-10, 0, 100, 109], [50, 50, 0, 50, 0]).buckets).toEqual([
    { bound: -10, count: 50, errorCount: 0 },
    { bound: 0, count: 50, errorCount: 0 },
    { bound: 109, count: 50, errorCount: 0 },
  ]);
});

it('keeps counts and percentiles in the bucket of the sender', () => {
  const anyBounds = fc.uniqueArray(fc.integer({ min: 1, max: 60 }), {
    minLength: 1,
    maxLength: 10,
  });
  fc.assert(
    fc.property(
      anyBounds,
      fc.array(fc.nat({ max: 50 }), { minLength: 11, maxLength: 11 }),
      fc.double({ min: 0.01, max: 1, noNaN: true }),
      (exponents, counts, quantile) => {
        // Each bucket is at least 20 % wide, so it is wider than a stored bucket.
        const bounds = exponents.toSorted((a, b) => a - b).map((exponent) => 1.2 ** exponent);
        const bucketCounts = counts.slice(0, bounds.length + 1);
        const total = bucketCounts.reduce((sum, each) => sum + each, 0);
        fc.pre(total > 0);
        const { buckets } = store(bounds, bucketCounts);
        let index = 0;
        let upTo = 0;
        for (const [i, bound] of bounds.entries()) {
          upTo += bucketCounts[i]!;
          if (upTo < quantile * total) index = i + 1;
          // Exact, so that the share of requests up to a limit is exact.
          const stored = buckets.filter((each) => each.bound <= bound * (1 + 1e-9));
          expect(stored.reduce((sum, { count }) => sum + count, 0)).toBe(upTo);
        }
        expect(buckets.reduce((sum, { count }) => sum + count, 0)).toBe(total);
        const percentile = computePercentile(buckets, quantile) ?? 0;
        const lower = index === 0 ? 0 : bounds[index - 1]!;
        const upper = bounds[index] ?? bounds.at(-1)! * 1.1;
        expect(percentile).toBeGreaterThanOrEqual(lower * 0.999);
        expect(percentile).toBeLessThanOrEqual(upper * 1.001);
      },
    ),
  );
});

it('uses the minimum and the maximum in the first bucket', () => {
  const values = { bounds: [5, 10], bucketCounts: [100, 0, 0], count: 100, sum: 8 };
  const point = { attributes: {}, startTimeMs: 0, timeMs: 1, ...values, min: 0.04, max: 0.9 };
  const buckets = getExplicitBuckets({ unit: 'ms' }, { factor: 1, failed: false }, point, 1);
  const bounds = [...buckets.keys()];
  expect(bounds).toHaveLength(4);
  expect(Math.max(...bounds)).toBeLessThanOrEqual(0.9);
  expect(Math.min(...bounds)).toBeLessThan(0.2);
});

it('keeps percentiles in the bucket of the sender if all values are close to its lower bound', () => {
  const values = { bounds: [10, 25], bucketCounts: [0, 3, 0], count: 3, sum: 30.3 };
  const point = { attributes: {}, startTimeMs: 0, timeMs: 1, ...values, max: 10.2 };
  const buckets = getExplicitBuckets({ unit: 'ms' }, { factor: 1, failed: false }, point, 1);
  const stored = [...buckets].map(([bound, counts]) => ({ bound, ...counts }));
  expect(computePercentile(stored, 0.1)).toBeGreaterThanOrEqual(10);
});
