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
}

/** Position of a page's last row. Rows are ordered by time and, for equal times, by ID. */
interface PagePosition {
  readonly micros: number;
  readonly id: string;
}

export interface MetricRowsOptions {
  readonly metricTypes?: readonly string[] | undefined;
  readonly names?: readonly string[] | undefined;
  readonly userIds?: readonly string[] | undefined;
  /** Return only rows after this position. */
  readonly after?: PagePosition | undefined;
  readonly limit: number;
}

const METRICS_TABLE_NAME = 'performance_metrics';

/**
 * Returns individual rows, newest first. Roll-ups don't contain individual rows, so expired rows
 * are missing.
 *
 * A first query finds the time of the page's last row. That query reads backward and stops early.
 * Sorting by time and ID in one query would sort the whole range.
 */
export async function queryMetricRows(
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

function toConditions(query: Query, { metricTypes, names, userIds, after }: MetricRowsOptions) {
  const { range, includeTest = false } = query;
  const conditions: Sql[] = [
    sql`timestamp >= ${new Date(range.fromMs)}`,
    after
      ? sql`timestamp <= ${formatMicros(after.micros)}`
      : sql`timestamp < ${new Date(range.toMs)}`,
    METRICS_TABLE.rowFilter,
    ...toFilterConditions(METRICS_TABLE, query),
  ];
  if (!includeTest) conditions.push(sql`test = false`);
  if (metricTypes) conditions.push(inValues('metric_type', metricTypes));
  if (names) conditions.push(inValues('name', names));
  if (userIds) conditions.push(inValues('user_id', userIds));
  if (after) {
    conditions.push(sql`(timestamp < ${formatMicros(after.micros)} OR id < ${after.id})`);
  }
  return conditions;
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
  };
}
