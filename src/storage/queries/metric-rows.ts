import { REQUEST_SAMPLE_METRIC_NAME } from '../../core/request-sample-row.ts';
import type { Row } from '../questdb/postgres-wire-reader.ts';
import type { QueryClient } from '../questdb/query-client.ts';
import { fromTable, inValues, joinSql, type Sql, sql } from '../sql/sql-builder.ts';
import { METRICS_TABLE } from './aggregation-tables.ts';
import type { Query } from './query-definition.ts';
import { toNumber, toOrigin, toText } from './row-values.ts';
import { toFilterConditions } from './run-query.ts';

/** One row of `performance_metrics`. Times in ms. */
export interface MetricRow {
  /** Timestamp of the row in microseconds since the epoch. */
  micros: number;
  id: string;
  metricType: string | undefined;
  name: string | undefined;
  value: number | undefined;
  unit: string | undefined;
  endpoint: string | undefined;
  operation: string | undefined;
  service: string | undefined;
  version: string | undefined;
  environment: string | undefined;
  instance: string | undefined;
  organizationId: string | undefined;
  propertyId: string | undefined;
  userId: string | undefined;
  /** Additional values, as JSON. */
  tags: string | undefined;
  duration: number | undefined;
  count: number | undefined;
  errorCount: number | undefined;
  abortedCount: number | undefined;
  sum: number | undefined;
  min: number | undefined;
  max: number | undefined;
  test: boolean;
  /** Value to sort by. Only in results that are sorted by value. */
  sortValue: number | undefined;
}

/**
 * Position of a page's last row. Rows are ordered by `sortValue`, if it has a value, then by time, and then by ID.
 */
interface PagePosition {
  readonly sortValue?: number | undefined;
  readonly micros: number;
  readonly id: string;
}

/** `at`: newest first. `value`: largest first, without rows that have no value. */
export const METRIC_ROW_ORDERS = ['at', 'value'] as const;

export interface MetricRowsOptions {
  readonly metricTypes?: readonly string[] | undefined;
  readonly names?: readonly string[] | undefined;
  readonly userIds?: readonly string[] | undefined;
  /** Return only rows with a larger value. */
  readonly minValue?: number | undefined;
  /** Return only rows with this value or a smaller one. */
  readonly maxValue?: number | undefined;
  /** Return only rows with failures (`true`) or without failures (`false`). */
  readonly failed?: boolean | undefined;
  /** Default: `at`. */
  readonly sort?: (typeof METRIC_ROW_ORDERS)[number] | undefined;
  /** Return only rows after this position. */
  readonly after?: PagePosition | undefined;
  readonly limit: number;
}

const METRICS_TABLE_NAME = 'performance_metrics';

/** Request samples have a count of 0, because their requests are counted in another row. */
const IS_VALID = sql`(${METRICS_TABLE.rowFilter} OR name = ${REQUEST_SAMPLE_METRIC_NAME})`;

/**
 * QuestDB treats numbers as equal if they differ by less than 1e-10, and then a sorted result has no definite order.
 * Neighboring numbers from 1e6 differ by more.
 */
const SORT_VALUE = sql`CASE WHEN abs(value) < 1000000.0 THEN round(value, 9) ELSE value END`;
/**
 * The same value as another expression. If `ORDER BY` contains an expression of the selected columns, QuestDB 9.3 caches
 * its values, and returns wrong rows if they are in several partitions.
 */
const SORT_KEY = sql`CASE WHEN abs(value) >= 1000000.0 THEN value ELSE round(value, 9) END`;

/** Rows with failures: histograms and counters, measurements, and request samples. */
const FAILED = sql`(coalesce(error_count, 0) > 0 OR tags LIKE ${'%"error.type":%'})`;

/**
 * Returns individual rows in the order `sort`. Roll-ups don't contain individual rows, so expired rows
 * are missing.
 */
export async function queryMetricRows(
  queryClient: QueryClient,
  query: Query,
  options: MetricRowsOptions,
): Promise<MetricRow[]> {
  if (options.sort !== 'value') return queryNewestRows(queryClient, query, options);
  const rows = await queryClient.read(
    query.scope,
    sql`SELECT timestamp::long AS micros, ${SORT_VALUE} AS sort_value, * ${fromTable(METRICS_TABLE_NAME)}
      AND ${joinSql(toConditions(query, options), ' AND ')} AND value IS NOT NULL
      ORDER BY ${SORT_KEY} DESC, timestamp DESC, id DESC LIMIT ${options.limit}`,
  );
  return rows.map(toMetricRow);
}

/**
 * A first query finds the time of the page's last row. That query reads backward and stops early.
 * Sorting by time and ID in one query would sort the whole range.
 */
async function queryNewestRows(
  queryClient: QueryClient,
  query: Query,
  options: MetricRowsOptions,
): Promise<MetricRow[]> {
  const { limit } = options;
  const matching = joinSql(toConditions(query, options), ' AND ');
  const newest = await queryClient.read(
    query.scope,
    sql`SELECT timestamp::long AS micros ${fromTable(METRICS_TABLE_NAME)} AND ${matching}
      ORDER BY timestamp DESC LIMIT ${limit}`,
  );
  const last = toNumber(newest.at(-1)?.micros);
  if (last === undefined) return [];
  const rows = await queryClient.read(
    query.scope,
    sql`SELECT timestamp::long AS micros, * ${fromTable(METRICS_TABLE_NAME)} AND ${matching}
      AND timestamp >= ${formatMicros(last)} ORDER BY timestamp DESC, id DESC LIMIT ${limit}`,
  );
  return rows.map(toMetricRow);
}

function toConditions(query: Query, options: MetricRowsOptions): Sql[] {
  const { metricTypes, names, userIds, minValue, maxValue, failed, after } = options;
  const { range, includeTest = false } = query;
  const conditions: Sql[] = [
    sql`timestamp >= ${new Date(range.fromMs)}`,
    after && after.sortValue === undefined
      ? sql`timestamp <= ${formatMicros(after.micros)}`
      : sql`timestamp < ${new Date(range.toMs)}`,
    IS_VALID,
    ...toFilterConditions(METRICS_TABLE, query),
  ];
  if (!includeTest) conditions.push(sql`test = false`);
  if (metricTypes) conditions.push(inValues('metric_type', metricTypes));
  if (names) conditions.push(inValues('name', names));
  if (userIds) conditions.push(inValues('user_id', userIds));
  if (minValue !== undefined) conditions.push(sql`value > ${minValue}`);
  if (maxValue !== undefined) conditions.push(sql`value <= ${maxValue}`);
  if (failed !== undefined) conditions.push(failed ? FAILED : sql`NOT ${FAILED}`);
  if (after) conditions.push(toPositionCondition(after));
  return conditions;
}

function toPositionCondition({ sortValue, micros, id }: PagePosition): Sql {
  const time = formatMicros(micros);
  if (sortValue === undefined) return sql`(timestamp < ${time} OR id < ${id})`;
  const isLater = sql`(timestamp < ${time} OR (timestamp = ${time} AND id < ${id}))`;
  return sql`(${SORT_VALUE} < ${sortValue} OR (${SORT_VALUE} = ${sortValue} AND ${isLater}))`;
}

/** Formats a timestamp with microseconds, as in QuestDB. A `Date` has only milliseconds. */
export function formatMicros(micros: number): string {
  const seconds = new Date(Math.floor(micros / 1000)).toISOString().slice(0, 19);
  return `${seconds}.${String(micros % 1_000_000).padStart(6, '0')}Z`;
}

function toMetricRow(row: Row): MetricRow {
  return {
    micros: toNumber(row.micros) ?? 0,
    id: toText(row.id) ?? '',
    metricType: toText(row.metric_type),
    name: toText(row.name),
    value: toNumber(row.value),
    unit: toText(row.unit),
    endpoint: toText(row.endpoint),
    operation: toText(row.operation),
    ...toOrigin(row),
    tags: toText(row.tags),
    duration: toNumber(row.duration),
    count: toNumber(row.count),
    errorCount: toNumber(row.error_count),
    abortedCount: toNumber(row.aborted_count),
    sum: toNumber(row.sum),
    min: toNumber(row.min),
    max: toNumber(row.max),
    test: row.test === true,
    sortValue: toNumber(row.sort_value),
  };
}
