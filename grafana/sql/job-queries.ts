import { JOBS_TABLE, METRICS_TABLE } from '../../src/storage/queries/aggregation-tables.ts';
import { JOB_AGGREGATIONS } from '../../src/storage/queries/job-totals.ts';
import { TOTALS_AGGREGATIONS } from '../../src/storage/queries/operation-totals.ts';
import type { QueryTable } from '../../src/storage/queries/run-query.ts';
import {
  type SelectSpec,
  selectByMinute,
  selectNames,
  selectOverRange,
  selectOverTime,
} from './select-metrics.ts';
import type { VariableName } from './sql-text.ts';
import { RANGE, type TimeBounds } from './table-parts.ts';
import { FIRST } from './total-queries.ts';

const { newest: _, ...OTHERS } = JOB_AGGREGATIONS;
const AGGREGATIONS = { ...OTHERS, first: FIRST };
const { count: amount, errors, total } = TOTALS_AGGREGATIONS;
/** `amount` is renamed because QuestDB reads `count` as a function in some queries. */
const MESSAGE_AGGREGATIONS = { amount, errors, total, first: FIRST };
const IS_FINISHED = "status IN ('completed', 'failed')";
const HAS_ARRIVED = "status IN ('waiting', 'prioritized')";

type SelectTotals = (family: QueryTable, spec: SelectSpec) => string;
type JobFilters = Pick<SelectSpec, 'by' | 'range'>;

/** Columns that identify a queue. */
export const JOB_QUEUE = ['queue_name', 'queue_scope'] as const;
const TOTALS = [
  ...['arrived', 'completed', 'failed', 'stalled'],
  ...['processing', 'processed', 'waiting', 'waited'],
];

/** Selects the totals of the state transitions of jobs, with one row per group. */
function selectJobRows(
  select: SelectTotals,
  groups: readonly string[],
  keys: readonly string[],
  filters: JobFilters,
): string {
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
  const rows = select(JOBS_TABLE, {
    ...filters,
    aggregations: AGGREGATIONS,
    keys: [...keys, 'status'],
  });
  return `SELECT 1 AS has_rows, ${[...groups, ...columns].join(', ')} FROM ${rows}`;
}

/** Selects the totals of processed messages from histograms, in the columns of {@link selectJobRows}. */
function selectMessageRows(
  select: SelectTotals,
  groups: readonly string[],
  keys: readonly string[],
  filters: JobFilters,
): string {
  const toMetricColumn = (key: string) => (key === 'queue_name' ? 'endpoint' : key);
  const rows = select(METRICS_TABLE, {
    ...filters,
    aggregations: MESSAGE_AGGREGATIONS,
    keys: keys.map(toMetricColumn),
    conditions: ["metric_type = 'QUEUE_PROCESSING_TIME'", 'count > 0', 'endpoint IS NOT NULL'],
  });
  const columns = [
    ...groups.map((group) => (group === 'queue_name' ? 'endpoint AS queue_name' : group)),
    // When a message arrived is unknown.
    ...['amount AS arrived', 'amount - errors AS completed', 'errors AS failed', '0 AS stalled'],
    ...['total AS processing', 'amount AS processed', '0 AS waiting', '0 AS waited', 'first'],
  ];
  return `SELECT 0 AS has_rows, ${columns.join(', ')} FROM ${rows}`;
}

/**
 * Selects job totals, with one row per group. `arrived`, `completed`, `failed`, and `stalled` are numbers
 * of jobs. `processing` and `waiting` are total times, in ms, of finished attempts. `processed` and
 * `waited` are the numbers of attempts with these times. `first` is the time of the first
 * transition. Histograms are used only for queues without rows for single jobs, because others are in both tables.
 */
function selectJobCounts(
  select: SelectTotals,
  groups: readonly string[],
  filters: JobFilters = {},
): string {
  const keys = [...new Set([...groups.filter((name) => name !== 'time'), ...JOB_QUEUE])];
  const inner = [...groups.filter((name) => name === 'time'), ...keys];
  const branches = [
    selectJobRows(select, inner, keys, filters),
    selectMessageRows(select, inner, keys, filters),
  ].join('\nUNION ALL ');
  const marked = `SELECT *, max(has_rows) OVER (PARTITION BY ${JOB_QUEUE.join(', ')}) AS queue_has_rows FROM (${branches})`;
  const columns = [
    ...groups,
    ...TOTALS.map((name) => `sum(${name}) AS ${name}`),
    'min(first) AS first',
  ];
  return `(SELECT ${columns.join(', ')} FROM (${marked}) WHERE has_rows = queue_has_rows)`;
}

/** Selects job totals for each interval and each value of `keys`. */
export function selectJobsOverTime(
  keys: readonly string[] = [],
  by?: readonly VariableName[],
  range: TimeBounds = RANGE,
): string {
  return selectJobCounts(selectOverTime, ['time', ...keys], { by, range });
}

/** Selects job totals for each minute, independent of the panel's interval. */
export function selectJobsByMinute(): string {
  return selectJobCounts(selectByMinute, ['time']);
}

/** Selects job totals for the whole time range and each value of `keys`. */
export function selectJobsOverRange(
  keys: readonly string[] = [],
  by?: readonly VariableName[],
): string {
  return selectJobCounts(selectOverRange, keys, { by });
}

/** Selects the names of all queues with jobs, processed messages, or a depth, in the time range. */
export function selectQueueNames(by: readonly VariableName[]): string {
  const types = "metric_type IN ('QUEUE_PROCESSING_TIME', 'QUEUE_DEPTH')";
  const jobs = selectNames(JOBS_TABLE, 'queue', by);
  const messages = selectNames(METRICS_TABLE, 'queue', by, [types]);
  return `SELECT DISTINCT name FROM ((${jobs}) UNION (${messages})) ORDER BY name`;
}

/** Percentage of finished attempts that failed. NULL if no attempt finished. */
export const FAILURE_RATE = '100.0 * failed / (completed + failed)';
export const PROCESSING_TIME = 'processing / processed';
export const WAIT_TIME = 'waiting / waited';
