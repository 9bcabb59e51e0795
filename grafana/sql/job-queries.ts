import { JOB_AGGREGATIONS } from '../../src/storage/queries/job-totals.ts';
import { JOBS_TABLE } from '../../src/storage/queries/query-tables.ts';
import { selectOverRange, selectOverTime } from './select-metrics.ts';
import type { VariableName } from './sql-text.ts';
import { RANGE, type TimeBounds } from './table-parts.ts';

const { newest: _, ...FIGURES } = JOB_AGGREGATIONS;
const ENDED = "status IN ('completed', 'failed')";
const READY = "status IN ('waiting', 'prioritized')";

/**
 * What jobs did, a row for each of `groups`: `arrived`, `completed`, `failed` and `stalled` in jobs,
 * `processing` and `waiting` in ms, `average_processing` and `average_wait` in ms of those that ended.
 */
function selectJobCounts(groups: readonly string[], rows: string): string {
  const when = (condition: string, what: string) =>
    `sum(CASE WHEN ${condition} THEN ${what} ELSE 0 END)`;
  const columns = [
    `${when(READY, 'count')} AS arrived`,
    `${when("status = 'completed'", 'count')} AS completed`,
    `${when("status = 'failed'", 'count')} AS failed`,
    `${when("status = 'stalled'", 'count')} AS stalled`,
    `${when(ENDED, 'processing')} AS processing`,
    `${when(ENDED, 'processed')} AS processed`,
    `${when(ENDED, 'waiting')} AS waiting`,
    `${when(ENDED, 'waited')} AS waited`,
  ];
  return `(SELECT ${[...groups, ...columns].join(', ')} FROM ${rows})`;
}

export function selectJobsOverTime(
  keys: readonly string[] = [],
  by?: readonly VariableName[],
  range: TimeBounds = RANGE,
): string {
  const rows = selectOverTime(JOBS_TABLE, {
    figures: FIGURES,
    keys: [...keys, 'status'],
    by,
    range,
  });
  return selectJobCounts(['time', ...keys], rows);
}

export function selectJobsOverRange(
  keys: readonly string[] = [],
  by?: readonly VariableName[],
): string {
  return selectJobCounts(
    keys,
    selectOverRange(JOBS_TABLE, { figures: FIGURES, keys: [...keys, 'status'], by }),
  );
}

/** Attempts that failed, in percent of those that ended; NULL where none did. */
export const FAILURE_RATE = '100.0 * failed / (completed + failed)';
export const PROCESSING_TIME = 'processing / processed';
export const WAIT_TIME = 'waiting / waited';
