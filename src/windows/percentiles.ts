import { percentile } from '../histogram/percentile.ts';
import type { Query } from '../questdb/reader.ts';
import type { Range } from './range.ts';
import { numberOf, scoped } from './scope.ts';

const BUCKETS = `SELECT bucket_upper, sum(count) AS count FROM metric_buckets
  WHERE metric_type = $1 AND count > 0`;

/** Percentiles of a type of measurement, from its merged buckets; undefined without any. */
export async function percentilesOf(
  query: Query,
  range: Range,
  metricType: string,
): Promise<(q: number) => number | undefined> {
  const rows = await scoped(query, range, BUCKETS, [metricType], 'GROUP BY bucket_upper');
  const buckets = rows.map((row) => ({
    bound: numberOf(row.bucket_upper) ?? 0,
    count: numberOf(row.count) ?? 0,
  }));
  return (q) => percentile(buckets, q);
}
