import { STORED_SCALE } from '../../src/core/histogram/bucket-scale.ts';

const BUCKETS_PER_OCTAVE = 2 ** STORED_SCALE;

/**
 * Selects percentiles of merged buckets. Interpolates within a bucket on a log scale, like
 * `histogram/percentile.ts`.
 *
 * @param buckets table with `groups`, `bucket_upper`, and `count`
 * @param quantiles quantiles from 0 to 1, by column name
 */
export function selectPercentiles(
  buckets: string,
  groups: readonly string[],
  quantiles: Readonly<Record<string, number>>,
): string {
  const columns = Object.entries(quantiles).map(([name, q]) => {
    const rank = `${q} * total`;
    const value = `bucket_upper * power(2, ((${rank} - below) / count - 1) / ${BUCKETS_PER_OCTAVE}.0)`;
    return `max(CASE WHEN below < ${rank} AND below + count >= ${rank} THEN ${value} END) AS ${name}`;
  });
  return `(SELECT ${[...groups, ...columns].join(', ')} FROM ${selectCumulativeBuckets(buckets, groups)})`;
}

/**
 * Limits a percentile to the measured `minimum` and `maximum`, because buckets are wider than their values. The REST API
 * does the same. In QuestDB, both functions ignore NULL.
 */
export function toClampedSql(percentile: string): string {
  return `CASE WHEN ${percentile} IS NOT NULL THEN least(greatest(${percentile}, minimum), maximum) END`;
}

/** Adds two columns to each bucket: the number of values `below` it, and the `total` of its group. */
function selectCumulativeBuckets(buckets: string, groups: readonly string[]): string {
  const by = groups.length > 0 ? `PARTITION BY ${groups.join(', ')}` : '';
  const columns = [...groups, 'bucket_upper', 'count'].join(', ');
  return `(SELECT ${columns},
  sum(count) OVER (${by} ORDER BY bucket_upper ROWS UNBOUNDED PRECEDING) - count AS below,
  sum(count) OVER (${by}) AS total FROM ${buckets} WHERE count > 0)`;
}

/** Returns the percentage of values above `limit`. Interpolates within a bucket like `Distribution.computeShareAbove`. */
export function toShareAboveSql(limit: number): string {
  return `100.0 * (1 - sum(count * (${toShareAtMostSql(limit)})) / sum(count))`;
}

/**
 * Returns the Apdex, from 0 to 1. Requests up to `target` ms count fully, and requests up to four times as long count
 * half. Failed requests don't count. Same as `Distribution.computeApdex`.
 */
export function toApdexSql(target: number): string {
  const countUpTo = (limit: number) => `sum((count - errors) * (${toShareAtMostSql(limit)}))`;
  return `(${countUpTo(target)} + ${countUpTo(4 * target)}) / 2.0 / sum(count)`;
}

/** Returns the share of a bucket's values that are at most `limit`, from 0 to 1. */
function toShareAtMostSql(limit: number): string {
  return `CASE WHEN bucket_upper <= ${limit} THEN 1.0
    WHEN bucket_upper >= ${limit} * power(2, 1.0 / ${BUCKETS_PER_OCTAVE}) THEN 0.0
    ELSE 1 + ${BUCKETS_PER_OCTAVE} * ln(${limit} / bucket_upper) / ln(2) END`;
}
