import { sql } from '../questdb/statement.ts';
import type { Group } from './dimensions.ts';
import { JOBS, ROWS, summed } from './families.ts';
import type { Question } from './question.ts';
import type { Range } from './range.ts';
import { numberOf } from './row.ts';
import { type Figure, select } from './select.ts';
import type { Store } from './store.ts';

/** Transitions of jobs of one group. Times in ms, summed over the jobs that have them. */
export interface JobTotals {
  group: Group;
  span: Range | undefined;
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
export const JOB_FIGURES = {
  count: ROWS,
  processing: summed(sql`sum(duration)`, sql`sum(duration_sum)`),
  processed: summed(sql`count(duration)`, sql`sum(duration_count)`),
  waiting: summed(sql`sum(wait_time)`, sql`sum(wait_sum)`),
  waited: summed(sql`count(wait_time)`, sql`sum(wait_count)`),
  newest: { rows: sql`max(timestamp)`, rollup: sql`max(timestamp)`, again: 'max' },
} as const satisfies Record<string, Figure>;
const READY = new Set(['waiting', 'prioritized']);
const ENDED = new Set(['completed', 'failed']);

/** What the state transitions of jobs say, for each group and bucket of time that has any. */
export async function jobTotals(store: Store, question: Question): Promise<JobTotals[]> {
  const answers = await select(store, JOBS, question, { figures: JOB_FIGURES, keys: ['status'] });
  const totals = new Map<string, JobTotals & { processed: number; waited: number }>();
  for (const { group, span, row } of answers) {
    const key = JSON.stringify([group, span?.fromMs]);
    const empty = { arrived: 0, completed: 0, failed: 0, stalled: 0, processing: 0, waiting: 0 };
    const total = totals.get(key) ?? {
      group,
      span,
      ...empty,
      processed: 0,
      waited: 0,
      newestMs: Number.NEGATIVE_INFINITY,
      averageProcessing: undefined,
      averageWait: undefined,
    };
    totals.set(key, total);
    const count = numberOf(row.count) ?? 0;
    total.newestMs = Math.max(total.newestMs, numberOf(row.newest) ?? total.newestMs);
    const status = String(row.status);
    if (READY.has(status)) total.arrived += count;
    if (status === 'stalled') total.stalled += count;
    if (!ENDED.has(status)) continue;
    if (status === 'completed') total.completed += count;
    else total.failed += count;
    total.processing += numberOf(row.processing) ?? 0;
    total.processed += numberOf(row.processed) ?? 0;
    total.waiting += numberOf(row.waiting) ?? 0;
    total.waited += numberOf(row.waited) ?? 0;
  }
  return [...totals.values()].map(({ processed, waited, ...total }) => ({
    ...total,
    averageProcessing: processed > 0 ? total.processing / processed : undefined,
    averageWait: waited > 0 ? total.waiting / waited : undefined,
  }));
}
