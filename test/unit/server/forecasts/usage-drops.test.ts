import { describe, expect, it } from 'vitest';
import { findDrops, prepareAccumulation } from '../../../../src/server/forecasts/usage-drops.ts';
import { createNoise, toSawtooth } from '../../../support/forecast-series.ts';

const toSeries = (values: number[]) => ({
  ...{ startMs: 0, stepMs: 1000, measured: values.length, spikes: 0 },
  values: Float64Array.from(values),
});

describe('prepareAccumulation', () => {
  it('finds clean-ups, also if they take several intervals', () => {
    const values = Array.from({ length: 90 }, (_, i) => toSawtooth(i, 30, 50, 80));
    expect(findDrops(Float64Array.from(values))).toEqual([30, 60]);
    // The second clean-up takes two intervals.
    values[60] = 65;
    values[61] = 50;
    expect(findDrops(Float64Array.from(values))).toEqual([30, 61]);
  });

  it('does not find drops in noise or in a slow decrease', () => {
    const noise = createNoise(1);
    const values = Array.from({ length: 500 }, () => 50 + noise());
    expect(findDrops(Float64Array.from(values))).toEqual([]);
    expect(findDrops(Float64Array.from({ length: 100 }, (_, i) => 100 - i))).toEqual([]);
    expect(findDrops(new Float64Array(50))).toEqual([]);
  });

  it('keeps only the values since a single drop, and the value before it', () => {
    const values = Array.from({ length: 100 }, (_, i) => (i < 60 ? 20 + i : i - 40));
    const { series, drops, peakBeforeDrop } = prepareAccumulation(toSeries(values));
    expect([drops, peakBeforeDrop, series.startMs, series.values.length]).toEqual([
      ...[1, 79, 60_000, 40],
    ]);
  });

  it('turns regular clean-ups into a flat line, and keeps the growth of the peaks', () => {
    const flat = Array.from({ length: 200 }, (_, i) => toSawtooth(i, 20, 50, 80));
    const { series } = prepareAccumulation(toSeries(flat));
    expect(new Set(series.values.slice(20)).size).toBe(1);
    const growing = flat.map((value, i) => value + i / 10);
    const peaks = prepareAccumulation(toSeries(growing)).series.values;
    expect(peaks.at(-1)! - peaks[20]!).toBeGreaterThan(10);
  });
});
