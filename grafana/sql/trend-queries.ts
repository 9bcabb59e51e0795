import { selectJobsOverTime } from './job-queries.ts';
import { selectPercentiles, toClampedSql } from './percentile-queries.ts';
import { selectOverTime } from './select-metrics.ts';
import { FROM, INTERVAL, INTERVAL_MS, TO } from './sql-text.ts';
import { floorTime, LAST_WEEK, RANGE, type TimeBounds } from './table-parts.ts';
import {
  type MetricSelection,
  SECONDS,
  selectBuckets,
  selectTotalsOverTime,
} from './total-queries.ts';

/** Shifts times of last week by seven days, so that both lines have the same time axis. */
const SHIFTED_TIME = "dateadd('d', 7, time)";
const FIRST_BUCKET = floorTime(INTERVAL, FROM);
/** The part of last week's range that doesn't overlap the dashboard's time range. */
const LAST_WEEK_OUTSIDE_RANGE: TimeBounds = {
  ...LAST_WEEK,
  to: `least(${LAST_WEEK.to}, ${FIRST_BUCKET})`,
};
/** Length of an interval of last week, in seconds. All these intervals have ended. */
const WHOLE_SECONDS = `(${INTERVAL_MS} / 1000.0)`;

/**
 * Selects a metric of requests or statements now and a week ago.
 *
 * @param value SQL expression that uses `amount`, `errors`, `total`, and `seconds`
 */
export function selectNowAndLastWeek(selection: MetricSelection, value: string): string {
  const now = `SELECT time, 'now' AS metric, ${value.replaceAll('seconds', SECONDS)} AS value FROM ${selectTotalsOverTime(selection)}`;
  const before = `SELECT ${SHIFTED_TIME} AS time, 'last week' AS metric, ${value.replaceAll('seconds', WHOLE_SECONDS)} AS value
  FROM ${selectTotalsOverTime({ ...selection, range: LAST_WEEK })}`;
  return unionByTime(now, before);
}

/**
 * Selects the 95th percentile now and a week ago. If the range is longer than a week, both periods
 * overlap. The overlap is read only once because there are many buckets.
 */
export function selectP95NowAndLastWeek(selection: MetricSelection): string {
  const select = (range: TimeBounds) =>
    `SELECT * FROM ${selectBuckets({ ...selection, range }, selectOverTime)}`;
  const selectLimits = (range: TimeBounds) =>
    `SELECT time, minimum, maximum FROM ${selectTotalsOverTime({ ...selection, range })}`;
  const limits = `(SELECT time, min(minimum) AS minimum, max(maximum) AS maximum FROM (${selectLimits(RANGE)}\n  UNION ALL ${selectLimits(LAST_WEEK_OUTSIDE_RANGE)}))`;
  const both = `(SELECT time, bucket_upper, sum(count) AS count FROM (${select(RANGE)}\n  UNION ALL ${select(LAST_WEEK_OUTSIDE_RANGE)}))`;
  return `SELECT time, metric, value FROM (
  SELECT dateadd('d', days, time) AS time, CASE WHEN days = 0 THEN 'now' ELSE 'last week' END AS metric, value
  FROM (SELECT p.time AS time, ${toClampedSql('p95')} AS value FROM ${selectPercentiles(both, ['time'], { p95: 0.95 })} p
    LEFT JOIN ${limits} t ON p.time = t.time) CROSS JOIN (SELECT 0 AS days UNION ALL SELECT 7 AS days)
) WHERE time >= ${FIRST_BUCKET} AND time < ${TO} ORDER BY time`;
}

/** Selects the number of finished attempts per second, now and a week ago. */
export function selectJobsNowAndLastWeek(): string {
  const toRate = (seconds: string) => `(completed + failed) / ${seconds}`;
  return unionByTime(
    `SELECT time, 'now' AS metric, ${toRate(SECONDS)} AS value FROM ${selectJobsOverTime()}`,
    `SELECT ${SHIFTED_TIME} AS time, 'last week' AS metric, ${toRate(WHOLE_SECONDS)} AS value FROM ${selectJobsOverTime([], undefined, LAST_WEEK)}`,
  );
}

function unionByTime(now: string, before: string): string {
  return `SELECT time, metric, value FROM (\n${now}\nUNION ALL ${before}\n) ORDER BY time`;
}
