/** Octaves of a heatmap, from a quarter of a millisecond to about a minute, as powers of two of a second. */
const FIRST_EXPONENT = -11;
const LAST_EXPONENT = 6;

/**
 * Rows of a heatmap: a column for each octave of durations in ms, named by its upper bound. Columns
 * and not rows, because their order is that of the axis in every version of Grafana.
 *
 * @param buckets a table with `time`, `bucket_upper` and `count`
 */
export function selectOctaves(buckets: string): string {
  const bounds = Array.from(
    { length: LAST_EXPONENT - FIRST_EXPONENT + 1 },
    (_, i) => 1000 * 2 ** (FIRST_EXPONENT + i),
  );
  const columns = bounds.map((bound, i) => {
    // A bound is the double nearest to it.
    const [low, high] = [(bounds[i - 1] ?? 0) * 1.001, bound * 1.001];
    const isFirst = i === 0;
    const isLast = i === bounds.length - 1;
    const within = [
      ...(isFirst ? [] : [`bucket_upper > ${low}`]),
      ...(isLast ? [] : [`bucket_upper <= ${high}`]),
    ];
    return `sum(CASE WHEN ${within.join(' AND ')} THEN count ELSE 0 END) AS "${formatBound(bound, isLast)}"`;
  });
  return `SELECT time, ${columns.join(',\n  ')} FROM ${buckets} ORDER BY time`;
}

function formatBound(ms: number, isLast: boolean): string {
  if (isLast) return `> ${formatDuration(ms / 2)}`;
  return formatDuration(ms);
}

/** Without a point: QuestDB would leave the quotes around such a name. */
function formatDuration(ms: number): string {
  if (ms < 1) return `${Math.round(1000 * ms)} µs`;
  return ms < 1000 ? `${Math.round(ms)} ms` : `${ms / 1000} s`;
}
