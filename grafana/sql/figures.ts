import { percentiles, shareAbove } from './percentiles.ts';
import { overRange, overTime } from './select.ts';
import { LENGTH_MS } from './sources.ts';
import { type Asked, buckets, SECONDS, workOverRange, workOverTime } from './work.ts';

/** Lines of a chart at most: more of them nobody tells apart. */
const MOST_LINES = 10;
/** Rows of a table at most. */
export const MOST_ROWS = 100;
const QUANTILES = { p50: 0.5, p95: 0.95, p99: 0.99 } as const;

/** Number per second over the range. */
export function rate(asked: Asked): string {
  return `SELECT 1000.0 * amount / ${LENGTH_MS} AS rate FROM ${workOverRange(asked)}`;
}

export function average(asked: Asked): string {
  return `SELECT total / amount AS average FROM ${workOverRange(asked)}`;
}

/** In percent. */
export function errorRate(asked: Asked): string {
  return `SELECT 100.0 * errors / amount AS error_rate FROM ${workOverRange(asked)}`;
}

/** Buckets are wider than what is in them. */
export function p95(asked: Asked): string {
  return `SELECT least(greatest(p95, lowest), most) AS p95
FROM ${percentiles(buckets(asked, overRange), [], { p95: 0.95 })} CROSS JOIN ${workOverRange(asked)}`;
}

/** Share in percent of what took longer than `limit` ms. */
export function slowShare(asked: Asked, limit: number): string {
  return `SELECT ${shareAbove(limit)} AS slow FROM ${buckets(asked, overRange)}`;
}

/** Number and failures per second. */
export function ratesOverTime(asked: Asked): string {
  return `SELECT time, amount / ${SECONDS} AS "all", errors / ${SECONDS} AS "failed" FROM ${workOverTime(asked)} ORDER BY time`;
}

export function errorRateOverTime(asked: Asked): string {
  return `SELECT time, 100.0 * errors / amount AS "failed" FROM ${workOverTime(asked)} ORDER BY time`;
}

export function percentilesOverTime(asked: Asked): string {
  const found = percentiles(buckets(asked, overTime), ['time'], QUANTILES);
  return `SELECT time, p50, p95, p99 FROM ${found} ORDER BY time`;
}

/** A line for each of the busiest names of a column: `value` is made of `amount`, `errors` and `total`. */
export function linesBy(column: string, asked: Asked, value: string): string {
  const busiest = `SELECT ${column} AS metric FROM ${workOverRange({ ...asked, keys: [column] })}
  WHERE ${column} IS NOT NULL ORDER BY amount DESC LIMIT ${MOST_LINES}`;
  const rows = workOverTime({ ...asked, keys: [column] });
  return `SELECT time, metric, ${value} AS value FROM ${rows} r
JOIN (${busiest}) b ON r.${column} = b.metric ORDER BY time`;
}

/**
 * The names of columns with what was done under them, those that took most time in all first.
 *
 * @param columns the columns with the headings that they get
 */
export function ranking(columns: Readonly<Record<string, string>>, asked: Asked): string {
  const keys = Object.keys(columns);
  const named = Object.entries(columns).map(
    ([column, heading]) => `coalesce(w.${column}, '(none)') AS "${heading}"`,
  );
  const spread = percentiles(buckets({ ...asked, keys }, overRange), keys, { p95: 0.95 });
  // NULL equals NULL in QuestDB.
  const same = keys.map((key) => `w.${key} = p.${key}`).join(' AND ');
  return `SELECT ${named.join(', ')}, amount AS "Count", 1000.0 * amount / ${LENGTH_MS} AS "Per second",
  total / amount AS "Average", p95 AS "p95", most AS "Longest", 100.0 * errors / amount AS "Failed", total AS "Time in all"
FROM (SELECT * FROM ${workOverRange({ ...asked, keys })} ORDER BY total DESC LIMIT ${MOST_ROWS}) w
LEFT JOIN ${spread} p ON ${same} ORDER BY total DESC`;
}

/** Units of the ranking's columns. */
export const RANKING_UNITS = {
  'Per second': 'reqps',
  Average: 'ms',
  p95: 'ms',
  Longest: 'ms',
  Failed: 'percent',
  'Time in all': 'ms',
} as const;
