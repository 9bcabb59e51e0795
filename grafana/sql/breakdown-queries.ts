import { REPEATED_STATEMENTS_METRIC_NAME } from '../../src/core/request-breakdown.ts';
import {
  COUNT,
  createColumnMax,
  createSum,
  METRICS_TABLE,
} from '../../src/storage/queries/aggregation-tables.ts';
import { sql } from '../../src/storage/sql/sql-builder.ts';
import { selectOverRange, TENANT_AND_SERVICE } from './select-metrics.ts';
import { quote, toName } from './sql-text.ts';
import {
  type MetricSelection,
  selectBreakdownsOverRange,
  selectBreakdownsOverTime,
} from './total-queries.ts';

/** Columns with the times of the parts, by heading. */
const TIMES = {
  Database: 'database_time',
  Outgoing: 'outgoing_time',
  Queues: 'queue_time',
  'Pool wait': 'connection_wait_time',
  'Loop wait': 'event_loop_wait_time',
  Own: 'own_time',
} as const;
const CALLS = { Statements: 'database_calls', Calls: 'outgoing_calls' };

/** Time of the requests that have a breakdown. Older agents store none. */
const MEASURED = `(${Object.values(TIMES)
  .map((column) => `coalesce(${column}, 0)`)
  .join(' + ')})`;

/** Returns the mean of each column per request that has a breakdown. */
function toMeans(columns: Readonly<Record<string, string>>): string {
  return Object.entries(columns)
    .map(([heading, column]) => `${column} * total / (amount * ${MEASURED}) AS "${heading}"`)
    .join(', ');
}

/** Selects the mean time of each part in ms per request, for each interval. */
export function selectPartsOverTime(selection: MetricSelection): string {
  return `SELECT time, ${toMeans(TIMES)} FROM ${selectBreakdownsOverTime(selection)}
WHERE ${MEASURED} > 0 ORDER BY time`;
}

const MAX_ROWS = 100;

/** Selects the mean time of each part and the mean number of calls by endpoint. Endpoints with the longest total time are first. */
export function selectPartsByEndpoint(selection: MetricSelection): string {
  const keys = ['endpoint', 'operation', 'service'];
  return `SELECT ${toName('endpoint')} AS "Endpoint", operation AS "Method", service AS "Service",
  total / amount AS "Average", ${toMeans(TIMES)}, ${toMeans(CALLS)}
FROM ${selectBreakdownsOverRange({ ...selection, keys })} WHERE ${MEASURED} > 0 ORDER BY coalesce(total, 0) DESC LIMIT ${MAX_ROWS}`;
}

/** Selects the statements that requests ran at least 5 times, with most executions first. */
export function selectRepeatedStatements(): string {
  const rows = selectOverRange(METRICS_TABLE, {
    aggregations: {
      amount: COUNT,
      total: createSum(sql`sum(sum)`),
      maximum: createColumnMax('max'),
    },
    keys: ['endpoint', 'operation', 'service'],
    conditions: [`name = ${quote(REPEATED_STATEMENTS_METRIC_NAME)}`, 'count > 0'],
    by: [...TENANT_AND_SERVICE, 'endpoint'],
  });
  return `SELECT ${toName('endpoint')} AS "Endpoint", operation AS "Statement", service AS "Service", amount AS "Requests",
  total / amount AS "Per request", maximum AS "Most"
FROM ${rows} ORDER BY coalesce(total, 0) DESC LIMIT ${MAX_ROWS}`;
}

/** Texts between the values of the parts in the tags of a sampled request. Quotes in names are escaped. */
const PART_SEPARATORS = [
  [',"failed":true},{"kind":"', ' ms (failed); '],
  [',"failed":false},{"kind":"', ' ms; '],
  [',"failed":true}', ' ms (failed)'],
  [',"failed":false}', ' ms'],
  ['{"kind":"', ''],
  ['","name":"', ' '],
  ['","start":', ': '],
  [',"duration":', ' ms + '],
] as const;
const PARTS_JSON = String.raw`regexp_replace(tags, '^.*"parts":\[|\](,"parts_omitted":.*|,"trace_id":.*|\})$', '')`;

/** SQL expression for the parts of a sampled request: `database SELECT name FROM rooms: 1.2 ms + 3.4 ms; …`. */
export const SAMPLED_PARTS = `CASE WHEN tags LIKE '%"parts":[%' THEN ${PART_SEPARATORS.reduce(
  (text, [from, to]) => `replace(${text}, ${quote(from)}, ${quote(to)})`,
  PARTS_JSON,
)} END`;
