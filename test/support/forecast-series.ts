import { HOUR_MS } from '../../src/core/duration.ts';
import type { ForecastOptions } from '../../src/server/forecasts/compute-forecast.ts';
import type { RegularSeries } from '../../src/server/forecasts/regular-series.ts';
import { createRandom } from './random.ts';

/** End of the generated series, in ms since the epoch. */
export const SERIES_END_MS = Date.UTC(2026, 5, 1);

/** Options for a disk with hourly values in percent. */
export const DISK_OPTIONS: ForecastOptions = {
  limit: 100,
  accumulates: true,
  periods: [24, 168],
  horizons: [1, 6, 24, 72, 168],
  minValues: 48,
  nowMs: SERIES_END_MS,
};

/** Returns hourly values that end at {@link SERIES_END_MS}. */
export function createHourlySeries(
  length: number,
  toValue: (hour: number) => number,
): RegularSeries {
  return {
    startMs: SERIES_END_MS - length * HOUR_MS,
    stepMs: HOUR_MS,
    values: Float64Array.from({ length }, (_, hour) => toValue(hour)),
  };
}

/** Returns a generator of normally distributed noise with a standard deviation of 1. */
export function createNoise(seed: number): () => number {
  const random = createRandom(seed);
  return () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** Returns a sawtooth: growth from `low` to `high` in each `cycle` hours, and then a clean-up. */
export function toSawtooth(hour: number, cycle: number, low: number, high: number): number {
  return low + ((high - low) * (hour % cycle)) / cycle;
}
