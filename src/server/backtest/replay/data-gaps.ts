import { MINUTE_MS } from '../../../core/duration.ts';
import type { TenantScope } from '../../../core/tenant-scope.ts';
import {
  createSum,
  HOSTS_TABLE,
  METRICS_TABLE,
  ROW_COUNT,
} from '../../../storage/queries/aggregation-tables.ts';
import { runRowQuery } from '../../../storage/queries/run-query.ts';
import { ceilTo, floorTo, type TimeRange } from '../../../storage/queries/time-range.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import { sql } from '../../../storage/sql/sql-builder.ts';

/** A shorter time without any row is normal in a small installation. */
const MIN_GAP_MS = 5 * MINUTE_MS;

/** When data was stored in a range. Times are in ms since the epoch. */
export interface StoredPeriods {
  /** Start of the first cell with rows. Undefined if there are none. */
  readonly firstMs: number | undefined;
  /** Times in which no row of any service was stored, sorted. */
  readonly gaps: readonly TimeRange[];
}

/**
 * Finds the times in which nothing was stored. Perfscope stores its own health row every minute, so it wasn't
 * running, or QuestDB was unreachable. Live evaluation didn't run at these times.
 *
 * @param cellMs length of the cells to look at, in ms
 */
export async function loadStoredPeriods(
  queryClient: QueryClient,
  scope: TenantScope,
  range: TimeRange,
  cellMs: number,
): Promise<StoredPeriods> {
  const step = { ms: ceilTo(Math.max(cellMs, MINUTE_MS), MINUTE_MS), zone: 'utc' };
  const query = { scope, range, step };
  const [metrics, hosts] = await Promise.all([
    runRowQuery(queryClient, METRICS_TABLE, query, {
      aggregations: { rows: createSum(sql`count()`, sql`sum(coalesce(count, value_count))`) },
    }),
    runRowQuery(queryClient, HOSTS_TABLE, query, { aggregations: { rows: ROW_COUNT } }),
  ]);
  const times = [...metrics, ...hosts].map(({ bucket }) => (bucket as Date).getTime());
  return findStoredPeriods(times, step.ms, range);
}

/**
 * Finds the gaps between cells.
 *
 * @param times starts of the cells with rows, in any order
 */
export function findStoredPeriods(
  times: readonly number[],
  cellMs: number,
  range: TimeRange,
): StoredPeriods {
  const sorted = [...new Set(times)].sort((a, b) => a - b);
  const minGapMs = Math.max(MIN_GAP_MS, 2 * cellMs);
  const gaps: TimeRange[] = [];
  for (const [i, atMs] of sorted.entries()) {
    const fromMs = atMs + cellMs;
    const toMs = sorted[i + 1] ?? floorTo(range.toMs, cellMs);
    if (toMs - fromMs >= minGapMs) gaps.push({ fromMs, toMs });
  }
  return { firstMs: sorted[0], gaps };
}

/** Returns whether rules are evaluated at `now`. The first evaluation after a gap sees the first new rows. */
export function isEvaluated({ firstMs, gaps }: StoredPeriods, now: number): boolean {
  if (firstMs === undefined || now <= firstMs) return false;
  return !gaps.some(({ fromMs, toMs }) => now > fromMs && now <= toMs);
}
