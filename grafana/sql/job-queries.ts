import { JOBS_TABLE } from '../../src/storage/queries/aggregation-tables.ts';
import { JOB_AGGREGATIONS } from '../../src/storage/queries/job-totals.ts';
import { selectByMinute, selectOverRange, selectOverTime } from './select-metrics.ts';
import type { VariableName } from './sql-text.ts';
import { RANGE, type TimeBounds } from './table-parts.ts';
import { FIRST } from './total-queries.ts';

const { newest: _, ...OTHERS } = JOB_AGGREGATIONS;
const AGGREGATIONS = { ...OTHERS, first: FIRST };
const IS_FINISHED = "status IN ('completed', 'failed')";
const HAS_ARRIVED = "status IN ('waiting', 'prioritized')";

/**
 * Selects job totals, with one row per group. `arrived`, `completed`, `failed`, and `stalled` are numbers
 * of jobs. `processing` and `waiting` are total times, in ms, of finished attempts. `processed` and
 * `waited` are the numbers of attempts with these times. `first` is the time of the first
 * transition.
 */
function selectJobCounts(groups: readonly string[], rows: string): string {
  const sumIf = (condition: string, column: string) =>
    `sum(CASE WHEN ${condition} THEN ${column} ELSE 0 END)`;
  const columns = [
    // A job that waits for its next attempt has the duration of the previous one.
    `${sumIf(HAS_ARRIVED, '(count - processed)')} AS arrived`,
    `${sumIf("status = 'completed'", 'count')} AS completed`,
    `${sumIf("status = 'failed'", 'count')} AS failed`,
    `${sumIf("status = 'stalled'", 'count')} AS stalled`,
    `${sumIf(IS_FINISHED, 'processing')} AS processing`,
    `${sumIf(IS_FINISHED, 'processed')} AS processed`,
    `${sumIf(IS_FINISHED, 'waiting')} AS waiting`,
    `${sumIf(IS_FINISHED, 'waited')} AS waited`,
    'min(first) AS first',
  ];
  return `(SELECT ${[...groups, ...columns].join(', ')} FROM ${rows})`;
}

/** Selects job totals for each interval and each value of `keys`. */
export function selectJobsOverTime(
  keys: readonly string[] = [],
  by?: readonly VariableName[],
  range: TimeBounds = RANGE,
): string {
  const rows = selectOverTime(JOBS_TABLE, {
    aggregations: AGGREGATIONS,
    keys: [...keys, 'status'],
    by,
    range,
  });
  return selectJobCounts(['time', ...keys], rows);
}

/** Selects job totals for each minute, independent of the panel's interval. */
export function selectJobsByMinute(): string {
  const rows = selectByMinute(JOBS_TABLE, { aggregations: AGGREGATIONS, keys: ['status'] });
  return selectJobCounts(['time'], rows);
}

/** Selects job totals for the whole time range and each value of `keys`. */
export function selectJobsOverRange(
  keys: readonly string[] = [],
  by?: readonly VariableName[],
): string {
  return selectJobCounts(
    keys,
    selectOverRange(JOBS_TABLE, { aggregations: AGGREGATIONS, keys: [...keys, 'status'], by }),
  );
}

/** Percentage of finished attempts that failed. NULL if no attempt finished. */
export const FAILURE_RATE = '100.0 * failed / (completed + failed)';
export const PROCESSING_TIME = 'processing / processed';
export const WAIT_TIME = 'waiting / waited';
