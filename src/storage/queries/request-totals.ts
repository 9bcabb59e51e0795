import { Distribution, type Percentiles } from '../../core/histogram/percentiles.ts';
import type { QueryClient } from '../questdb/query-client.ts';
import { sql } from '../sql/sql-builder.ts';
import {
  createColumnMax,
  createColumnSum,
  createSum,
  METRICS_TABLE,
} from './aggregation-tables.ts';
import {
  clampPercentiles,
  queryDistributions,
  TOTALS_AGGREGATIONS,
  type Totals,
  toMetricConditions,
  toTotals,
} from './operation-totals.ts';
import { type Query, toGroupKey } from './query-definition.ts';
import {
  BREAKDOWN_AGGREGATIONS,
  type BreakdownStats,
  toBreakdownStats,
} from './request-breakdowns.ts';
import { computePercent, toNumber } from './row-values.ts';
import { runQuery } from './run-query.ts';

export const REQUESTS_METRIC = { metricType: 'API_RESPONSE_TIME' } as const;
export const STREAMS_METRIC = { metricType: 'API_STREAM_DURATION' } as const;

/**
 * Details of requests or streams. Times in ms. Values are `undefined` in the part of a range that older
 * versions recorded.
 */
interface RequestDetails extends BreakdownStats {
  /** Requests that the client aborted. They are not part of any other value. */
  abortedCount: number;
  /** Share of aborted requests in all requests, in percent. */
  abortedRate: number | undefined;
  /** Number of responses with a 2xx status. */
  count2xx: number | undefined;
  /** Number of responses with a 3xx status. */
  count3xx: number | undefined;
  /** Number of responses with a 4xx status. */
  count4xx: number | undefined;
  /** Number of responses with a 5xx status. */
  count5xx: number | undefined;
  /** Mean time until the first byte of the response, in ms. */
  firstByteAverage: number | undefined;
  /** Longest time until the first byte of the response, in ms. */
  firstByteMax: number | undefined;
}

/** Totals of requests. `average` is `undefined` if all requests were aborted. */
export interface RequestTotals extends Omit<Totals, 'average'>, RequestDetails {
  /** Mean duration, in ms. */
  average: number | undefined;
}

/** Totals of requests with percentiles, and the distribution that they were computed from. */
export interface RequestDistributionTotals extends RequestTotals, Percentiles {
  distribution: Distribution;
}

const REQUEST_AGGREGATIONS = {
  ...TOTALS_AGGREGATIONS,
  aborted: createSum(sql`sum(aborted_count)`),
  count_2xx: createColumnSum('count_2xx'),
  count_3xx: createColumnSum('count_3xx'),
  count_4xx: createColumnSum('count_4xx'),
  count_5xx: createColumnSum('count_5xx'),
  first_byte_sum: createColumnSum('first_byte_sum'),
  first_byte_max: createColumnMax('first_byte_max'),
  ...BREAKDOWN_AGGREGATIONS,
} as const;

/** Returns the totals of each group and time bucket that has requests, aborted ones included. */
export async function queryRequestTotals(
  queryClient: QueryClient,
  query: Query,
  selector: typeof REQUESTS_METRIC | typeof STREAMS_METRIC = REQUESTS_METRIC,
): Promise<RequestTotals[]> {
  const results = await runQuery(queryClient, METRICS_TABLE, query, {
    aggregations: REQUEST_AGGREGATIONS,
    conditions: toMetricConditions(selector, query.filter),
  });
  return results.flatMap((result) => {
    const { row } = result;
    const totals = toTotals(result, query);
    const { count } = totals;
    const abortedCount = toNumber(row.aborted) ?? 0;
    if (count + abortedCount === 0) return [];
    const firstByteSum = toNumber(row.first_byte_sum);
    return {
      ...totals,
      abortedCount,
      abortedRate: computePercent(abortedCount, count + abortedCount),
      count2xx: toNumber(row.count_2xx),
      count3xx: toNumber(row.count_3xx),
      count4xx: toNumber(row.count_4xx),
      count5xx: toNumber(row.count_5xx),
      firstByteAverage: count > 0 && firstByteSum !== undefined ? firstByteSum / count : undefined,
      firstByteMax: toNumber(row.first_byte_max),
      ...toBreakdownStats(row, count, toNumber(row.total) ?? 0),
    };
  });
}

/**
 * Returns the totals and percentiles of each group and time bucket that has requests.
 *
 * @throws PS_REQUEST_TOO_LARGE, PS_UNAVAILABLE, PS_QUERY_TOO_LONG
 */
export async function queryRequestDistributionTotals(
  queryClient: QueryClient,
  query: Query,
): Promise<RequestDistributionTotals[]> {
  const [totals, distributions] = await Promise.all([
    queryRequestTotals(queryClient, query),
    queryDistributions(queryClient, query, toMetricConditions(REQUESTS_METRIC, query.filter)),
  ]);
  return totals.map((total) => {
    const distribution =
      distributions.get(toGroupKey(total.group, total.bucket)) ?? new Distribution();
    const percentiles = clampPercentiles(distribution.computePercentiles(), total);
    return { ...total, ...percentiles, distribution };
  });
}

/** Long-lived responses, such as server-sent events. Times in ms, shares in percent. */
export interface StreamStats
  extends Pick<
    RequestTotals,
    'count' | 'errorCount' | 'errorRate' | 'average' | 'max' | keyof RequestDetails
  > {}

/** Returns the values of streams without the values that only requests have. */
export function toStreamStats(totals: RequestTotals): StreamStats {
  const { group: _, bucket: __, rate: ___, min: ____, ...stats } = totals;
  return stats;
}
