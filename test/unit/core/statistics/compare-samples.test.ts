import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { computeStoredBound } from '../../../../src/core/histogram/histogram-buckets.ts';
import {
  combineDegrees,
  estimateBetweenVariance,
} from '../../../../src/core/statistics/clustered-variance.ts';
import { compareStatistic } from '../../../../src/core/statistics/compare-samples.ts';
import { correctWithHolm } from '../../../../src/core/statistics/find-changes.ts';
import {
  type IntervalHistogram,
  IntervalSample,
} from '../../../../src/core/statistics/interval-sample.ts';
import {
  DURATION_STATISTICS,
  type Statistic,
} from '../../../../src/core/statistics/sample-estimates.ts';
import { createRandom } from '../../../support/random.ts';

const MINUTE_MS = 60_000;

/** Creates intervals with one list of values per minute. */
function toSample(
  minutes: readonly (readonly number[])[],
  errors: (minute: number) => number = () => 0,
  startMinute = 0,
): IntervalSample {
  return new IntervalSample(
    minutes.map((values, i): IntervalHistogram => {
      const buckets = new Map<number, number>();
      for (const value of values) {
        const bound = computeStoredBound(value, 1000);
        buckets.set(bound, (buckets.get(bound) ?? 0) + 1);
      }
      return {
        atMs: (startMinute + i) * MINUTE_MS,
        count: values.length,
        errorCount: errors(i),
        abortedCount: 0,
        sum: values.reduce((sum, value) => sum + value, 0),
        buckets: [...buckets].flat(),
      };
    }),
  );
}

/** Creates log-normal values around 50 ms. */
function draw(seed: number, minutes: number, perMinute: number, factor = 1): number[][] {
  const random = createRandom(seed);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return Array.from({ length: minutes }, () =>
    Array.from({ length: perMinute }, () => 50 * factor * Math.exp(0.5 * normal())),
  );
}

const compare = (statistic: Statistic, baseline: IntervalSample, candidate: IntervalSample) =>
  compareStatistic({ baseline, candidate }, statistic);

describe('durations', () => {
  it.each(DURATION_STATISTICS)('the interval of %s contains the true factor', (statistic) => {
    for (const factor of [0.7, 1, 1.05, 1.2, 2.3]) {
      const change = compare(
        statistic,
        toSample(draw(1, 60, 200)),
        toSample(draw(2, 20, 200, factor), undefined, 60),
      );
      expect(change?.lower).toBeLessThan(factor - 1);
      expect(change?.upper).toBeGreaterThan(factor - 1);
      // Also the estimate is near the factor: interpolation in buckets of 9 % causes no bias.
      expect(Math.abs((change?.change ?? 9) - (factor - 1)) / factor).toBeLessThan(0.03);
    }
  });

  it('99 % intervals contain the true value in 99 % of samples', () => {
    const counts = { p50: 0, p95: 0, mean: 0, typical: 0 };
    const runs = 150;
    for (let seed = 0; seed < runs; seed += 1) {
      const baseline = toSample(draw(2 * seed + 1, 20, 40));
      const candidate = toSample(draw(2 * seed + 2, 20, 40), undefined, 20);
      for (const statistic of DURATION_STATISTICS) {
        const { lower, upper } = compare(statistic, baseline, candidate)!;
        if (lower > 0 || upper < 0) counts[statistic] += 1;
      }
    }
    for (const statistic of DURATION_STATISTICS) expect(counts[statistic]).toBeLessThanOrEqual(5);
  });

  it('values that move from one bucket to the next prove nothing', () => {
    fc.assert(
      fc.property(fc.double({ min: 1, max: 1000, noNaN: true }), (value) => {
        const bound = computeStoredBound(value, 1000);
        const fill = (ms: number) =>
          toSample(Array.from({ length: 60 }, () => new Array<number>(100).fill(ms)));
        const [before, after] = [fill(bound * 0.9999), fill(bound * 1.0001)];
        for (const statistic of ['p50', 'p95', 'typical'] as const) {
          const change = compare(statistic, before, after)!;
          expect(change.lower).toBeLessThanOrEqual(1e-9);
          expect(change.pIncrease).toBeGreaterThan(0.499);
        }
      }),
      { numRuns: 20 },
    );
  });

  it('a few extreme values prove nothing about the mean', () => {
    const after = draw(4, 20, 100);
    after[3]!.push(120_000);
    const change = compare('mean', toSample(draw(3, 60, 100)), toSample(after, undefined, 60))!;
    expect(change.change).toBeGreaterThan(0.5);
    expect(change.pIncrease).toBeGreaterThan(0.01);
  });

  it('minutes that vary together widen the interval', () => {
    const even = toSample(draw(5, 60, 200));
    const uneven = toSample(
      draw(5, 60, 200).map((values, i) => values.map((v) => v * (i % 20 < 10 ? 0.8 : 1.2))),
    );
    const candidate = toSample(draw(6, 10, 200), undefined, 60);
    const width = (baseline: IntervalSample) => {
      const { lower, upper } = compare('typical', baseline, candidate)!;
      return upper - lower;
    };
    expect(width(uneven)).toBeGreaterThan(3 * width(even));
  });

  it('a gap in the distribution widens the interval of the median', () => {
    const bimodal = (seed: number, minutes: number) =>
      toSample(
        draw(seed, minutes, 100).map((values) => values.map((v, i) => (i % 2 ? v : v / 100))),
      );
    const { lower, upper } = compare('p50', bimodal(7, 60), bimodal(8, 10))!;
    expect(lower).toBeLessThan(-0.3);
    expect(upper).toBeGreaterThan(0.3);
  });

  it('a change that happens every day at this hour is not a change', () => {
    const at = (seed: number, minutes: number, factor: number) =>
      toSample(draw(seed, minutes, 200, factor));
    const dayBefore = { baseline: at(11, 60, 1), candidate: at(12, 60, 1.5) };
    const comparison = { baseline: at(13, 60, 1), candidate: at(14, 20, 1.5) };
    expect(compareStatistic(comparison, 'p50')!.pIncrease).toBeLessThan(1e-6);
    expect(compareStatistic({ ...comparison, dayBefore }, 'p50')!.pIncrease).toBeGreaterThan(0.01);
  });

  it('needs 200 measurements and 10 minutes', () => {
    const many = toSample(draw(1, 60, 100));
    expect(compare('p50', many, toSample(draw(2, 1, 199)))).toBeUndefined();
    expect(compare('p50', many, toSample(draw(2, 1, 200)))).toBeDefined();
    expect(compare('p50', toSample(draw(2, 9, 200)), many)).toBeUndefined();
  });
});

describe('shares', () => {
  const withErrors = (minutes: number, errors: (minute: number) => number) =>
    toSample(draw(1, minutes, 100), errors);

  it('finds more failures, and states the difference', () => {
    const change = compare(
      'errorRate',
      withErrors(60, () => 1),
      withErrors(10, () => 6),
    )!;
    expect(change.change).toBeCloseTo(0.05, 9);
    expect(change.lower).toBeGreaterThan(0.01);
    expect(change.pIncrease).toBeLessThan(1e-6);
  });

  it('a few failures after none prove nothing', () => {
    const change = compare(
      'errorRate',
      withErrors(60, (i) => (i % 20 ? 0 : 1)),
      withErrors(3, () => 1),
    )!;
    expect(change.pIncrease).toBeGreaterThan(1e-4);
  });

  it('one bad minute proves nothing', () => {
    const bursts = withErrors(60, (i) => (i % 15 ? 0 : 60));
    const change = compare(
      'errorRate',
      bursts,
      withErrors(5, (i) => (i === 2 ? 60 : 0)),
    )!;
    expect(change.pIncrease).toBeGreaterThan(1e-3);
  });
});

it('estimates the variance between intervals, and its autocorrelation', () => {
  const random = createRandom(3);
  const independent = Array.from({ length: 400 }, () => ({ count: 10, sum: 10 * random() }));
  const repeated = independent.map((_, i) => independent[Math.floor(i / 8)]!);
  const variance = (clusters: typeof independent, length: number) =>
    estimateBetweenVariance(clusters, 0, length).variance;
  expect(variance(independent, 1)).toBeCloseTo(1 / 12, 2);
  // A correlation of 0.5 is assumed, because the estimate can be too low.
  const ratio = variance(independent, 8) / variance(independent, 1);
  expect(ratio).toBeGreaterThan(2.4);
  expect(ratio).toBeLessThan(2.6);
  expect(variance(repeated, 8) / variance(repeated, 1)).toBeGreaterThan(4);
});

it('Welch and Satterthwaite: only the uncertain part reduces the degrees of freedom', () => {
  expect(combineDegrees([{ variance: 1, between: 0, degrees: 5 }])).toBe(Number.POSITIVE_INFINITY);
  expect(combineDegrees([{ variance: 1, between: 1, degrees: 5 }])).toBeCloseTo(5, 9);
  expect(combineDegrees([{ variance: 2, between: 1, degrees: 5 }])).toBeCloseTo(20, 9);
  // Errors of the same reference add up.
  const half = { variance: 0.5, between: 0.5, degrees: 5 };
  expect(combineDegrees([half, half])).toBeCloseTo(5, 9);
});

it('Holm: rejects more than Bonferroni, and stops at the first that is not significant', () => {
  const items = [0.004, 0.012, 0.02, 0.03].map((p) => ({ p, statistic: 'p50' as const }));
  const found = (alpha: number) =>
    [...correctWithHolm(items, ({ p }) => p, alpha)].map(({ p }) => p);
  expect(found(0.04)).toEqual([0.004, 0.012, 0.02, 0.03]);
  expect(found(0.03)).toEqual([0.004]);
  expect(found(0.01)).toEqual([]);
});
