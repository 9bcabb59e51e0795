import {
  Distribution,
  type MergedBucket,
  type Percentiles,
} from '../../core/histogram/percentiles.ts';
import { OWN_SERVICE_NAME } from '../../core/own-service.ts';
import type { QueryClient } from '../questdb/query-client.ts';
import { inValues, joinSql, type Sql, sql } from '../sql/sql-builder.ts';
import { BUCKETS_TABLE, COUNT, createSum, METRICS_TABLE } from './aggregation-tables.ts';
import { type Filter, type Group, type Query, toGroupKey } from './query-definition.ts';
import { computePercent, toNumber } from './row-values.ts';
import { type ResultRow, runQuery } from './run-query.ts';
import { getRangeLengthMs, type TimeRange } from './time-range.ts';

/** Selects measurements by type and, for types with several metrics, by name. */
export interface MetricSelector {
  readonly metricType: string;
  readonly names?: readonly string[] | undefined;
}

/** Count and duration of operations. Times are in the metric's unit, which is ms for durations. */
export interface Totals {
  group: Group;
  /** `undefined` if the query has no step. */
  bucket: TimeRange | undefined;
  /** Number of operations. */
  count: number;
  /** Operations per second, over the whole range or bucket. */
  rate: number;
  /** Number of failed operations. */
  errorCount: number;
  /** Share of failed operations, in percent. */
  errorRate: number | undefined;
  /** Mean duration. */
  average: number;
  /** Shortest duration. */
  min: number | undefined;
  /** Longest duration. */
  max: number | undefined;
}

/** Aggregations of requests, statements, and jobs. */
export const TOTALS_AGGREGATIONS = {
  count: COUNT,
  errors: createSum(sql`sum(error_count)`),
  total: createSum(sql`sum(sum)`),
  minimum: { rows: sql`min(min)`, rollup: sql`min(min)`, mergeWith: 'min' },
  maximum: { rows: sql`max(max)`, rollup: sql`max(max)`, mergeWith: 'max' },
} as const;

const ERROR_SUM = sql`sum(error_count)`;

/** Types of the requests that a service handles. */
const REQUEST_TYPES: ReadonlySet<string> = new Set(['API_RESPONSE_TIME', 'API_STREAM_DURATION']);

/**
 * Returns the conditions that select the rows of a metric. They exclude Perfscope's own requests, unless
 * the filter lists its service.
 */
export function toMetricConditions({ metricType, names }: MetricSelector, filter?: Filter): Sql[] {
  const excludesOwn = REQUEST_TYPES.has(metricType) && !filter?.service?.includes(OWN_SERVICE_NAME);
  return [
    sql`metric_type = ${metricType}`,
    ...(names ? [inValues('name', names)] : []),
    ...(excludesOwn ? [sql`service != ${OWN_SERVICE_NAME}`] : []),
  ];
}

/**
 * Returns the conditions that exclude Perfscope's own requests from measurements of any type, unless the filter lists
 * its service.
 */
export function excludeOwnRequests(filter?: Filter): Sql[] {
  if (filter?.service?.includes(OWN_SERVICE_NAME)) return [];
  const isOther = [...REQUEST_TYPES].map((type) => sql`metric_type != ${type}`);
  return [sql`(service != ${OWN_SERVICE_NAME} OR (${joinSql(isOther, ' AND ')}))`];
}

/** Returns counts and weighted averages for each group and time bucket that has measurements. */
export async function queryTotals(
  queryClient: QueryClient,
  query: Query,
  selector: MetricSelector,
): Promise<Totals[]> {
  const results = await runQuery(queryClient, METRICS_TABLE, query, {
    aggregations: TOTALS_AGGREGATIONS,
    conditions: [...toMetricConditions(selector, query.filter), sql`count > 0`],
  });
  return results.flatMap((result) => {
    const totals = toTotals(result, query);
    const { average } = totals;
    return average === undefined ? [] : { ...totals, average };
  });
}

/**
 * Returns the totals in a result of `TOTALS_AGGREGATIONS`. `average`, `min`, and `max` are `undefined` if nothing was
 * measured.
 */
export function toTotals(
  { group, bucket, row }: ResultRow,
  { range }: Pick<Query, 'range'>,
): Omit<Totals, 'average'> & { average: number | undefined } {
  const count = toNumber(row.count) ?? 0;
  const errorCount = toNumber(row.errors) ?? 0;
  return {
    group,
    bucket,
    count,
    errorCount,
    rate: (1000 * count) / getRangeLengthMs(bucket ?? range),
    errorRate: computePercent(errorCount, count),
    average: count > 0 ? (toNumber(row.total) ?? 0) / count : undefined,
    min: count > 0 ? toNumber(row.minimum) : undefined,
    max: count > 0 ? toNumber(row.maximum) : undefined,
  };
}

/**
 * Returns the distribution of each group and time bucket, keyed by `toGroupKey`.
 *
 * @param conditions filter for the measurements
 * @throws PS_REQUEST_TOO_LARGE
 */
export async function queryDistributions(
  queryClient: QueryClient,
  query: Query,
  conditions: readonly Sql[],
): Promise<Map<string, Distribution>> {
  const results = await runQuery(queryClient, BUCKETS_TABLE, query, {
    aggregations: { count: COUNT, errors: { ...COUNT, rows: ERROR_SUM, rollup: ERROR_SUM } },
    keys: ['bucket_upper'],
    conditions,
  });
  const histograms = new Map<string, MergedBucket[]>();
  for (const { group, bucket, row } of results) {
    const key = toGroupKey(group, bucket);
    const histogramBucket = {
      bound: toNumber(row.bucket_upper) ?? 0,
      count: toNumber(row.count) ?? 0,
      errorCount: toNumber(row.errors) ?? 0,
    };
    const others = histograms.get(key);
    if (others) others.push(histogramBucket);
    else histograms.set(key, [histogramBucket]);
  }
  return new Map([...histograms].map(([key, buckets]) => [key, new Distribution(buckets)]));
}

/** Totals with percentiles, which are computed from merged histogram buckets. */
export interface PercentileTotals extends Totals, Percentiles {}

/** Totals with percentiles and the distribution that they were computed from. */
export interface DistributionTotals extends PercentileTotals {
  distribution: Distribution;
}

/**
 * Returns counts, averages, and percentiles of individual values and histograms for each group and
 * time bucket that has measurements.
 *
 * @throws PS_REQUEST_TOO_LARGE, PS_UNAVAILABLE, PS_QUERY_TOO_LONG
 */
export async function queryDistributionTotals(
  queryClient: QueryClient,
  query: Query,
  selector: MetricSelector,
): Promise<DistributionTotals[]> {
  const [totals, distributions] = await Promise.all([
    queryTotals(queryClient, query, selector),
    queryDistributions(queryClient, query, toMetricConditions(selector, query.filter)),
  ]);
  return totals.map((total) => {
    const key = toGroupKey(total.group, total.bucket);
    const distribution = distributions.get(key) ?? new Distribution();
    return {
      ...total,
      ...clampPercentiles(distribution.computePercentiles(), total),
      distribution,
    };
  });
}

/** Returns totals without the distribution, which is only for internal use. */
export function omitDistribution({
  distribution: _,
  ...rest
}: DistributionTotals): PercentileTotals {
  return rest;
}

/**
 * Limits percentiles to the minimum and maximum value, because buckets are wider than their values.
 */
export function clampPercentiles(
  percentiles: Percentiles,
  totals: Pick<Totals, 'min' | 'max'>,
): Percentiles {
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = totals;
  const clamp = (value: number | undefined) =>
    value === undefined ? undefined : Math.min(max, Math.max(min, value));
  const { p50, p90, p95, p99, p999 } = percentiles;
  return { p50: clamp(p50), p90: clamp(p90), p95: clamp(p95), p99: clamp(p99), p999: clamp(p999) };
}

/** An endpoint or a statement fingerprint. `average` is in ms. */
export interface SlowestOperation {
  /** Route of the endpoint, or fingerprint of the statement. */
  name: string;
  /** HTTP method of the endpoint, or kind of statement. */
  operation: string | undefined;
  /** Name of the service. */
  service: string | undefined;
  /** Number of calls. */
  count: number;
  /** Mean duration, in ms. */
  average: number;
}

/**
 * Returns the 10 endpoints or database statements with the longest average duration.
 *
 * @param toName returns the name of a group. Requests can have no route, and calls of a database no statement.
 */
export async function querySlowest(
  queryClient: QueryClient,
  query: Query,
  selector: MetricSelector,
  toName: (group: Group) => string,
): Promise<SlowestOperation[]> {
  const groups = await queryTotals(
    queryClient,
    { ...query, groupBy: ['service', 'endpoint', 'operation'] },
    selector,
  );
  return groups
    .sort((a, b) => b.average - a.average)
    .slice(0, 10)
    .map(({ group, count, average }) => ({
      name: toName(group),
      operation: group.operation,
      service: group.service,
      count,
      average,
    }));
}

/** Returns the route of requests. */
export function toRouteName({ endpoint }: Group): string {
  return endpoint ?? '(no route)';
}

/** Returns the statement. Calls without SQL, such as commands of Redis, have the name of the operation. */
export function toStatementName({ endpoint, operation }: Group): string {
  return endpoint ?? operation ?? '(no statement)';
}
