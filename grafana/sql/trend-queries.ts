import { selectJobsOverTime } from './job-queries.ts';
import { selectPercentiles } from './percentile-queries.ts';
import { selectOverTime } from './select-metrics.ts';
import { FROM, INTERVAL, INTERVAL_MS, TO } from './sql-text.ts';
import { floorTime, LAST_WEEK, RANGE, type TimeBounds } from './table-parts.ts';
import {
  type MetricSelection,
  SECONDS,
  selectBuckets,
  selectTotalsOverTime,
} from './total-queries.ts';

/** The same hours a week earlier, moved under those of now. */
const UNDER_NOW = "dateadd('d', 7, time)";
const FIRST_BUCKET = floorTime(INTERVAL, FROM);
/** What of last week is not in the range itself. */
const LAST_WEEK_OUTSIDE_RANGE: TimeBounds = {
  ...LAST_WEEK,
  to: `least(${LAST_WEEK.to}, ${FIRST_BUCKET})`,
};
/** A bucket of last week is over. */
const WHOLE_SECONDS = `(${INTERVAL_MS} / 1000.0)`;

/**
 * A figure of requests or statements now, and as it was a week before.
 *
 * @param value made of `amount`, `errors`, `total` and `seconds`
 */
export function selectNowAndLastWeek(asked: MetricSelection, value: string): string {
  const now = `SELECT time, 'now' AS metric, ${value.replaceAll('seconds', SECONDS)} AS value FROM ${selectTotalsOverTime(asked)}`;
  const before = `SELECT ${UNDER_NOW} AS time, 'last week' AS metric, ${value.replaceAll('seconds', WHOLE_SECONDS)} AS value
  FROM ${selectTotalsOverTime({ ...asked, range: LAST_WEEK })}`;
  return unionByTime(now, before);
}

/**
 * The same of the 95th percentile. Buckets are many: the days that belong to both, in a range of more
 * than a week, are read once.
 */
export function selectP95NowAndLastWeek(asked: MetricSelection): string {
  const of = (range: TimeBounds) =>
    `SELECT * FROM ${selectBuckets({ ...asked, range }, selectOverTime)}`;
  const both = `(SELECT time, bucket_upper, sum(count) AS count FROM (${of(RANGE)}\n  UNION ALL ${of(LAST_WEEK_OUTSIDE_RANGE)}))`;
  return `SELECT time, metric, value FROM (
  SELECT dateadd('d', days, time) AS time, CASE WHEN days = 0 THEN 'now' ELSE 'last week' END AS metric, p95 AS value
  FROM ${selectPercentiles(both, ['time'], { p95: 0.95 })} CROSS JOIN (SELECT 0 AS days UNION ALL SELECT 7 AS days)
) WHERE time >= ${FIRST_BUCKET} AND time < ${TO} ORDER BY time`;
}

/** Attempts that ended, per second. */
export function selectJobsNowAndLastWeek(): string {
  const of = (seconds: string) => `(completed + failed) / ${seconds}`;
  return unionByTime(
    `SELECT time, 'now' AS metric, ${of(SECONDS)} AS value FROM ${selectJobsOverTime()}`,
    `SELECT ${UNDER_NOW} AS time, 'last week' AS metric, ${of(WHOLE_SECONDS)} AS value FROM ${selectJobsOverTime([], undefined, LAST_WEEK)}`,
  );
}

function unionByTime(now: string, before: string): string {
  return `SELECT time, metric, value FROM (\n${now}\nUNION ALL ${before}\n) ORDER BY time`;
}
