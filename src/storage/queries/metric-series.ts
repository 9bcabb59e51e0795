import type { QueryClient } from '../questdb/query-client.ts';
import { type GaugePoint, queryGauges } from './gauge-values.ts';
import {
  type DistributionTotals,
  type MetricSelector,
  queryDistributionTotals,
  queryTotals,
  type Totals,
} from './metric-totals.ts';
import type { Group } from './query.ts';
import { type Query, toGroupKey } from './query.ts';
import type { TimeRange } from './query-range.ts';

/**
 * What can be asked of each bucket of time. Times are in the measurement's unit, `rate` per second,
 * `errorRate` in percent, `apdex` 0 to 1; `last` is the latest value, and `sum` of a counter says how
 * much it has grown.
 */
export const AGGREGATES = [
  ...(['count', 'rate', 'average', 'errorRate', 'min', 'max'] as const),
  ...(['p50', 'p90', 'p95', 'p99', 'p999', 'apdex', 'last', 'sum'] as const),
] as const;
export type Aggregate = (typeof AGGREGATES)[number];

export interface SeriesPoint {
  readonly bucket: TimeRange | undefined;
  readonly values: Readonly<Partial<Record<Aggregate, number | undefined>>>;
}

export interface Series {
  readonly group: Group;
  /** By time; buckets without a value are left out. */
  readonly points: readonly SeriesPoint[];
  /** Measurements in it, for choosing the most important ones. */
  readonly weight: number;
}

export interface SeriesOptions extends MetricSelector {
  readonly aggregates: readonly Aggregate[];
  /** In the measurement's unit. */
  readonly apdexTarget: number;
}

const DISTRIBUTION_AGGREGATES: ReadonlySet<Aggregate> = new Set([
  'p50',
  'p90',
  'p95',
  'p99',
  'p999',
  'apdex',
]);
const VALUE_AGGREGATES: ReadonlySet<Aggregate> = new Set(['last', 'sum']);
/** Measured as single values or histograms only, never as gauges. */
const DURATION_METRIC_TYPES = new Set([
  'API_RESPONSE_TIME',
  'DATABASE_QUERY_TIME',
  'QUEUE_PROCESSING_TIME',
]);

/** How a kind of measurement goes on, for each group; the greatest first. */
export async function querySeries(
  store: QueryClient,
  question: Query,
  wanted: SeriesOptions,
): Promise<Series[]> {
  const { aggregates, metricType } = wanted;
  const ofBuckets = aggregates.some((name) => DISTRIBUTION_AGGREGATES.has(name));
  const ofValues =
    aggregates.some((name) => VALUE_AGGREGATES.has(name)) || !DURATION_METRIC_TYPES.has(metricType);
  const [done, values] = await Promise.all([
    ofBuckets
      ? queryDistributionTotals(store, question, wanted)
      : queryTotals(store, question, wanted),
    ofValues ? queryGauges(store, question, wanted) : [],
  ]);
  const known = new Map<string, { total?: Totals | DistributionTotals; gauge?: GaugePoint }>();
  for (const total of done) known.set(toGroupKey(total.group, total.bucket), { total });
  for (const gauge of values) {
    const key = toGroupKey(gauge.group, gauge.bucket);
    known.set(key, { ...known.get(key), gauge });
  }
  const found = Map.groupBy(known.values(), ({ total, gauge }) =>
    toGroupKey(total?.group ?? gauge?.group ?? {}),
  );
  return [...found.values()]
    .map((both) => ({
      group: both[0]?.total?.group ?? both[0]?.gauge?.group ?? {},
      weight: both.reduce(
        (sum, { total, gauge }) => sum + (total?.count ?? gauge?.samples ?? 0),
        0,
      ),
      points: both
        .map(({ total, gauge }) => ({
          bucket: total?.bucket ?? gauge?.bucket,
          values: pickAggregates(aggregates, toAggregateValues(total, gauge, wanted)),
        }))
        .sort((a, b) => (a.bucket?.fromMs ?? 0) - (b.bucket?.fromMs ?? 0)),
    }))
    .sort((a, b) => b.weight - a.weight);
}

function toAggregateValues(
  total: Totals | DistributionTotals | undefined,
  gauge: GaugePoint | undefined,
  { apdexTarget }: SeriesOptions,
): SeriesPoint['values'] {
  const { last, sum, average, min, max } = gauge ?? {};
  if (!total) return { last, sum, average, min, max };
  const figures = { last, sum: total.average * total.count, ...pickTotals(total) };
  if (!('distribution' in total)) return figures;
  const { p50, p90, p95, p99, p999, distribution } = total;
  return { ...figures, p50, p90, p95, p99, p999, apdex: distribution.computeApdex(apdexTarget) };
}

function pickTotals({ count, rate, average, errorRate, min, max }: Totals) {
  return { count, rate, average, errorRate, min, max };
}

function pickAggregates(aggregates: readonly Aggregate[], values: SeriesPoint['values']) {
  return Object.fromEntries(aggregates.map((name) => [name, values[name]]));
}
