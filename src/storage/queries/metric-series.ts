import type { QueryClient } from '../questdb/query-client.ts';
import { type GaugePoint, queryGauges } from './gauge-values.ts';
import {
  type DistributionTotals,
  type MetricSelector,
  queryDistributionTotals,
  queryTotals,
  type Totals,
} from './operation-totals.ts';
import { type Group, type Query, toGroupKey } from './query-definition.ts';
import type { TimeRange } from './time-range.ts';

/**
 * Values that can be computed for each time bucket. Times are in the metric's unit, `rate` is per
 * second, `errorRate` is in percent, and `apdex` is from 0 to 1. `last` is the latest value. For a
 * counter, `sum` is its increase.
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
  /** Sorted by time. Buckets without values are omitted. */
  readonly points: readonly SeriesPoint[];
  /** Number of measurements. Use it to select the most important series. */
  readonly weight: number;
}

export interface SeriesOptions extends MetricSelector {
  readonly aggregates: readonly Aggregate[];
  /** In the metric's unit. */
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
/** Metrics that are recorded only as individual values or histograms, never as gauges. */
const DURATION_METRIC_TYPES = new Set([
  'API_RESPONSE_TIME',
  'API_STREAM_DURATION',
  'OUTGOING_REQUEST_TIME',
  'DATABASE_QUERY_TIME',
  'QUEUE_PROCESSING_TIME',
]);

/** Returns the time series of a metric for each group, ordered by number of measurements. */
export async function querySeries(
  queryClient: QueryClient,
  query: Query,
  options: SeriesOptions,
): Promise<Series[]> {
  const { aggregates } = options;
  const sources = selectSeriesSources(options);
  const [totals, gauges] = await Promise.all([
    sources.distributions
      ? queryDistributionTotals(queryClient, query, options)
      : queryTotals(queryClient, query, options),
    sources.gauges ? queryGauges(queryClient, query, options) : [],
  ]);
  const pairs = new Map<string, { total?: Totals | DistributionTotals; gauge?: GaugePoint }>();
  for (const total of totals) pairs.set(toGroupKey(total.group, total.bucket), { total });
  for (const gauge of gauges) {
    const key = toGroupKey(gauge.group, gauge.bucket);
    pairs.set(key, { ...pairs.get(key), gauge });
  }
  const pairsByGroup = Map.groupBy(pairs.values(), ({ total, gauge }) =>
    toGroupKey(total?.group ?? gauge?.group ?? {}),
  );
  return [...pairsByGroup.values()]
    .map((groupPairs) => ({
      group: groupPairs[0]?.total?.group ?? groupPairs[0]?.gauge?.group ?? {},
      weight: groupPairs.reduce(
        (sum, { total, gauge }) => sum + (total?.count ?? gauge?.samples ?? 0),
        0,
      ),
      points: groupPairs
        .map(({ total, gauge }) => ({
          bucket: total?.bucket ?? gauge?.bucket,
          values: pickAggregates(aggregates, toAggregateValues(total, gauge, options)),
        }))
        .sort((a, b) => (a.bucket?.fromMs ?? 0) - (b.bucket?.fromMs ?? 0)),
    }))
    .sort((a, b) => b.weight - a.weight);
}

/** Returns which data the aggregates need in addition to the totals. */
export function selectSeriesSources({
  aggregates,
  metricType,
}: Pick<SeriesOptions, 'aggregates' | 'metricType'>) {
  return {
    distributions: aggregates.some((name) => DISTRIBUTION_AGGREGATES.has(name)),
    gauges:
      aggregates.some((name) => VALUE_AGGREGATES.has(name)) ||
      !DURATION_METRIC_TYPES.has(metricType),
  };
}

function toAggregateValues(
  total: Totals | DistributionTotals | undefined,
  gauge: GaugePoint | undefined,
  { apdexTarget }: SeriesOptions,
): SeriesPoint['values'] {
  const { last, sum, average, min, max } = gauge ?? {};
  if (!total) return { last, sum, average, min, max };
  const values = { last, sum: total.average * total.count, ...pickTotals(total) };
  if (!('distribution' in total)) return values;
  const { p50, p90, p95, p99, p999, distribution } = total;
  return { ...values, p50, p90, p95, p99, p999, apdex: distribution.computeApdex(apdexTarget) };
}

function pickTotals({ count, rate, average, errorRate, min, max }: Totals) {
  return { count, rate, average, errorRate, min, max };
}

function pickAggregates(aggregates: readonly Aggregate[], values: SeriesPoint['values']) {
  return Object.fromEntries(aggregates.map((name) => [name, values[name]]));
}
