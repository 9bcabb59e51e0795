import type { ApiResponse } from '../../client/api-types.ts';
import type { ChartSeries } from '../design/chart-options.ts';
import { parseDuration } from '../url/time-range.ts';

type Trends = ApiResponse<'trends'>;
/** The parts of an answer that a chart needs. */
type TimeSeries = Pick<Trends, 'from' | 'to' | 'step' | 'series'>;
type TrendSeries = Trends['series'][number];
type TrendPoint = TrendSeries['points'][number];
/** Name of an aggregate in a point. */
export type AggregateName = Exclude<keyof TrendPoint, 'at'>;

/** Values on a common time axis, for a chart. */
export interface ChartData {
  /** In s since the epoch, ascending, without gaps. */
  readonly times: readonly number[];
  readonly series: readonly ChartSeries[];
  readonly fromMs: number;
  readonly toMs: number;
}

/** Steps without measurements are shown as gaps. Counts and rates are zero there. */
const ZERO_IF_MISSING: readonly string[] = ['count', 'rate'];
const MAX_TIMES = 20_000;

/**
 * Converts an answer of `/trends` to one series for each group and aggregate.
 *
 * @param name returns the name of a series
 */
export function toChartData(
  trends: TimeSeries,
  aggregates: readonly AggregateName[],
  name: (group: TrendSeries['group'], aggregate: AggregateName) => string,
): ChartData {
  const stepMs = parseDuration(trends.step) ?? 60_000;
  const times = listTimes(trends, stepMs);
  const indexes = new Map(times.map((time, index) => [time, index]));
  const series = trends.series.flatMap(({ group, points, compared }) =>
    aggregates.map(
      (aggregate): ChartSeries => ({
        label: name(group, aggregate),
        values: align(points, aggregate, indexes),
        ...(compared && { compared: align(compared, aggregate, indexes) }),
      }),
    ),
  );
  return { times, series, fromMs: Date.parse(trends.from), toMs: Date.parse(trends.to) };
}

/** All bucket starts of the range, in s. */
function listTimes(trends: TimeSeries, stepMs: number): number[] {
  const seen = new Set<number>();
  for (const { points, compared = [] } of trends.series) {
    for (const { at } of [...points, ...compared]) seen.add(Date.parse(at));
  }
  const sorted = [...seen].sort((a, b) => a - b);
  const [first] = sorted;
  if (first === undefined) return [];
  // Fills the gaps between known times. Local days can be longer or shorter than the step.
  const all = new Set(sorted);
  const fromMs = Date.parse(trends.from);
  for (let time = first - stepMs; time > fromMs - stepMs && all.size < MAX_TIMES; time -= stepMs)
    all.add(time);
  sorted.forEach((time, index) => {
    const next = sorted[index + 1] ?? Date.parse(trends.to);
    for (let gap = time + stepMs; gap < next - stepMs / 2 && all.size < MAX_TIMES; gap += stepMs)
      all.add(gap);
  });
  return [...all].sort((a, b) => a - b).map((ms) => ms / 1000);
}

function align(
  points: readonly TrendPoint[],
  aggregate: AggregateName,
  indexes: ReadonlyMap<number, number>,
): (number | null)[] {
  const missing = ZERO_IF_MISSING.includes(aggregate) ? 0 : null;
  const values = new Array<number | null>(indexes.size).fill(missing);
  for (const point of points) {
    const index = indexes.get(Date.parse(point.at) / 1000);
    if (index !== undefined) values[index] = point[aggregate] ?? missing;
  }
  return values;
}

/** Returns the values of one aggregate of the first series, for a sparkline. */
export function toSparkline(
  trends: Trends | undefined,
  aggregate: AggregateName,
): (number | null)[] {
  if (!trends || trends.series.length === 0) return [];
  return [...(toChartData(trends, [aggregate], () => '').series[0]?.values ?? [])] as (
    | number
    | null
  )[];
}
