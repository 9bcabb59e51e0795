import type { ChartData } from './trend-data.ts';

/** Divides sums by the length of a time step in s, for example to convert bytes to bytes per second. */
export function toPerSecond(data: ChartData): ChartData {
  const [first = 0, second = first] = data.times;
  const stepS = second - first || (data.toMs - data.fromMs) / 1000;
  return scaleValues(data, 1 / stepS);
}

/** Converts sums of durations in ms to the average number of operations that run at the same time. */
export function toConcurrency(data: ChartData): ChartData {
  return scaleValues(toPerSecond(data), 1 / 1000);
}

function scaleValues(data: ChartData, factor: number): ChartData {
  return {
    ...data,
    series: data.series.map((item) => ({
      ...item,
      values: item.values.map((value) => (value ?? 0) * factor),
    })),
  };
}
