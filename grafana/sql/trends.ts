import { jobsOverTime } from './jobs.ts';
import { percentiles } from './percentiles.ts';
import { overTime } from './select.ts';
import { type Bounds, floored, LAST_WEEK, RANGE } from './sources.ts';
import { FROM, INTERVAL, INTERVAL_MS, TO } from './text.ts';
import { type Asked, buckets, SECONDS, workOverTime } from './work.ts';

/** The same hours a week earlier, moved under those of now. */
const UNDER_NOW = "dateadd('d', 7, time)";
const FIRST_BUCKET = floored(INTERVAL, FROM);
/** What of last week is not in the range itself. */
const BEFORE_IT: Bounds = { ...LAST_WEEK, to: `least(${LAST_WEEK.to}, ${FIRST_BUCKET})` };
/** A bucket of last week is over. */
const WHOLE_SECONDS = `(${INTERVAL_MS} / 1000.0)`;

/**
 * A figure of requests or statements now, and as it was a week before.
 *
 * @param value made of `amount`, `errors`, `total` and `seconds`
 */
export function beforeAndNow(asked: Asked, value: string): string {
  const now = `SELECT time, 'now' AS metric, ${value.replaceAll('seconds', SECONDS)} AS value FROM ${workOverTime(asked)}`;
  const before = `SELECT ${UNDER_NOW} AS time, 'last week' AS metric, ${value.replaceAll('seconds', WHOLE_SECONDS)} AS value
  FROM ${workOverTime({ ...asked, range: LAST_WEEK })}`;
  return together(now, before);
}

/**
 * The same of the 95th percentile. Buckets are many: the days that belong to both, in a range of more
 * than a week, are read once.
 */
export function p95BeforeAndNow(asked: Asked): string {
  const of = (range: Bounds) => `SELECT * FROM ${buckets({ ...asked, range }, overTime)}`;
  const both = `(SELECT time, bucket_upper, sum(count) AS count FROM (${of(RANGE)}\n  UNION ALL ${of(BEFORE_IT)}))`;
  return `SELECT time, metric, value FROM (
  SELECT dateadd('d', days, time) AS time, CASE WHEN days = 0 THEN 'now' ELSE 'last week' END AS metric, p95 AS value
  FROM ${percentiles(both, ['time'], { p95: 0.95 })} CROSS JOIN (SELECT 0 AS days UNION ALL SELECT 7 AS days)
) WHERE time >= ${FIRST_BUCKET} AND time < ${TO} ORDER BY time`;
}

/** Attempts that ended, per second. */
export function jobsBeforeAndNow(): string {
  const of = (seconds: string) => `(completed + failed) / ${seconds}`;
  return together(
    `SELECT time, 'now' AS metric, ${of(SECONDS)} AS value FROM ${jobsOverTime()}`,
    `SELECT ${UNDER_NOW} AS time, 'last week' AS metric, ${of(WHOLE_SECONDS)} AS value FROM ${jobsOverTime([], undefined, LAST_WEEK)}`,
  );
}

function together(now: string, before: string): string {
  return `SELECT time, metric, value FROM (\n${now}\nUNION ALL ${before}\n) ORDER BY time`;
}
