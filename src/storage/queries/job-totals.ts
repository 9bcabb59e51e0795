import type { QueryClient } from '../questdb/query-client.ts';
import { sql } from '../sql/sql-builder.ts';
import { createSum, JOBS_TABLE, ROW_COUNT } from './aggregation-tables.ts';
import type { Group, Query } from './query-definition.ts';
import { toNumber } from './row-values.ts';
import { type Aggregation, type ResultRow, runQuery } from './run-query.ts';
import type { TimeRange } from './time-range.ts';
import { queryUnlistedJobs, type UnlistedJobs } from './unlisted-job-totals.ts';

/** Totals of the job state transitions in one group. Times in ms. */
export interface JobTotals {
  group: Group;
  bucket: TimeRange | undefined;
  /** Jobs that became ready to run for the first time. Retries aren't arrivals. */
  arrived: number;
  completed: number;
  /** Failed attempts. */
  failed: number;
  stalled: number;
  /** Mean processing time of an attempt; `undefined` if no attempt ended. */
  averageProcessing: number | undefined;
  /**
   * Mean processing time of a job, with its failed attempts, in the jobs that ended; `undefined` if none ended.
   */
  averageWork: number | undefined;
  /** Mean waiting time of a job before an attempt; `undefined` if no attempt ended. */
  averageWait: number | undefined;
  /** Total processing time. */
  processing: number;
  /** Total waiting time. */
  waiting: number;
  /** Time of the newest transition in ms since the epoch. */
  newestMs: number;
}

/** Aggregations of state transitions. Times in ms. */
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

/** Totals of a group while its rows are added. */
interface JobSums extends JobTotals {
  processed: number;
  waited: number;
  work: number;
}

/**
 * Returns the totals of job state transitions for each group and time bucket that has any. The agent stores no rows for
 * some messages of busy queues. Their numbers and times are added.
 */
export async function queryJobTotals(queryClient: QueryClient, query: Query): Promise<JobTotals[]> {
  const [results, unlisted] = await Promise.all([
    runQuery(queryClient, JOBS_TABLE, query, {
      aggregations: JOB_AGGREGATIONS,
      keys: ['status'],
    }),
    queryUnlistedJobs(queryClient, query),
  ]);
  const sums = new Map<string, JobSums>();
  const getSums = (group: Group, bucket: TimeRange | undefined) => {
    const key = JSON.stringify([group, bucket?.fromMs]);
    const known = sums.get(key) ?? createSums(group, bucket);
    sums.set(key, known);
    return known;
  };
  for (const { group, bucket, row } of results) {
    addListed(getSums(group, bucket), row);
  }
  for (const each of unlisted) addUnlisted(getSums(each.group, each.bucket), each);
  return [...sums.values()].map(({ processed, waited, work, ...total }) => ({
    ...total,
    averageWork: processed > 0 ? work / processed : undefined,
    averageProcessing: processed > 0 ? total.processing / processed : undefined,
    averageWait: waited > 0 ? total.waiting / waited : undefined,
  }));
}

function createSums(group: Group, bucket: TimeRange | undefined): JobSums {
  const empty = { arrived: 0, completed: 0, failed: 0, stalled: 0, processing: 0, waiting: 0 };
  return {
    group,
    bucket,
    ...empty,
    processed: 0,
    waited: 0,
    work: 0,
    newestMs: Number.NEGATIVE_INFINITY,
    averageProcessing: undefined,
    averageWork: undefined,
    averageWait: undefined,
  };
}

function addListed(sums: JobSums, row: ResultRow['row']): void {
  const count = toNumber(row.count) ?? 0;
  sums.newestMs = Math.max(sums.newestMs, toNumber(row.newest) ?? sums.newestMs);
  const status = String(row.status);
  // A job that waits for its next attempt has the duration of the previous one.
  if (READY_STATUSES.has(status)) sums.arrived += count - (toNumber(row.processed) ?? 0);
  if (status !== 'active') sums.work += toNumber(row.processing) ?? 0;
  if (status === 'stalled') sums.stalled += count;
  if (!ENDED_STATUSES.has(status)) return;
  if (status === 'completed') sums.completed += count;
  else sums.failed += count;
  sums.processing += toNumber(row.processing) ?? 0;
  sums.processed += toNumber(row.processed) ?? 0;
  sums.waiting += toNumber(row.waiting) ?? 0;
  sums.waited += toNumber(row.waited) ?? 0;
}

function addUnlisted(sums: JobSums, { state, count, time, newestMs }: UnlistedJobs): void {
  sums.newestMs = Math.max(sums.newestMs, newestMs);
  if (READY_STATUSES.has(state)) sums.arrived += count;
  else if (state === 'active') {
    sums.waiting += time;
    sums.waited += count;
  } else sums.work += time;
  if (!ENDED_STATUSES.has(state)) return;
  if (state === 'completed') sums.completed += count;
  else sums.failed += count;
  sums.processing += time;
  sums.processed += count;
}
