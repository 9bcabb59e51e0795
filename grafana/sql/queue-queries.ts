import { PerformanceMetricType } from '../../src/core/schema/enums.ts';
import { READY_STATES } from '../../src/storage/queries/queue-stats.ts';
import { selectGaugeOverRange, selectGaugeOverTime } from './gauge-queries.ts';
import {
  FAILURE_RATE,
  JOB_QUEUE,
  PROCESSING_TIME,
  selectJobsOverRange,
  selectJobsOverTime,
  WAIT_TIME,
} from './job-queries.ts';
import { MAX_ROWS } from './metric-queries.ts';
import { selectReadableRate } from './rate-queries.ts';
import { TENANT_AND_SERVICE } from './select-metrics.ts';
import { quote, toName, type VariableName } from './sql-text.ts';
import { SECONDS } from './total-queries.ts';

/** Filters of dashboards that have a variable for queues. */
export const BY_QUEUE = [...TENANT_AND_SERVICE, 'queue'] as const;
type QueueFilter = readonly VariableName[];
const STATES = [...READY_STATES].flatMap((state) => (state === undefined ? [] : quote(state)));
/** Condition for jobs that are ready to run. Some queue systems don't record a state. */
const IS_READY = `(operation IS NULL OR operation IN (${STATES.join(', ')}))`;
const DEPTH = { type: PerformanceMetricType.QUEUE_DEPTH } as const;
const OLDEST = { type: PerformanceMetricType.QUEUE_OLDEST_AGE } as const;

const QUEUE = ['endpoint', 'queue_scope'] as const;
const STATE = [...QUEUE, 'operation'] as const;

/** Sums the depths of the states in which jobs are ready to run. */
const selectDepths = (keys: readonly string[], source: string) =>
  `(SELECT ${[...keys, 'sum(last) AS depth'].join(', ')} FROM ${source} WHERE ${IS_READY})`;

/**
 * Selects one line for each queue. The name contains the queue's scope only if queues with the same name exist in several
 * scopes.
 *
 * @param queue column with the name of the queue
 * @param value SQL expression that uses the columns of `rows`
 */
function selectQueueLines(queue: string, value: string, rows: string): string {
  const numbered = `SELECT *, row_number() OVER (PARTITION BY ${queue}, queue_scope ORDER BY time) AS row_no FROM ${rows}`;
  const counted = `SELECT *, sum(CASE WHEN row_no = 1 THEN 1 ELSE 0 END) OVER (PARTITION BY ${queue}) AS scopes FROM (${numbered})`;
  return `SELECT time, CASE WHEN scopes > 1 THEN concat(${queue}, ' (', queue_scope, ')') ELSE ${queue}::string END AS metric, ${value} AS value
FROM (${counted}) ORDER BY time`;
}

/** Selects the number of jobs that are ready to run at the end of the time range. */
export function selectDepth(by?: QueueFilter): string {
  return `SELECT depth FROM ${selectDepths([], selectGaugeOverRange({ ...DEPTH, by, keys: STATE }))}`;
}

/** Selects the number of jobs that are ready to run at the end of each interval, by queue. */
export function selectDepthOverTime(by?: QueueFilter): string {
  const states = selectGaugeOverTime({ ...DEPTH, by, keys: STATE });
  return selectQueueLines('endpoint', 'depth', selectDepths(['time', ...QUEUE], states));
}

/** Selects the number of jobs in each state at the end of each interval. */
export function selectStatesOverTime(by?: QueueFilter): string {
  return `SELECT time, coalesce(operation, 'no state') AS metric, sum(last) AS value
FROM ${selectGaugeOverTime({ ...DEPTH, by, keys: STATE })} ORDER BY time`;
}

/** Selects the age of the oldest waiting job, in ms, by queue. */
export function selectOldestOverTime(by?: QueueFilter): string {
  return selectQueueLines(
    'endpoint',
    'maximum',
    selectGaugeOverTime({ ...OLDEST, by, keys: QUEUE }),
  );
}

/** Selects one statistic of all selected queues in the time range. */
export function selectJobStat(stat: 'failure' | 'processing' | 'wait', by?: QueueFilter): string {
  return `SELECT ${JOB_STATS[stat]} AS ${stat} FROM ${selectJobsOverRange([], by)}`;
}

/** Selects the number of finished attempts per second, minute, or day. */
export function selectJobRate(by?: QueueFilter): string {
  return selectReadableRate('(completed + failed)', 'first', selectJobsOverRange([], by));
}

const JOB_STATS = {
  failure: FAILURE_RATE,
  processing: PROCESSING_TIME,
  wait: WAIT_TIME,
} as const;

/** Selects one statistic for each interval and queue. */
export function selectJobSeries(stat: 'failure' | 'processing' | 'wait', by?: QueueFilter): string {
  return selectQueueLines('queue_name', JOB_STATS[stat], selectJobsOverTime(JOB_QUEUE, by));
}

/** Selects the number of jobs per second that arrived, completed, failed, and stalled. */
export function selectJobRates(by?: QueueFilter): string {
  return `SELECT time, arrived / ${SECONDS} AS "arrived", completed / ${SECONDS} AS "completed", failed / ${SECONDS} AS "failed",
  stalled / ${SECONDS} AS "stalled" FROM ${selectJobsOverTime([], by)} ORDER BY time`;
}

/** Selects one row per queue with its depth, oldest job, and job statistics. */
export function selectQueues(by?: QueueFilter): string {
  const states = selectGaugeOverRange({ ...DEPTH, by, keys: STATE });
  const ages = selectGaugeOverRange({ ...OLDEST, by, keys: QUEUE });
  // In QuestDB, NULL equals NULL.
  const isQueueOf = (name: string) =>
    `j.queue_name = ${name}.endpoint AND j.queue_scope = ${name}.queue_scope`;
  return `SELECT ${toName('j.queue_name')} AS "Queue", j.queue_scope AS "Scope", d.depth AS "Waiting", o.last AS "Oldest", completed AS "Completed", failed AS "Failed jobs",
  ${FAILURE_RATE} AS "Failed", ${PROCESSING_TIME} AS "Processing", ${WAIT_TIME} AS "Wait", stalled AS "Stalled"
FROM ${selectJobsOverRange(JOB_QUEUE, by)} j
LEFT JOIN ${selectDepths(QUEUE, states)} d ON ${isQueueOf('d')}
LEFT JOIN ${ages} o ON ${isQueueOf('o')} ORDER BY "Queue", "Scope" LIMIT ${MAX_ROWS}`;
}

/** Selects each tenant's share of the queues' processing time, largest processing time first. */
export function selectQueueUsage(by?: QueueFilter): string {
  return `SELECT queue_name AS "Queue", ${toName('organization_id')} AS "Organization", ${toName('property_id')} AS "Property",
  completed + failed AS "Finished", processing AS "Processing", 100.0 * processing / all_tenants AS "Share", ${WAIT_TIME} AS "Wait"
FROM (SELECT *, sum(processing) OVER (PARTITION BY queue_name, queue_scope) AS all_tenants
  FROM ${selectJobsOverRange([...JOB_QUEUE, 'organization_id', 'property_id'], by)}) ORDER BY "Processing" DESC LIMIT ${MAX_ROWS}`;
}
