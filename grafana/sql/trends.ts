import { jobsOverTime } from './jobs.ts';
import { percentiles } from './percentiles.ts';
import { overTime } from './select.ts';
import { LAST_WEEK } from './sources.ts';
import { INTERVAL_MS } from './text.ts';
import { type Asked, buckets, SECONDS, workOverTime } from './work.ts';

/** The same hours a week earlier, moved under those of now. */
const UNDER_NOW = "dateadd('d', 7, time)";
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

/** The same of the 95th percentile. */
export function p95BeforeAndNow(asked: Asked): string {
  const of = (each: Asked) => percentiles(buckets(each, overTime), ['time'], { p95: 0.95 });
  const before = of({ ...asked, range: LAST_WEEK });
  return together(
    `SELECT time, 'now' AS metric, p95 AS value FROM ${of(asked)}`,
    `SELECT ${UNDER_NOW} AS time, 'last week' AS metric, p95 AS value FROM ${before}`,
  );
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
