import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS } from '../../../../src/core/duration.ts';
import { loadAugursModels } from '../../../../src/server/forecasts/augurs-models.ts';
import {
  type BacktestMemo,
  computeForecast,
} from '../../../../src/server/forecasts/compute-forecast.ts';
import type { Forecast } from '../../../../src/server/forecasts/forecast.ts';
import {
  createHourlySeries,
  createNoise,
  DISK_OPTIONS,
  SERIES_END_MS,
  toSawtooth,
} from '../../../support/forecast-series.ts';

const forecast = (hours: number, toValue: (hour: number) => number) =>
  computeForecast(createHourlySeries(hours, toValue), DISK_OPTIONS);

/** Returns whether an alert would use the forecast. */
function canAlert({ status, isReliable }: Forecast): boolean {
  return status === 'reached' || (status === 'limit' && isReliable === true);
}

describe('a disk forecast', () => {
  it('predicts when a growing disk is full, with an interval and its errors', async () => {
    const noise = createNoise(1);
    // 80 % now, and 0.25 % per hour: full in 80 hours.
    const result = await forecast(
      28 * 24,
      (hour) => 80 - (28 * 24 - 1 - hour) * 0.25 + 0.5 * noise(),
    );
    expect(result.status).toBe('limit');
    expect(canAlert(result)).toBe(true);
    const hours = (result.expectedMs! - SERIES_END_MS) / HOUR_MS;
    expect(hours).toBeGreaterThan(72);
    expect(hours).toBeLessThan(88);
    expect(result.earliestMs).toBeLessThan(result.expectedMs!);
    expect(result.latestMs).toBeGreaterThan(result.expectedMs!);
    expect(result.slopePerDay).toBeCloseTo(6, 0);
    const last = result.errors!.at(-1)!;
    expect(last.horizonMs).toBe(7 * DAY_MS);
    expect(last.error).toBeLessThan(last.naive / 10);
    expect(last.forecasts).toBeGreaterThanOrEqual(8);
    expect(result.learnedFromMs).toBe(SERIES_END_MS - 28 * DAY_MS);
    expect(result.count).toBe(28 * 24);
  });

  it('waits until there are two days of values, and reports how much is missing', async () => {
    const result = await forecast(2, (hour) => 90 + hour);
    expect(result).toMatchObject({
      status: 'waiting',
      reason: '2 d of values are needed; there are 2 h',
      waiting: { haveMs: 2 * HOUR_MS, neededMs: 2 * DAY_MS },
    });
  });

  it('is not shown if the value is constant, or if repeating it is as exact', async () => {
    expect(await forecast(500, () => 40)).toMatchObject({
      status: 'notPredictable',
      reason: 'the value has not changed',
    });
    const noise = createNoise(2);
    let level = 60;
    const walk = await forecast(500, () => (level += 0.3 * noise()));
    expect(canAlert(walk)).toBe(false);
  });

  it('is rarely shown for a random walk, for which repeating the last value is best', async () => {
    let shown = 0;
    for (let seed = 0; seed < 60; seed++) {
      const noise = createNoise(seed);
      let level = 70;
      const options = { ...DISK_OPTIONS, accumulates: false };
      const series = createHourlySeries(500, () => (level += 0.3 * noise()));
      const result = await computeForecast(series, options);
      if (result.points) shown += 1;
      else if (result.status === 'notPredictable')
        expect(result.reason).toMatch(/^repeating the last/);
    }
    // Without the comparison, all of them would be shown.
    expect(shown).toBeLessThanOrEqual(4);
  });

  it('raises no alert for regular clean-ups', async () => {
    for (const cycle of [12, 24, 50, 168]) {
      for (const phase of [3, Math.round(cycle / 2), cycle - 1]) {
        const noise = createNoise(cycle + phase);
        const result = await forecast(
          28 * 24,
          (hour) => toSawtooth(hour + phase, cycle, 50, 85) + 0.3 * noise(),
        );
        expect(canAlert(result), `cycle ${cycle} phase ${phase}`).toBe(false);
      }
    }
  });

  it('finds growth behind regular clean-ups', async () => {
    const noise = createNoise(5);
    const hours = 28 * 24;
    // The peaks grow by 1.2 % per day, to 94 % now.
    const result = await forecast(
      hours,
      (hour) => toSawtooth(hour, 24, 84, 94) - ((hours - hour) / 24) * 1.2 + 0.1 * noise(),
    );
    expect(result.drops).toBeGreaterThan(20);
    expect(result.status).toBe('limit');
  });

  it('waits after a single clean-up until usage is higher than before', async () => {
    const grow = (hour: number) => (hour < 400 ? 50 + hour * 0.1 : 40 + (hour - 400) * 0.2);
    const soon = await forecast(500, grow);
    expect(soon.drops).toBe(1);
    expect(soon.learnedFromMs).toBe(SERIES_END_MS - 100 * HOUR_MS);
    expect(canAlert(soon)).toBe(false);
    const later = await forecast(681, grow);
    expect(later.value).toBeCloseTo(96, 3);
    expect(canAlert(later)).toBe(true);
  });

  it('ignores a spike of 1e9', async () => {
    for (const at of [100, 498, 499]) {
      const noise = createNoise(at);
      const result = await forecast(500, (hour) => (hour === at ? 1e9 : 40 + 0.2 * noise()));
      expect(canAlert(result), `spike at ${at}`).toBe(false);
      expect(result.spikes).toBe(1);
      expect(result.value).toBeLessThan(50);
    }
  });

  it('raises no alert when the level shifts once', async () => {
    for (const at of [50, 300, 450, 480, 490]) {
      const noise = createNoise(at);
      const result = await forecast(500, (hour) => (hour < at ? 40 : 80) + 0.5 * noise());
      expect(canAlert(result), `shift at ${at}`).toBe(false);
    }
  });

  it('uses only the values after a gap of a week', async () => {
    const result = await forecast(600, (hour) =>
      hour >= 300 && hour < 468 ? Number.NaN : 20 + hour * 0.1,
    );
    expect(result.learnedFromMs).toBe(SERIES_END_MS - 132 * HOUR_MS);
  });

  it('does not extrapolate old values', async () => {
    const result = await forecast(300, (hour) => (hour < 250 ? hour * 0.3 : Number.NaN));
    expect(result).toMatchObject({
      status: 'notPredictable',
      reason: 'the newest value is 2 d 2 h old',
    });
  });

  it('uses another model if it is more exact', async () => {
    const toValue = (hour: number) => 60 + 0.02 * hour + 15 * Math.sin(hour ** 2 / 9000);
    const options = { ...DISK_OPTIONS, accumulates: false };
    const series = createHourlySeries(28 * 24, toValue);
    const hours = new Map(Array.from(series.values, (value, hour) => [value, hour]));
    const predict = (values: Float64Array, horizon: number) =>
      Array.from({ length: horizon }, (_, i) => toValue(hours.get(values.at(-1)!)! + 1 + i));
    const exact = { ets: () => [], mstl: predict };
    const full = await computeForecast(series, { ...options, models: async () => exact });
    expect(full.method).toBe('mstl');
    expect(full.errors!.at(-1)!.error).toBe(0);
    // Far from the limit, the costly models aren't tried.
    const far = await computeForecast(series, {
      ...options,
      limit: 1e6,
      models: async () => exact,
    });
    expect(far.method).not.toBe('mstl');
  });

  it('extends a trend and a daily pattern with the models of augurs', async () => {
    const models = await loadAugursModels();
    const values = Float64Array.from(
      { length: 240 },
      (_, hour) => 50 + 0.1 * hour + 5 * Math.sin((2 * Math.PI * hour) / 24),
    );
    const [next] = Array.from(models.mstl(values, 24, [24]));
    expect(next).toBeGreaterThan(72);
    expect(next).toBeLessThan(76);
    const line = Array.from(
      models.ets(
        Float64Array.from({ length: 100 }, (_, i) => 2 * i),
        10,
      ),
    );
    expect(line[9]).toBeCloseTo(218, 0);
  });

  it('repeats the backtest only after several new values', async () => {
    const noise = createNoise(4);
    const values = Array.from({ length: 400 }, (_, hour) => 20 + 0.1 * hour + 0.2 * noise());
    const memo: BacktestMemo = {};
    const run = (hours: number) =>
      computeForecast(
        createHourlySeries(hours, (hour) => values[hour + 395 - hours]!),
        { ...DISK_OPTIONS, memo },
      );
    const first = await run(380);
    const tested = memo.last;
    const second = await computeForecast(
      createHourlySeries(380, (hour) => values[hour + 17]!),
      { ...DISK_OPTIONS, nowMs: SERIES_END_MS, memo },
    );
    expect(memo.last).toBe(tested);
    expect(second.method).toBe(first.method);
    expect(second.value).not.toBe(first.value);
    await run(300);
    expect(memo.last).not.toBe(tested);
  });
});

const anyNumber = fc.oneof(
  { weight: 6, arbitrary: fc.double({ min: 0, max: 100, noNaN: true }) },
  fc.constantFrom(0, 0, Number.NaN, 1e9, -5, Number.POSITIVE_INFINITY, 1e300, -1e300, 5e-324),
);

describe('any series', () => {
  it('gives a forecast without NaN and without an exception', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyNumber, { maxLength: 400 }),
        fc.boolean(),
        fc.constantFrom(undefined, 0, 100, -1),
        async (numbers, accumulates, limit) => {
          const series = createHourlySeries(numbers.length, (hour) => numbers[hour]!);
          const models = numbers.length % 10 === 0 ? loadAugursModels : undefined;
          const result = await computeForecast(series, {
            ...DISK_OPTIONS,
            accumulates,
            limit,
            models,
          });
          const text = JSON.stringify(result, (_, value: unknown) =>
            typeof value === 'number' && !Number.isFinite(value) ? 'invalid' : value,
          );
          expect(text).not.toContain('invalid');
          if (numbers.length < DISK_OPTIONS.minValues) expect(canAlert(result)).toBe(false);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('raises no alert for noise without a trend', async () => {
    let alerts = 0;
    for (let seed = 0; seed < 200; seed++) {
      const noise = createNoise(seed);
      const hours = 60 + 3 * seed;
      const result = await forecast(hours, () => 80 + 3 * noise());
      if (canAlert(result)) alerts += 1;
    }
    expect(alerts).toBe(0);
  });
});
