import { REQUEST_SAMPLE_METRIC_NAME } from '../../src/core/request-sample-row.ts';
import { METRICS_TABLE } from '../../src/storage/queries/aggregation-tables.ts';
import { SAMPLED_PARTS } from './breakdown-queries.ts';
import {
  selectPercentiles,
  toApdexSql,
  toClampedSql,
  toShareAboveSql,
} from './percentile-queries.ts';
import { selectReadableRate } from './rate-queries.ts';
import {
  selectOverRange,
  selectOverTime,
  TENANT_AND_SERVICE,
  toConditions,
} from './select-metrics.ts';
import { FROM, IS_NOT_OWN, quote, TO, toName } from './sql-text.ts';
import {
  ABORTED_SHARE,
  ALL_COUNT,
  ERROR_RATE,
  type MetricSelection,
  SECONDS,
  selectBuckets,
  selectFirstBytesOverRange,
  selectStatusesOverTime,
  selectTotalsOverRange,
  selectTotalsOverTime,
  toCoveredMs,
} from './total-queries.ts';

/** Maximum number of lines in a chart. More lines are hard to tell apart. */
const MAX_LINES = 10;
/** Maximum number of rows in a table. */
export const MAX_ROWS = 100;
/** Number per minute since the first measurement of any group, which is at `start`. */
export const PER_MINUTE = `60000.0 * ${ALL_COUNT} / ${toCoveredMs('start')}`;
const QUANTILES = { p50: 0.5, p95: 0.95, p99: 0.99 } as const;

/** Selects the number per second, minute, or day, over the part of the time range with data. */
export function selectRate(selection: MetricSelection): string {
  return selectReadableRate(ALL_COUNT, 'first', selectTotalsOverRange(selection));
}

/** Selects the mean duration in ms. */
export function selectAverage(selection: MetricSelection): string {
  return `SELECT total / amount AS average FROM ${selectTotalsOverRange(selection)}`;
}

/** Selects the error rate in percent. */
export function selectErrorRate(selection: MetricSelection): string {
  return `SELECT ${ERROR_RATE} AS error_rate FROM ${selectTotalsOverRange(selection)}`;
}

/** Selects the percentage of requests that the client aborted. */
export function selectAbortedShare(selection: MetricSelection): string {
  return `SELECT ${ABORTED_SHARE} AS aborted FROM ${selectTotalsOverRange(selection)}`;
}

/** Selects the percentage of the error budget that is left. @param budget allowed error rate in percent */
export function selectBudgetLeft(selection: MetricSelection, budget: number): string {
  return `SELECT 100.0 * (1 - ${ERROR_RATE} / ${budget}) AS budget_left FROM ${selectTotalsOverRange(selection)}`;
}

/** Selects the percentage of the whole range's error budget that is left after each interval. */
export function selectBudgetLeftOverTime(selection: MetricSelection, budget: number): string {
  const used = `SELECT time, sum(errors) OVER (ORDER BY time ROWS UNBOUNDED PRECEDING) AS used FROM ${selectTotalsOverTime(selection)}`;
  return `SELECT time, 100.0 * (1 - 100.0 * used / (${budget} * amount)) AS "left"
FROM (${used}) CROSS JOIN (SELECT amount FROM ${selectTotalsOverRange(selection)}) ORDER BY time`;
}

/** Selects the 95th percentile in ms, limited to the measured minimum and maximum because buckets are wider than their values. */
export function selectP95(selection: MetricSelection): string {
  return `SELECT ${toClampedSql('p95')} AS p95
FROM ${selectPercentiles(selectBuckets(selection, selectOverRange), [], { p95: 0.95 })} CROSS JOIN ${selectTotalsOverRange(selection)}`;
}

/** Selects the Apdex, from 0 to 1. @param target target time in ms */
export function selectApdex(selection: MetricSelection, target: number): string {
  return `SELECT ${toApdexSql(target)} AS apdex FROM ${selectBuckets(selection, selectOverRange)}`;
}

/** Selects the Apdex in each interval. @param target target time in ms */
export function selectApdexOverTime(selection: MetricSelection, target: number): string {
  return `SELECT time, ${toApdexSql(target)} AS "Apdex" FROM ${selectBuckets(selection, selectOverTime)} ORDER BY time`;
}

/** Selects the percentage that took longer than `limit` ms. */
export function selectSlowShare(selection: MetricSelection, limit: number): string {
  return `SELECT ${toShareAboveSql(limit)} AS slow FROM ${selectBuckets(selection, selectOverRange)}`;
}

/** Selects the number of calls and failures per second for each interval. */
export function selectRatesOverTime(selection: MetricSelection): string {
  return `SELECT time, amount / ${SECONDS} AS "all", errors / ${SECONDS} AS "failed" FROM ${selectTotalsOverTime(selection)} ORDER BY time`;
}

/** Selects the number of requests per second for each interval, by class of the status code. */
export function selectStatusRatesOverTime(selection: MetricSelection): string {
  const classes = {
    '2xx': 'success',
    '3xx': 'redirect',
    '4xx': 'client_error',
    '5xx': 'server_error',
  };
  const known = Object.values(classes).map((name) => `coalesce(${name}, 0)`);
  const columns = {
    ...Object.fromEntries(Object.keys(classes).map((name, i) => [name, known[i]])),
    aborted: 'coalesce(aborted, 0)',
    'no status': `greatest(0, amount - (${known.join(' + ')}))`,
  };
  const rates = Object.entries(columns).map(
    ([name, value]) => `${value} / ${SECONDS} AS "${name}"`,
  );
  return `SELECT time, ${rates.join(',\n  ')} FROM ${selectStatusesOverTime(selection)} ORDER BY time`;
}

/** Selects the percentages of failed and aborted requests for each interval. */
export function selectFailedSharesOverTime(selection: MetricSelection): string {
  return `SELECT time, ${ERROR_RATE} AS "failed", ${ABORTED_SHARE} AS "aborted" FROM ${selectTotalsOverTime(selection)} ORDER BY time`;
}

/** Selects the error rate in percent for each interval. */
export function selectErrorRateOverTime(selection: MetricSelection): string {
  return `SELECT time, ${ERROR_RATE} AS "failed" FROM ${selectTotalsOverTime(selection)} ORDER BY time`;
}

/** Selects p50, p95, and p99 in ms for each interval. */
export function selectPercentilesOverTime(selection: MetricSelection): string {
  const percentiles = selectPercentiles(
    selectBuckets(selection, selectOverTime),
    ['time'],
    QUANTILES,
  );
  const columns = Object.keys(QUANTILES).map((name) => `${toClampedSql(name)} AS ${name}`);
  return `SELECT p.time AS time, ${columns.join(', ')} FROM ${percentiles} p
LEFT JOIN ${selectTotalsOverTime(selection)} t ON p.time = t.time ORDER BY time`;
}

/**
 * Selects one line for each of the busiest values of a column.
 *
 * @param value SQL expression that uses `amount`, `errors`, `aborted`, and `total`
 * @param owners columns without which the value of `column` is ambiguous. They are part of the line's name.
 */
export function selectSeriesBy(
  column: string,
  selection: MetricSelection,
  value: string,
  owners: readonly string[] = [],
): string {
  const keys = [...owners, column];
  const name = keys.length === 1 ? column : `concat(${keys.join(", ' ', ")})`;
  const busiest = `SELECT ${name} AS metric, ${keys.map((key, i) => `${key} AS key_${i}`).join(', ')} FROM ${selectTotalsOverRange({ ...selection, keys })}
  WHERE ${column} IS NOT NULL ORDER BY ${ALL_COUNT} DESC LIMIT ${MAX_LINES}`;
  const rows = selectTotalsOverTime({ ...selection, keys });
  return `SELECT time, metric, ${value} AS value FROM ${rows} r
JOIN (${busiest}) b ON ${keys.map((key, i) => `r.${key} = b.key_${i}`).join(' AND ')} ORDER BY time`;
}

/**
 * Selects the groups with the longest total time first.
 *
 * @param columns columns to group by, with their headings
 * @param withAborted whether to add the share of aborted requests
 */
export function selectRanking(
  columns: Readonly<Record<string, string>>,
  selection: MetricSelection,
  { withAborted = false }: { withAborted?: boolean } = {},
): string {
  const keys = Object.keys(columns);
  const names = Object.entries(columns).map(
    ([column, heading]) => `${toName(`w.${column}`)} AS "${heading}"`,
  );
  const percentiles = selectPercentiles(
    selectBuckets({ ...selection, keys }, selectOverRange),
    keys,
    {
      p95: 0.95,
    },
  );
  // In QuestDB, NULL equals NULL.
  const sameGroup = keys.map((key) => `w.${key} = p.${key}`).join(' AND ');
  const aborted = withAborted ? `, ${ABORTED_SHARE} AS "Aborted"` : '';
  return `SELECT ${names.join(', ')}, ${ALL_COUNT} AS "Count", ${PER_MINUTE} AS "Per minute",
  total / amount AS "Average", ${toClampedSql('p.p95')} AS "p95", maximum AS "Longest", ${ERROR_RATE} AS "Failed"${aborted}, total AS "Total time"
FROM (SELECT *, min(first) OVER () AS start FROM ${selectTotalsOverRange({ ...selection, keys })} ORDER BY coalesce(total, 0) DESC LIMIT ${MAX_ROWS}) w
LEFT JOIN ${percentiles} p ON ${sameGroup} ORDER BY coalesce(total, 0) DESC`;
}

/** Selects endpoints with streams, with the times to the first byte and to the end, most streams first. */
export function selectStreams(selection: MetricSelection): string {
  const keys = ['endpoint', 'operation', 'service'];
  return `SELECT ${toName('endpoint')} AS "Endpoint", operation AS "Method", service AS "Service", amount AS "Ended",
  first_byte / amount AS "First byte", first_byte_max AS "Slowest first byte", total / amount AS "Average open time", maximum AS "Longest open time"
FROM ${selectFirstBytesOverRange({ ...selection, keys })} ORDER BY coalesce(amount, 0) DESC LIMIT ${MAX_ROWS}`;
}

const MAX_SAMPLES = 50;
/** Extracts the status code with a regex: paths in QuestDB's JSON functions can't contain keys with dots. */
const STATUS = `CASE WHEN tags LIKE '%"http.response.status_code":%'
  THEN regexp_replace(tags, '^.*"http.response.status_code":|[,}].*$', '') END`;

/** Selects samples of slow and failed requests. No other query reads them, because histograms already count these requests. */
export function selectSampledRequests(): string {
  const conditions = [
    ...[`timestamp >= ${FROM}`, `timestamp < ${TO}`, `name = ${quote(REQUEST_SAMPLE_METRIC_NAME)}`],
    ...toConditions(METRICS_TABLE, [...TENANT_AND_SERVICE, 'endpoint']),
    IS_NOT_OWN,
  ];
  return `SELECT timestamp AS "Time", ${toName('endpoint')} AS "Endpoint", operation AS "Method", value AS "Duration",
  ${STATUS} AS "Status", json_extract(tags, '$.trace_id')::varchar AS "Trace", service AS "Service",
  ${SAMPLED_PARTS} AS "Parts"
FROM ${METRICS_TABLE.table} WHERE ${conditions.join(' AND ')} ORDER BY "Duration" DESC LIMIT ${MAX_SAMPLES}`;
}
