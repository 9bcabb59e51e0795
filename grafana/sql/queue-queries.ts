import { PerformanceMetricType } from '../../src/core/schema/enums.ts';
import { READY_STATES } from '../../src/storage/queries/queue-stats.ts';
import { selectGaugeOverRange, selectGaugeOverTime } from './gauge-queries.ts';
import {
  FAILURE_RATE,
  PROCESSING_TIME,
  selectJobsOverRange,
  selectJobsOverTime,
  WAIT_TIME,
} from './job-queries.ts';
import { MAX_ROWS } from './metric-queries.ts';
import { TENANT_AND_SERVICE } from './select-metrics.ts';
import { quote, type VariableName } from './sql-text.ts';
import { LENGTH_MS } from './table-parts.ts';
import { SECONDS } from './total-queries.ts';

/** What narrows them where there is a variable for queues. */
export const BY_QUEUE = [...TENANT_AND_SERVICE, 'queue'] as const;
type QueueFilter = readonly VariableName[];
const STATES = [...READY_STATES].flatMap((state) => (state === undefined ? [] : quote(state)));
/** Jobs that could run at once; a queue of another kind names no state. */
const IS_READY = `(operation IS NULL OR operation IN (${STATES.join(', ')}))`;
const DEPTH = { type: PerformanceMetricType.QUEUE_DEPTH } as const;
const OLDEST = { type: PerformanceMetricType.QUEUE_OLDEST_AGE } as const;

const selectDepths = (keys: readonly string[], from: string) =>
  `(SELECT ${[...keys, 'sum(last) AS depth'].join(', ')} FROM ${from} WHERE ${IS_READY})`;

/** Jobs that are ready to run now. */
export function selectDepth(by?: QueueFilter): string {
  const states = selectGaugeOverRange({ ...DEPTH, by, keys: ['endpoint', 'operation'] });
  return `SELECT depth FROM ${selectDepths([], states)}`;
}

export function selectDepthOverTime(by?: QueueFilter): string {
  const states = selectGaugeOverTime({ ...DEPTH, by, keys: ['endpoint', 'operation'] });
  return `SELECT time, endpoint AS metric, depth AS value FROM ${selectDepths(['time', 'endpoint'], states)} ORDER BY time`;
}

/** Of the oldest waiting job, in ms. */
export function selectOldestOverTime(by?: QueueFilter): string {
  return `SELECT time, endpoint AS metric, most AS value FROM ${selectGaugeOverTime({ ...OLDEST, by, keys: ['endpoint'] })} ORDER BY time`;
}

/** One figure of all chosen queues over the range. */
export function selectJobStat(
  figure: 'failure' | 'processing' | 'wait' | 'rate',
  by?: QueueFilter,
): string {
  return `SELECT ${JOB_STATS[figure]} AS ${figure} FROM ${selectJobsOverRange([], by)}`;
}

const JOB_STATS = {
  failure: FAILURE_RATE,
  processing: PROCESSING_TIME,
  wait: WAIT_TIME,
  rate: `1000.0 * (completed + failed) / ${LENGTH_MS}`,
} as const;

/** The same of each queue over time. */
export function selectJobSeries(
  figure: 'failure' | 'processing' | 'wait',
  by?: QueueFilter,
): string {
  return `SELECT time, queue_name AS metric, ${JOB_STATS[figure]} AS value FROM ${selectJobsOverTime(['queue_name'], by)} ORDER BY time`;
}

/** Jobs per second that came, ended well and failed. */
export function selectJobRates(by?: QueueFilter): string {
  return `SELECT time, arrived / ${SECONDS} AS "arrived", completed / ${SECONDS} AS "completed", failed / ${SECONDS} AS "failed",
  stalled / ${SECONDS} AS "stalled" FROM ${selectJobsOverTime([], by)} ORDER BY time`;
}

export function selectQueues(by?: QueueFilter): string {
  const states = selectGaugeOverRange({ ...DEPTH, by, keys: ['endpoint', 'operation'] });
  const ages = selectGaugeOverRange({ ...OLDEST, by, keys: ['endpoint'] });
  return `SELECT coalesce(j.queue_name, '(none)') AS "Queue", d.depth AS "Waiting", o.last AS "Oldest", completed AS "Completed", failed AS "Failed jobs",
  ${FAILURE_RATE} AS "Failed", ${PROCESSING_TIME} AS "Processing", ${WAIT_TIME} AS "Wait", stalled AS "Stalled"
FROM ${selectJobsOverRange(['queue_name'], by)} j
LEFT JOIN ${selectDepths(['endpoint'], states)} d ON j.queue_name = d.endpoint
LEFT JOIN ${ages} o ON j.queue_name = o.endpoint ORDER BY "Queue" LIMIT ${MAX_ROWS}`;
}

/** Who uses the queues, the greatest share of running time first. */
export function selectQueueUsage(by?: QueueFilter): string {
  return `SELECT queue_name AS "Queue", coalesce(organization_id, '(none)') AS "Organization", coalesce(property_id, '(none)') AS "Property",
  completed + failed AS "Ended", processing AS "Processing", 100.0 * processing / everything AS "Share", ${WAIT_TIME} AS "Wait"
FROM (SELECT *, sum(processing) OVER (PARTITION BY queue_name) AS everything
  FROM ${selectJobsOverRange(['queue_name', 'organization_id', 'property_id'], by)}) ORDER BY "Processing" DESC LIMIT ${MAX_ROWS}`;
}
