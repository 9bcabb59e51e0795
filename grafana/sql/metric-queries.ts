import { selectPercentiles, toShareAboveSql } from './percentile-queries.ts';
import { selectOverRange, selectOverTime } from './select-metrics.ts';
import { LENGTH_MS } from './table-parts.ts';
import {
  type MetricSelection,
  SECONDS,
  selectBuckets,
  selectTotalsOverRange,
  selectTotalsOverTime,
} from './total-queries.ts';

/** Lines of a chart at most: more of them nobody tells apart. */
const MAX_LINES = 10;
/** Rows of a table at most. */
export const MAX_ROWS = 100;
const QUANTILES = { p50: 0.5, p95: 0.95, p99: 0.99 } as const;

/** Number per second over the range. */
export function selectRate(asked: MetricSelection): string {
  return `SELECT 1000.0 * amount / ${LENGTH_MS} AS rate FROM ${selectTotalsOverRange(asked)}`;
}

export function selectAverage(asked: MetricSelection): string {
  return `SELECT total / amount AS average FROM ${selectTotalsOverRange(asked)}`;
}

/** In percent. */
export function selectErrorRate(asked: MetricSelection): string {
  return `SELECT 100.0 * errors / amount AS error_rate FROM ${selectTotalsOverRange(asked)}`;
}

/** Buckets are wider than what is in them. */
export function selectP95(asked: MetricSelection): string {
  return `SELECT least(greatest(p95, lowest), most) AS p95
FROM ${selectPercentiles(selectBuckets(asked, selectOverRange), [], { p95: 0.95 })} CROSS JOIN ${selectTotalsOverRange(asked)}`;
}

/** Share in percent of what took longer than `limit` ms. */
export function selectSlowShare(asked: MetricSelection, limit: number): string {
  return `SELECT ${toShareAboveSql(limit)} AS slow FROM ${selectBuckets(asked, selectOverRange)}`;
}

/** Number and failures per second. */
export function selectRatesOverTime(asked: MetricSelection): string {
  return `SELECT time, amount / ${SECONDS} AS "all", errors / ${SECONDS} AS "failed" FROM ${selectTotalsOverTime(asked)} ORDER BY time`;
}

export function selectErrorRateOverTime(asked: MetricSelection): string {
  return `SELECT time, 100.0 * errors / amount AS "failed" FROM ${selectTotalsOverTime(asked)} ORDER BY time`;
}

export function selectPercentilesOverTime(asked: MetricSelection): string {
  const found = selectPercentiles(selectBuckets(asked, selectOverTime), ['time'], QUANTILES);
  return `SELECT time, p50, p95, p99 FROM ${found} ORDER BY time`;
}

/** A line for each of the busiest names of a column: `value` is made of `amount`, `errors` and `total`. */
export function selectSeriesBy(column: string, asked: MetricSelection, value: string): string {
  const busiest = `SELECT ${column} AS metric FROM ${selectTotalsOverRange({ ...asked, keys: [column] })}
  WHERE ${column} IS NOT NULL ORDER BY amount DESC LIMIT ${MAX_LINES}`;
  const rows = selectTotalsOverTime({ ...asked, keys: [column] });
  return `SELECT time, metric, ${value} AS value FROM ${rows} r
JOIN (${busiest}) b ON r.${column} = b.metric ORDER BY time`;
}

/**
 * The names of columns with what was done under them, those that took most time in all first.
 *
 * @param columns the columns with the headings that they get
 */
export function selectRanking(
  columns: Readonly<Record<string, string>>,
  asked: MetricSelection,
): string {
  const keys = Object.keys(columns);
  const named = Object.entries(columns).map(
    ([column, heading]) => `coalesce(w.${column}, '(none)') AS "${heading}"`,
  );
  const spread = selectPercentiles(selectBuckets({ ...asked, keys }, selectOverRange), keys, {
    p95: 0.95,
  });
  // NULL equals NULL in QuestDB.
  const same = keys.map((key) => `w.${key} = p.${key}`).join(' AND ');
  return `SELECT ${named.join(', ')}, amount AS "Count", 1000.0 * amount / ${LENGTH_MS} AS "Per second",
  total / amount AS "Average", p95 AS "p95", most AS "Longest", 100.0 * errors / amount AS "Failed", total AS "Time in all"
FROM (SELECT * FROM ${selectTotalsOverRange({ ...asked, keys })} ORDER BY total DESC LIMIT ${MAX_ROWS}) w
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
