import { JOBS } from '../../src/windows/families.ts';
import { JOB_FIGURES } from '../../src/windows/jobs.ts';
import { overRange, overTime } from './select.ts';
import { type Bounds, RANGE } from './sources.ts';
import type { Name } from './text.ts';

const { newest: _, ...FIGURES } = JOB_FIGURES;
const ENDED = "status IN ('completed', 'failed')";
const READY = "status IN ('waiting', 'prioritized')";

/**
 * What jobs did, a row for each of `groups`: `arrived`, `completed`, `failed` and `stalled` in jobs,
 * `processing` and `waiting` in ms, `average_processing` and `average_wait` in ms of those that ended.
 */
function flow(groups: readonly string[], rows: string): string {
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

export function jobsOverTime(
  keys: readonly string[] = [],
  by?: readonly Name[],
  range: Bounds = RANGE,
): string {
  const rows = overTime(JOBS, { figures: FIGURES, keys: [...keys, 'status'], by, range });
  return flow(['time', ...keys], rows);
}

export function jobsOverRange(keys: readonly string[] = [], by?: readonly Name[]): string {
  return flow(keys, overRange(JOBS, { figures: FIGURES, keys: [...keys, 'status'], by }));
}

/** Attempts that failed, in percent of those that ended; NULL where none did. */
export const FAILURE_RATE = '100.0 * failed / (completed + failed)';
export const PROCESSING_TIME = 'processing / processed';
export const WAIT_TIME = 'waiting / waited';
