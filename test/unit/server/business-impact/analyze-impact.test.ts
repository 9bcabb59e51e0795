import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS } from '../../../../src/core/duration.ts';
import {
  analyzeImpact,
  IMPACT_STEP_MS,
} from '../../../../src/server/business-impact/analyze-impact.ts';
import { describeImpact } from '../../../../src/server/business-impact/describe-impact.ts';
import type { ImpactInterval } from '../../../../src/server/business-impact/impact-interval.ts';
import { createNoise } from '../../../support/forecast-series.ts';
import { createRandom } from '../../../support/random.ts';

const ZONE = 'Europe/Vienna';
const START_MS = Date.UTC(2026, 2, 16);
const NAMES = { statistic: 'p95', outcome: 'bookings', exposure: 'search' };

interface Simulation {
  readonly days: number;
  /** Ratio of bookings per search in slow intervals. 1 for no effect. */
  readonly ratio: number;
  readonly searches?: number;
}

/**
 * Simulates two weeks in which slow intervals last several hours, the conversion depends on the hour and the day, and the
 * load makes requests slower. In March 2026, the clock changes in Vienna.
 */
function simulate(seed: number, { days, ratio, searches = 60 }: Simulation): ImpactInterval[] {
  const random = createRandom(seed);
  const noise = createNoise(seed + 1e6);
  let dayFactor = 1;
  let slowUntil = 0;
  return Array.from({ length: (days * DAY_MS) / IMPACT_STEP_MS }, (_, i) => {
    const atMs = START_MS + i * IMPACT_STEP_MS;
    const hour = Math.floor(atMs / HOUR_MS) % 24;
    if (i % 144 === 0) dayFactor = Math.exp(0.15 * noise());
    if (random() < 0.012) slowUntil = i + 6 + Math.floor(30 * random());
    const isSlow = i < slowUntil;
    const load = 1 + 0.7 * Math.sin((2 * Math.PI * (hour - 8)) / 24);
    const exposure = Math.round(searches * load * Math.exp(0.1 * noise()));
    const latencyMs = (200 + 50 * load) * Math.exp(0.1 * noise()) * (isSlow ? 4 : 1);
    // In the evening, more searches lead to a booking.
    const conversion = (hour >= 17 ? 0.16 : 0.1) * dayFactor * (isSlow ? ratio : 1);
    const spread = Math.sqrt(exposure * conversion * (1 - conversion));
    const outcome = Math.max(0, Math.round(exposure * conversion + spread * noise()));
    return { atMs, outcome, exposure, latencyMs };
  });
}

describe('analyzeImpact', () => {
  it('finds an effect, and describes it without claiming a cause', () => {
    const result = analyzeImpact(simulate(1, { days: 28, ratio: 0.7 }), ZONE);
    expect(result.status).toBe('fewer');
    expect(result.bands).toHaveLength(4);
    expect(result.slow!.pValue).toBeLessThan(0.001);
    expect(result.associated!.count).toBeGreaterThan(0);
    const sentences = describeImpact(result, NAMES);
    expect(sentences[0]).toMatch(
      /^In intervals with a p95 of .* or more, there were \d+(\.\d+)? % fewer bookings per search \(95 % interval: .* to .* %\)\.$/,
    );
    expect(sentences[1]).toMatch(
      /^They are compared with faster intervals at the same hours and load, based on [\d,]+ intervals\.$/,
    );
    expect(sentences.at(-1)).toBe("This doesn't show that slowness was the cause.");
  });

  it('has an interval that contains the simulated ratio in about 95 % of the cases', () => {
    let covered = 0;
    const runs = 100;
    for (let seed = 0; seed < runs; seed++) {
      const intervals = simulate(seed, { days: 21, ratio: 0.8 });
      // Slow intervals take more than 480 ms, so the true ratio of both groups is known.
      const slow = analyzeImpact(
        intervals.map((each) => ({ ...each, latencyMs: each.latencyMs! > 480 ? 800 : 200 })),
        ZONE,
      ).slow;
      if (slow && slow.lower <= 0.8 && slow.upper >= 0.8) covered += 1;
    }
    expect(covered).toBeGreaterThanOrEqual(90);
  });

  it('reports a difference in at most about 5 % of the cases without an effect', () => {
    let found = 0;
    let trends = 0;
    const runs = 200;
    for (let seed = 0; seed < runs; seed++) {
      const result = analyzeImpact(
        simulate(5000 + seed, { days: 14, ratio: 1, searches: 30 }),
        ZONE,
      );
      expect(result.status).not.toBe('waiting');
      if (result.status !== 'noDifference') found += 1;
      if (result.trend!.pValue < 0.05) trends += 1;
    }
    // The 99 % quantile of a binomial distribution with 5 % is 18.
    expect(found).toBeLessThanOrEqual(18);
    expect(trends).toBeLessThanOrEqual(18);
  });

  it('is not misled by hours that are both slow and have fewer outcomes', () => {
    const intervals = Array.from({ length: 28 * 144 }, (_, i): ImpactInterval => {
      const isNight = Math.floor(i / 6) % 24 < 6;
      const noise = Math.sin(i * 12.9898) * 43_758.5453;
      const fraction = noise - Math.floor(noise);
      return {
        atMs: START_MS + i * IMPACT_STEP_MS,
        exposure: 100,
        outcome: isNight ? 4 : 12,
        latencyMs: (isNight ? 900 : 200) * (1 + 0.2 * fraction),
      };
    });
    const result = analyzeImpact(intervals, 'utc');
    // Without the strata, slow intervals would have a third of the outcomes.
    expect(result.status).not.toBe('fewer');
  });

  it('reports what is missing', () => {
    const short = analyzeImpact(simulate(1, { days: 28, ratio: 0.7 }).slice(0, 12), ZONE);
    expect(short.status).toBe('waiting');
    expect(describeImpact(short, NAMES)).toEqual([
      expect.stringMatching(
        /^There is too little data: 100 intervals with requests and a latency are needed; there are 12; /,
      ),
    ]);
    const fast = simulate(1, { days: 14, ratio: 1 }).map((each) => ({ ...each, latencyMs: 100 }));
    expect(analyzeImpact(fast, ZONE).missing.join()).toContain('slower intervals are needed');
    expect(analyzeImpact([], ZONE).status).toBe('waiting');
  });

  it('never returns NaN or throws', () => {
    const anyNumber = fc.oneof(
      fc.double({ min: 0, max: 1000, noNaN: true }),
      fc.constantFrom(0, Number.NaN, 1e9, -5, Number.POSITIVE_INFINITY, 1e300),
    );
    const anyInterval = fc.record({
      atMs: fc.integer({ min: START_MS, max: START_MS + 40 * DAY_MS }),
      outcome: anyNumber,
      exposure: anyNumber,
      latencyMs: fc.oneof(anyNumber, fc.constant(undefined)),
    });
    fc.assert(
      fc.property(fc.array(anyInterval, { maxLength: 400 }), (intervals) => {
        const result = analyzeImpact(intervals, ZONE);
        const text = JSON.stringify([result, describeImpact(result, NAMES)], (_, value: unknown) =>
          typeof value === 'number' && !Number.isFinite(value) ? 'invalid' : value,
        );
        expect(text).not.toMatch(/invalid|no value|∞/);
      }),
      { numRuns: 200 },
    );
  });
});
