import type { QueryClient } from '../questdb/query-client.ts';
import { sql } from '../sql/sql-builder.ts';
import type { Group, Query } from './query.ts';
import type { TimeRange } from './query-range.ts';
import { createSum, JOBS_TABLE, ROW_COUNT } from './query-tables.ts';
import { toNumber } from './row-values.ts';
import { type Aggregation, runQuery } from './run-query.ts';

/** Transitions of jobs of one group. Times in ms, summed over the jobs that have them. */
export interface JobTotals {
  group: Group;
  bucket: TimeRange | undefined;
  /** Jobs that became ready to run. */
  arrived: number;
  completed: number;
  /** Attempts that failed. */
  failed: number;
  stalled: number;
  /** Mean time that an attempt ran, and that its job had waited; undefined where nothing ended. */
  averageProcessing: number | undefined;
  averageWait: number | undefined;
  /** Sums of the same. */
  processing: number;
  waiting: number;
  /** Of the newest transition, in ms since the epoch. */
  newestMs: number;
}

/** What transitions add up to; times in ms. */
export const JOB_AGGREGATIONS = {
  count: ROW_COUNT,
  processing: createSum(sql`sum(duration)`, sql`sum(duration_sum)`),
  processed: createSum(sql`count(duration)`, sql`sum(duration_count)`),
  waiting: createSum(sql`sum(wait_time)`, sql`sum(wait_sum)`),
  waited: createSum(sql`count(wait_time)`, sql`sum(wait_count)`),
  newest: { rows: sql`max(timestamp)`, rollup: sql`max(timestamp)`, mergeWith: 'max' },
} as const satisfies Record<string, Aggregation>;
const READY_STATUSES = new Set(['waiting', 'prioritized']);
const ENDED_STATUSES = new Set(['completed', 'failed']);

/** What the state transitions of jobs say, for each group and bucket of time that has any. */
export async function queryJobTotals(store: QueryClient, question: Query): Promise<JobTotals[]> {
  const answers = await runQuery(store, JOBS_TABLE, question, {
    aggregations: JOB_AGGREGATIONS,
    keys: ['status'],
  });
  const totals = new Map<string, JobTotals & { processed: number; waited: number }>();
  for (const { group, bucket: span, row } of answers) {
    const key = JSON.stringify([group, span?.fromMs]);
    const empty = { arrived: 0, completed: 0, failed: 0, stalled: 0, processing: 0, waiting: 0 };
    const total = totals.get(key) ?? {
      group,
      bucket: span,
      ...empty,
      processed: 0,
      waited: 0,
      newestMs: Number.NEGATIVE_INFINITY,
      averageProcessing: undefined,
      averageWait: undefined,
    };
    totals.set(key, total);
    const count = toNumber(row.count) ?? 0;
    total.newestMs = Math.max(total.newestMs, toNumber(row.newest) ?? total.newestMs);
    const status = String(row.status);
    if (READY_STATUSES.has(status)) total.arrived += count;
    if (status === 'stalled') total.stalled += count;
    if (!ENDED_STATUSES.has(status)) continue;
    if (status === 'completed') total.completed += count;
    else total.failed += count;
    total.processing += toNumber(row.processing) ?? 0;
    total.processed += toNumber(row.processed) ?? 0;
    total.waiting += toNumber(row.waiting) ?? 0;
    total.waited += toNumber(row.waited) ?? 0;
  }
  return [...totals.values()].map(({ processed, waited, ...total }) => ({
    ...total,
    averageProcessing: processed > 0 ? total.processing / processed : undefined,
    averageWait: waited > 0 ? total.waiting / waited : undefined,
  }));
}
