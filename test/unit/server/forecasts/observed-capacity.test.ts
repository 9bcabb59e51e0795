import { describe, expect, it } from 'vitest';
import {
  computePeakFactor,
  estimateCapacity,
  type LoadMinute,
} from '../../../../src/server/forecasts/observed-capacity.ts';
import { createNoise } from '../../../support/forecast-series.ts';

/** Minutes with rates from 10 to `highest`. */
function createMinutes(
  highest: number,
  toMinute: (rate: number) => Omit<LoadMinute, 'rate'>,
  count = 2000,
): LoadMinute[] {
  return Array.from({ length: count }, (_, i) => {
    const rate = 10 + ((highest - 10) * ((i * 37) % count)) / count;
    return { rate, ...toMinute(rate) };
  });
}

describe('estimateCapacity', () => {
  it('finds the rate above which requests become slower', () => {
    const noise = createNoise(1);
    const capacity = estimateCapacity(
      createMinutes(1000, (rate) => ({
        latencyMs: (rate > 800 ? 600 : 100) + 5 * noise(),
        utilization: undefined,
      })),
    );
    expect(capacity.method).toBe('latency');
    expect(capacity.rate).toBeGreaterThan(740);
    expect(capacity.rate).toBeLessThan(860);
    expect(capacity.reason).toMatch(
      /^above 8\d\d requests per minute, requests took 600 ms instead of 100 ms$|^above 8/,
    );
  });

  it('extrapolates the utilization of the event loop', () => {
    const noise = createNoise(2);
    const capacity = estimateCapacity(
      createMinutes(500, (rate) => ({ latencyMs: 100, utilization: 5 + rate / 10 + noise() })),
    );
    // 90 % = 5 % + rate / 10
    expect(capacity.method).toBe('utilization');
    expect(capacity.rate).toBeGreaterThan(820);
    expect(capacity.rate).toBeLessThan(880);
  });

  it('reports why the capacity is unknown', () => {
    const idle = createMinutes(500, () => ({ latencyMs: 100, utilization: 10 }));
    const { rate, reason } = estimateCapacity(idle);
    expect(rate).toBeUndefined();
    expect(reason).toMatch(/requests did not become slower at up to 500 requests per minute/);
    expect(reason).toMatch(/the event loop was at most 10 % busy$/);
    expect(estimateCapacity(idle.slice(0, 50)).reason).toBe(
      "capacity can't be observed yet: 600 minutes with requests are needed; there are 50",
    );
    // A service that is always slow, a constant rate, and invalid numbers.
    const slow = createMinutes(500, () => ({ latencyMs: 5000, utilization: undefined }));
    expect(estimateCapacity(slow).rate).toBeUndefined();
    const constant = slow.map((minute, i) => ({ ...minute, rate: 100, latencyMs: 100 * (i % 9) }));
    expect(estimateCapacity(constant).rate).toBeUndefined();
    const invalid = slow.map((minute) => ({ ...minute, rate: Number.NaN, latencyMs: 1e300 }));
    expect(estimateCapacity(invalid).rate).toBeUndefined();
  });
});

it('computes how much busier single minutes are than their hour', () => {
  const hour = Array.from({ length: 60 }, (_, i) => (i < 54 ? 100 : 200));
  expect(computePeakFactor([hour, hour])).toBeCloseTo(200 / 110, 5);
  expect(computePeakFactor([])).toBe(1);
  expect(computePeakFactor([[1, 2, 3]])).toBe(1);
});
