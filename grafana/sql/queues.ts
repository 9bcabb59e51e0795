import { PerformanceMetricType } from '../../src/schema/metric-type.ts';
import { READY } from '../../src/windows/queues.ts';
import { MOST_ROWS } from './figures.ts';
import { gaugeOverRange, gaugeOverTime } from './gauges.ts';
import { FAILURE_RATE, jobsOverRange, jobsOverTime, PROCESSING_TIME, WAIT_TIME } from './jobs.ts';
import { TENANT_AND_SERVICE } from './select.ts';
import { LENGTH_MS } from './sources.ts';
import { type Name, quoted } from './text.ts';
import { SECONDS } from './work.ts';

/** What narrows them where there is a variable for queues. */
export const BY_QUEUE = [...TENANT_AND_SERVICE, 'queue'] as const;
type By = readonly Name[];
const STATES = [...READY].flatMap((state) => (state === undefined ? [] : quoted(state)));
/** Jobs that could run at once; a queue of another kind names no state. */
const IS_READY = `(operation IS NULL OR operation IN (${STATES.join(', ')}))`;
const DEPTH = { type: PerformanceMetricType.QUEUE_DEPTH } as const;
const OLDEST = { type: PerformanceMetricType.QUEUE_OLDEST_AGE } as const;

const depths = (keys: readonly string[], from: string) =>
  `(SELECT ${[...keys, 'sum(last) AS depth'].join(', ')} FROM ${from} WHERE ${IS_READY})`;

/** Jobs that are ready to run now. */
export function depth(by?: By): string {
  const states = gaugeOverRange({ ...DEPTH, by, keys: ['endpoint', 'operation'] });
  return `SELECT depth FROM ${depths([], states)}`;
}

export function depthOverTime(by?: By): string {
  const states = gaugeOverTime({ ...DEPTH, by, keys: ['endpoint', 'operation'] });
  return `SELECT time, endpoint AS metric, depth AS value FROM ${depths(['time', 'endpoint'], states)} ORDER BY time`;
}

/** Of the oldest waiting job, in ms. */
export function oldestOverTime(by?: By): string {
  return `SELECT time, endpoint AS metric, most AS value FROM ${gaugeOverTime({ ...OLDEST, by, keys: ['endpoint'] })} ORDER BY time`;
}

/** One figure of all chosen queues over the range. */
export function jobFigure(figure: 'failure' | 'processing' | 'wait' | 'rate', by?: By): string {
  return `SELECT ${FIGURES[figure]} AS ${figure} FROM ${jobsOverRange([], by)}`;
}

const FIGURES = {
  failure: FAILURE_RATE,
  processing: PROCESSING_TIME,
  wait: WAIT_TIME,
  rate: `1000.0 * (completed + failed) / ${LENGTH_MS}`,
} as const;

/** The same of each queue over time. */
export function jobLines(figure: 'failure' | 'processing' | 'wait', by?: By): string {
  return `SELECT time, queue_name AS metric, ${FIGURES[figure]} AS value FROM ${jobsOverTime(['queue_name'], by)} ORDER BY time`;
}

/** Jobs per second that came, ended well and failed. */
export function jobRates(by?: By): string {
  return `SELECT time, arrived / ${SECONDS} AS "arrived", completed / ${SECONDS} AS "completed", failed / ${SECONDS} AS "failed",
  stalled / ${SECONDS} AS "stalled" FROM ${jobsOverTime([], by)} ORDER BY time`;
}

export function queueTable(by?: By): string {
  const states = gaugeOverRange({ ...DEPTH, by, keys: ['endpoint', 'operation'] });
  const ages = gaugeOverRange({ ...OLDEST, by, keys: ['endpoint'] });
  return `SELECT coalesce(j.queue_name, '(none)') AS "Queue", d.depth AS "Waiting", o.last AS "Oldest", completed AS "Completed", failed AS "Failed jobs",
  ${FAILURE_RATE} AS "Failed", ${PROCESSING_TIME} AS "Processing", ${WAIT_TIME} AS "Wait", stalled AS "Stalled"
FROM ${jobsOverRange(['queue_name'], by)} j
LEFT JOIN ${depths(['endpoint'], states)} d ON j.queue_name = d.endpoint
LEFT JOIN ${ages} o ON j.queue_name = o.endpoint ORDER BY "Queue" LIMIT ${MOST_ROWS}`;
}

/** Who uses the queues, the greatest share of running time first. */
export function queueUsers(by?: By): string {
  return `SELECT queue_name AS "Queue", coalesce(organization_id, '(none)') AS "Organization", coalesce(property_id, '(none)') AS "Property",
  completed + failed AS "Ended", processing AS "Processing", 100.0 * processing / everything AS "Share", ${WAIT_TIME} AS "Wait"
FROM (SELECT *, sum(processing) OVER (PARTITION BY queue_name) AS everything
  FROM ${jobsOverRange(['queue_name', 'organization_id', 'property_id'], by)}) ORDER BY "Processing" DESC LIMIT ${MOST_ROWS}`;
}
