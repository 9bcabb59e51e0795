import {
  Distribution,
  type MergedBucket,
  type Percentiles,
} from '../../core/histogram/percentiles.ts';
import type { QueryClient } from '../questdb/query-client.ts';
import { inValues, type Sql, sql } from '../sql/sql-builder.ts';
import { type Group, type Query, toGroupKey } from './query.ts';
import { getRangeLengthMs, type TimeRange } from './query-range.ts';
import { BUCKETS_TABLE, COUNT, createSum, METRICS_TABLE } from './query-tables.ts';
import { computePercent, toNumber } from './row-values.ts';
import { runQuery } from './run-query.ts';

/** Which measurements: of a type, and of some names where the type says too little. */
export interface MetricSelector {
  readonly metricType: string;
  readonly names?: readonly string[] | undefined;
}

/** How often and how long something was done. Times in the measurement's unit, for durations ms. */
export interface Totals {
  group: Group;
  /** Of its bucket of time; undefined without a step. */
  bucket: TimeRange | undefined;
  count: number;
  /** Per second, over the whole range or bucket. */
  rate: number;
  errorCount: number;
  /** In percent. */
  errorRate: number | undefined;
  average: number;
  min: number | undefined;
  max: number | undefined;
}

/** What requests, statements and jobs add up to. */
export const TOTALS_AGGREGATIONS = {
  count: COUNT,
  errors: createSum(sql`sum(error_count)`),
  total: createSum(sql`sum(sum)`),
  least: { rows: sql`min(min)`, rollup: sql`min(min)`, mergeWith: 'min' },
  most: { rows: sql`max(max)`, rollup: sql`max(max)`, mergeWith: 'max' },
} as const;

/** Conditions for the rows of a kind of measurement. */
export function toMetricConditions({ metricType, names }: MetricSelector): Sql[] {
  return [sql`metric_type = ${metricType}`, ...(names ? [inValues('name', names)] : [])];
}

/** Counts and means, which weigh by count, for each group and bucket of time that has any. */
export async function queryTotals(
  store: QueryClient,
  question: Query,
  measured: MetricSelector,
): Promise<Totals[]> {
  const answers = await runQuery(store, METRICS_TABLE, question, {
    aggregations: TOTALS_AGGREGATIONS,
    conditions: [...toMetricConditions(measured), sql`count > 0`],
  });
  return answers.flatMap(({ group, bucket: span, row }) => {
    const count = toNumber(row.count) ?? 0;
    if (count === 0) return [];
    const errorCount = toNumber(row.errors) ?? 0;
    return {
      group,
      bucket: span,
      count,
      errorCount,
      rate: (1000 * count) / getRangeLengthMs(span ?? question.range),
      errorRate: computePercent(errorCount, count),
      average: (toNumber(row.total) ?? 0) / count,
      min: toNumber(row.least),
      max: toNumber(row.most),
    };
  });
}

/**
 * The distribution of each group and bucket of time, by `keyOf`.
 *
 * @param conditions which measurements
 * @throws PS_REQUEST_TOO_LARGE
 */
export async function queryDistributions(
  store: QueryClient,
  question: Query,
  conditions: readonly Sql[],
): Promise<Map<string, Distribution>> {
  const answers = await runQuery(store, BUCKETS_TABLE, question, {
    aggregations: { count: COUNT, errors: { ...COUNT, rows: ERROR_SUM, rollup: ERROR_SUM } },
    keys: ['bucket_upper'],
    conditions,
  });
  const buckets = new Map<string, MergedBucket[]>();
  for (const { group, bucket: span, row } of answers) {
    const key = toGroupKey(group, span);
    const bucket = {
      bound: toNumber(row.bucket_upper) ?? 0,
      count: toNumber(row.count) ?? 0,
      errorCount: toNumber(row.errors) ?? 0,
    };
    const others = buckets.get(key);
    if (others) others.push(bucket);
    else buckets.set(key, [bucket]);
  }
  return new Map([...buckets].map(([key, merged]) => [key, new Distribution(merged)]));
}

const ERROR_SUM = sql`sum(error_count)`;

/** Totals with percentiles, which come from merged buckets. */
export interface PercentileTotals extends Totals, Percentiles {}

/** The same with all that the buckets know. */
export interface DistributionTotals extends PercentileTotals {
  distribution: Distribution;
}

/**
 * Counts, means and percentiles of what is measured as single values or histograms, for each group
 * and bucket of time that has any.
 *
 * @throws PS_REQUEST_TOO_LARGE, PS_UNAVAILABLE, PS_QUERY_TOO_LONG
 */
export async function queryDistributionTotals(
  store: QueryClient,
  question: Query,
  measured: MetricSelector,
): Promise<DistributionTotals[]> {
  const [found, spread] = await Promise.all([
    queryTotals(store, question, measured),
    queryDistributions(store, question, toMetricConditions(measured)),
  ]);
  return found.map((total) => {
    const distribution = spread.get(toGroupKey(total.group, total.bucket)) ?? new Distribution();
    return {
      ...total,
      ...clampPercentiles(distribution.computePercentiles(), total),
      distribution,
    };
  });
}

/** Without what only the code asks of the buckets. */
export function omitDistribution({
  distribution: _,
  ...rest
}: DistributionTotals): PercentileTotals {
  return rest;
}

/** Buckets are wider than what is in them. */
function clampPercentiles(percentiles: Percentiles, { min, max }: Totals): Percentiles {
  const [least, most] = [min ?? Number.NEGATIVE_INFINITY, max ?? Number.POSITIVE_INFINITY];
  const clamp = (value: number | undefined) =>
    value === undefined ? undefined : Math.min(most, Math.max(least, value));
  const { p50, p90, p95, p99, p999 } = percentiles;
  return { p50: clamp(p50), p90: clamp(p90), p95: clamp(p95), p99: clamp(p99), p999: clamp(p999) };
}

/** An endpoint, or a statement's fingerprint; `average` in ms. */
export interface SlowestOperation {
  name: string;
  operation: string | undefined;
  count: number;
  average: number;
}

/** The ten endpoints, or database statements, that take longest on average. */
export async function querySlowest(
  store: QueryClient,
  question: Query,
  measured: MetricSelector,
): Promise<SlowestOperation[]> {
  const groups = await queryTotals(
    store,
    { ...question, groupBy: ['endpoint', 'operation'] },
    measured,
  );
  return groups
    .sort((a, b) => b.average - a.average)
    .slice(0, 10)
    .map(({ group, count, average }) => ({
      name: group.endpoint ?? '(no route)',
      operation: group.operation,
      count,
      average,
    }));
}
