import { FROM, INTERVAL, INTERVAL_MS, TO } from './sql-text.ts';
import { floorTime } from './table-parts.ts';

/**
 * Rows of a heatmap: 2^exponent seconds. Each upper bound is twice the bound below it.
 * The rows cover durations from about 0.5 ms to 1 min.
 */
const FIRST_EXPONENT = -11;
const LAST_EXPONENT = 6;

/**
 * Selects the data of a heatmap, with one column per power of two. The column name is the upper bound.
 * All Grafana versions draw columns in the given order, so the bounds are columns and not rows.
 *
 * Grafana draws each cell to the left of its time, so `time` is the end of the interval. Grafana derives the width
 * of the cells from the first two times. Therefore, the result also contains intervals without data.
 *
 * @param buckets table with `time`, `bucket_upper` (ms), and `count`
 */
export function selectOctaves(buckets: string): string {
  const bounds = Array.from(
    { length: LAST_EXPONENT - FIRST_EXPONENT + 1 },
    (_, i) => 1000 * 2 ** (FIRST_EXPONENT + i),
  );
  const columns = bounds.map((bound, i) => {
    // The tolerance allows for rounding errors in stored bounds.
    const [low, high] = [(bounds[i - 1] ?? 0) * 1.001, bound * 1.001];
    const isFirst = i === 0;
    const isLast = i === bounds.length - 1;
    const within = [
      ...(isFirst ? [] : [`bucket_upper > ${low}`]),
      ...(isLast ? [] : [`bucket_upper <= ${high}`]),
    ];
    return `sum(CASE WHEN ${within.join(' AND ')} THEN count ELSE 0 END) AS "${formatBound(bound, isLast)}"`;
  });
  const all = `SELECT time, bucket_upper, count FROM ${buckets}
  UNION ALL ${selectEmptyIntervals()}`;
  return `SELECT dateadd('s', ${INTERVAL_S}, time) AS time, ${columns.join(',\n  ')} FROM (${all}) ORDER BY time`;
}

/** Length of an interval in seconds. In ms, it could exceed the range of an INT. */
const INTERVAL_S = `(${INTERVAL_MS} / 1000)::int`;

/** Selects one row with a count of 0 for each interval in the time range. */
function selectEmptyIntervals(): string {
  const start = floorTime(INTERVAL, FROM);
  return `SELECT * FROM (SELECT dateadd('s', (x::int - 1) * ${INTERVAL_S}, ${start}) AS time, 1.0 AS bucket_upper, 0L AS count
  FROM long_sequence(($__to - $__from) / ${INTERVAL_MS} + 2)) WHERE time < ${TO}`;
}

function formatBound(ms: number, isLast: boolean): string {
  if (isLast) return `> ${formatDuration(ms / 2)}`;
  return formatDuration(ms);
}

/** Formats without a decimal point: QuestDB would not remove the quotes around a name with a point. */
function formatDuration(ms: number): string {
  if (ms < 1) return `${Math.round(1000 * ms)} µs`;
  return ms < 1000 ? `${Math.round(ms)} ms` : `${ms / 1000} s`;
}
