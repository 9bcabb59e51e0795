import { OWN_SERVICE_NAME } from '../../core/own-service.ts';
import type { PerformanceMetricType } from '../../core/schema/enums.ts';
import type { QueryClient } from '../questdb/query-client.ts';
import { inValues, type Sql } from '../sql/sql-builder.ts';
import { JOBS_TABLE, MEASUREMENT_COUNT, METRICS_TABLE, ROW_COUNT } from './aggregation-tables.ts';
import { excludeOwnRequests, toMetricConditions } from './operation-totals.ts';
import type { Dimension, Query } from './query-definition.ts';
import { toNumber } from './row-values.ts';
import { runQuery } from './run-query.ts';

/** A value of a dimension. */
export interface DimensionValue {
  readonly value: string;
  /** Number of measurements with this value. Each sample of a gauge or counter is a measurement. */
  readonly count: number;
}

export interface DimensionValuesOptions {
  readonly dimension: Dimension;
  /** Default: all metric types. For queues, all metric types of queues. */
  readonly metricType?: PerformanceMetricType | undefined;
  /** Return only values that contain this text. Upper and lower case are equal. */
  readonly search?: string | undefined;
  /** Maximum number of values. */
  readonly limit: number;
}

/** Metric types whose endpoint is the name of a queue. */
const QUEUE_TYPES: readonly PerformanceMetricType[] = [
  'QUEUE_DEPTH',
  'QUEUE_OLDEST_AGE',
  'QUEUE_PROCESSING_TIME',
  'QUEUE_WAIT_TIME',
];

/**
 * Returns the values of a dimension, sorted by number of measurements in descending order. Queues with only jobs are
 * included. Each state transition of a job then counts as a measurement.
 *
 * The search runs after the query, so all searches share one cached result.
 *
 * @throws PS_REQUEST_TOO_LARGE if the dimension has too many values
 */
export async function queryDimensionValues(
  queryClient: QueryClient,
  query: Query,
  { dimension, metricType, search = '', limit }: DimensionValuesOptions,
): Promise<DimensionValue[]> {
  const grouped = { ...query, groupBy: [dimension], step: undefined };
  const readsJobs = dimension === 'queue' && metricType === undefined;
  const results = await Promise.all([
    runQuery(queryClient, METRICS_TABLE, grouped, {
      aggregations: { count: MEASUREMENT_COUNT },
      conditions: toConditions(query, dimension, metricType),
    }),
    readsJobs
      ? runQuery(queryClient, JOBS_TABLE, grouped, { aggregations: { count: ROW_COUNT } })
      : [],
  ]);
  const counts = new Map<string, number>();
  for (const { group, row } of results.flat()) {
    const value = group[dimension];
    if (value === undefined) continue;
    counts.set(value, (counts.get(value) ?? 0) + (toNumber(row.count) ?? 0));
  }
  return selectValues(counts, search, limit);
}

/** Returns the values that contain `search`, sorted by count in descending order and then by name. */
export function selectValues(
  counts: ReadonlyMap<string, number>,
  search: string,
  limit: number,
): DimensionValue[] {
  const text = search.toLowerCase();
  return [...counts]
    .filter(([value]) => value.toLowerCase().includes(text))
    .map(([value, count]) => ({ value, count }))
    .sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1))
    .slice(0, limit);
}

/**
 * Returns the conditions that select the measurements. Perfscope's own requests are excluded, except from the list of
 * services.
 */
function toConditions(
  { filter }: Query,
  dimension: Dimension,
  metricType: PerformanceMetricType | undefined,
): Sql[] {
  const metricFilter = dimension === 'service' ? { service: [OWN_SERVICE_NAME] } : filter;
  return [
    ...(metricType === undefined
      ? excludeOwnRequests(metricFilter)
      : toMetricConditions({ metricType }, metricFilter)),
    ...(dimension === 'queue' ? [inValues('metric_type', QUEUE_TYPES)] : []),
  ];
}
