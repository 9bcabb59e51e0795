import type { QueryClient } from '../questdb/query-client.ts';
import { type Sql, sql } from '../sql/sql-builder.ts';
import type { Group, Query } from './query.ts';
import { COUNT, createSum, METRICS_TABLE, VALUE_AGGREGATIONS } from './query-tables.ts';
import { toNumber } from './row-values.ts';
import { runQuery } from './run-query.ts';

/** All that measurements of any kind add up to; sums, so that groups can be put together again. */
export interface MetricSums {
  group: Group;
  /** Of single values and histograms. */
  count: number;
  errorCount: number;
  sum: number;
  /** Rows that have a value, and the sum of these: what gauges and counters have instead. */
  valueCount: number;
  valueSum: number;
  min: number | undefined;
  max: number | undefined;
  /** The newest value, and when it was, in ms since the epoch. */
  last: number | undefined;
  newestMs: number;
}

const SUM_AGGREGATIONS = {
  ...VALUE_AGGREGATIONS,
  count: COUNT,
  errors: createSum(sql`sum(error_count)`),
  total: createSum(sql`sum(sum)`),
};

/**
 * The figures of each group that has any.
 *
 * @param conditions which measurements
 * @param most groups at most
 * @throws PS_REQUEST_TOO_LARGE with more
 */
export async function queryMetricSums(
  store: QueryClient,
  question: Query,
  conditions: readonly Sql[],
  most: number,
): Promise<MetricSums[]> {
  const answers = await runQuery(store, METRICS_TABLE, question, {
    aggregations: SUM_AGGREGATIONS,
    conditions,
    limit: most,
  });
  return answers.flatMap(({ group, row }) => {
    const newest = row.last_at instanceof Date ? row.last_at.getTime() : undefined;
    const [count, values] = [toNumber(row.count) ?? 0, toNumber(row.samples) ?? 0];
    if (newest === undefined || (count === 0 && values === 0)) return [];
    return {
      group,
      count,
      valueCount: values,
      newestMs: newest,
      errorCount: toNumber(row.errors) ?? 0,
      sum: toNumber(row.total) ?? 0,
      valueSum: toNumber(row.value_total) ?? 0,
      min: toNumber(row.least),
      max: toNumber(row.most),
      last: toNumber(row.last),
    };
  });
}

/** The figures of two groups as one. */
export function mergeMetricSums(a: MetricSums, b: MetricSums): MetricSums {
  const newer = b.newestMs > a.newestMs ? b : a;
  return {
    group: a.group,
    count: a.count + b.count,
    errorCount: a.errorCount + b.errorCount,
    sum: a.sum + b.sum,
    valueCount: a.valueCount + b.valueCount,
    valueSum: a.valueSum + b.valueSum,
    min: pickExtreme(Math.min, a.min, b.min),
    max: pickExtreme(Math.max, a.max, b.max),
    last: newer.last,
    newestMs: newer.newestMs,
  };
}

function pickExtreme(of: typeof Math.min, a: number | undefined, b: number | undefined) {
  return a === undefined || b === undefined ? (a ?? b) : of(a, b);
}
