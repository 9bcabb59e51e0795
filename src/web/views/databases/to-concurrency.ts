import type { ChartData } from '../../data/trend-data.ts';

/** Converts sums of durations in ms to the average number of operations that run at the same time. */
export function toConcurrency(data: ChartData): ChartData {
  const [first = 0, second = first] = data.times;
  const stepMs = 1000 * (second - first) || data.toMs - data.fromMs;
  return {
    ...data,
    series: data.series.map((item) => ({
      ...item,
      values: item.values.map((value) => (value ?? 0) / stepMs),
    })),
  };
}
