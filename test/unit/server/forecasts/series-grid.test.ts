import { describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS } from '../../../../src/core/duration.ts';
import { computeForecast } from '../../../../src/server/forecasts/compute-forecast.ts';
import { GridSeries, LocalClock } from '../../../../src/server/forecasts/series-grid.ts';
import { createNoise } from '../../../support/forecast-series.ts';

/** In Vienna, the clock was set forward on 29 March 2026, 01:00 UTC, and back on 25 October 2026, 01:00 UTC. */
const ZONE = 'Europe/Vienna';

describe('LocalClock', () => {
  it.each([
    ['forward', Date.UTC(2026, 2, 29, 1)],
    ['back', Date.UTC(2026, 9, 25, 1)],
  ])('converts times around a change of the clock: %s', (_, changeMs) => {
    const clock = new LocalClock(ZONE, changeMs - 10 * DAY_MS);
    expect(clock.toGrid(changeMs - HOUR_MS)).toBe(changeMs - HOUR_MS);
    for (let ms = changeMs - DAY_MS; ms < changeMs + DAY_MS; ms += HOUR_MS) {
      // Only in the hour that is repeated, the result can be the other of both times.
      expect(Math.abs(clock.toTime(clock.toGrid(ms)) - ms)).toBeLessThanOrEqual(
        Math.abs(ms - changeMs) <= HOUR_MS ? HOUR_MS : 0,
      );
    }
  });

  it('keeps a daily pattern exact when the clock changes', async () => {
    const changeMs = Date.UTC(2026, 2, 29, 1);
    const nowMs = changeMs + 3 * DAY_MS;
    const fromMs = nowMs - 28 * DAY_MS;
    const errors = [];
    for (const zone of [ZONE, 'utc']) {
      const clock = new LocalClock(zone, fromMs);
      const values = new GridSeries(HOUR_MS);
      const noise = createNoise(3);
      const vienna = new LocalClock(ZONE, fromMs);
      for (let ms = fromMs; ms < nowMs; ms += HOUR_MS) {
        // People use the service by local time.
        const hour = Math.floor(vienna.toGrid(ms) / HOUR_MS) % 24;
        const value = (hour >= 8 && hour < 18 ? 80 : 10) + 0.02 * ((ms - fromMs) / HOUR_MS);
        values.add(clock.toGrid(ms), value + 0.2 * noise(), Math.max);
      }
      const { points } = await computeForecast(values.toSeries(), {
        limit: undefined,
        accumulates: false,
        periods: [24],
        horizons: [24],
        minValues: 48,
        nowMs,
        toTime: (ms) => clock.toTime(ms),
      });
      let sum = 0;
      for (const { atMs, value } of points!) {
        const hour = Math.floor(vienna.toGrid(atMs) / HOUR_MS) % 24;
        const actual = (hour >= 8 && hour < 18 ? 80 : 10) + 0.02 * ((atMs - fromMs) / HOUR_MS);
        sum += Math.abs(value - actual);
      }
      errors.push(sum / 24);
    }
    // With UTC, two hours of each day would be wrong.
    expect(errors[0]).toBeLessThan(1);
    expect(errors[1]).toBeGreaterThan(3 * errors[0]!);
  });
});

describe('GridSeries', () => {
  it('fills intervals without values with NaN, and combines values', () => {
    const series = new GridSeries(10);
    series.add(1020, 2, Math.max);
    series.add(1000, 1, Math.max);
    series.add(1025, 5, Math.max);
    series.add(1030, Number.NaN, Math.max);
    expect(series.toSeries()).toEqual({
      startMs: 1000,
      stepMs: 10,
      values: Float64Array.from([1, Number.NaN, 5]),
    });
    expect(series.newestMs).toBe(1020);
    series.clearFrom(1020);
    expect(series.newestMs).toBe(1000);
    series.clearBefore(1010);
    expect(series.newestMs).toBe(Number.NEGATIVE_INFINITY);
  });
});
