import type { Query } from '../questdb/reader.ts';
import { percentilesOf } from './percentiles.ts';
import { minutesOf, type Range } from './range.ts';
import { numberOf, scoped, textOf } from './scope.ts';

/** Times in ms, `errorRate` in percent. Undefined is "nothing reported". */
export interface TimedWork {
  count: number;
  average: number | undefined;
  p50: number | undefined;
  p95: number | undefined;
  p99: number | undefined;
  errorRate: number | undefined;
  perMinute: number;
}

export interface NamedTime {
  name: string;
  operation: string | undefined;
  count: number;
  average: number | undefined;
}

const TOTALS = `SELECT sum(count) AS count, sum(sum) AS total, sum(error_count) AS errors
  FROM performance_metrics WHERE metric_type = $1 AND count > 0`;
const BY_PLACE = `SELECT endpoint, operation, sum(count) AS count, sum(sum) / sum(count) AS average
  FROM performance_metrics WHERE metric_type = $1 AND count > 0`;

/** How often and how long something was done. Means weigh by count. */
export async function timedWork(
  query: Query,
  range: Range,
  metricType: string,
): Promise<TimedWork> {
  const [rows, at] = await Promise.all([
    scoped(query, range, TOTALS, [metricType]),
    percentilesOf(query, range, metricType),
  ]);
  const count = numberOf(rows[0]?.count) ?? 0;
  const total = numberOf(rows[0]?.total);
  const errors = numberOf(rows[0]?.errors) ?? 0;
  return {
    count,
    average: count > 0 && total !== undefined ? total / count : undefined,
    ...{ p50: at(0.5), p95: at(0.95), p99: at(0.99) },
    errorRate: count > 0 ? (100 * errors) / count : undefined,
    perMinute: count / minutesOf(range),
  };
}

/** The endpoints, or database operations, that take longest on average. */
export async function slowest(
  query: Query,
  range: Range,
  metricType: string,
): Promise<NamedTime[]> {
  const order = 'GROUP BY endpoint, operation ORDER BY average DESC LIMIT 10';
  const rows = await scoped(query, range, BY_PLACE, [metricType], order);
  return rows.map((row) => ({
    name: textOf(row.endpoint) ?? '(no route)',
    operation: textOf(row.operation),
    count: numberOf(row.count) ?? 0,
    average: numberOf(row.average),
  }));
}
