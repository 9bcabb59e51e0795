import type { Row } from '../questdb/reader.ts';
import { from, isOneOf, joined, type Sql, sql } from '../questdb/statement.ts';
import { MEASUREMENTS } from './families.ts';
import type { Question } from './question.ts';
import { numberOf, originOf, textOf } from './row.ts';
import { filtersOf } from './select.ts';
import type { Store } from './store.ts';

/** One row of `performance_metrics`. Times in ms. */
export interface MetricRow {
  /** Of the row's timestamp, in microseconds since the epoch. */
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
  /** JSON. */
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

/** Where a page ends: rows are ordered by time, and those of the same time by id. */
interface Position {
  readonly micros: number;
  readonly id: string;
}

export interface RowsWanted {
  readonly metricTypes?: readonly string[] | undefined;
  readonly names?: readonly string[] | undefined;
  readonly userIds?: readonly string[] | undefined;
  /** Only rows behind it. */
  readonly after?: Position | undefined;
  readonly limit: number;
}

const TABLE = 'performance_metrics';

/**
 * Single rows, the newest first. Only rows that are still kept as such: roll-ups have none.
 *
 * The time of the last one is found first, which reads backwards and stops; ordering by id as well
 * would sort the whole range.
 */
export async function metricRows(
  store: Store,
  question: Question,
  wanted: RowsWanted,
): Promise<MetricRow[]> {
  const { limit } = wanted;
  const matching = joined(conditionsOf(question, wanted), ' AND ');
  const newest = await store.read(
    question.scope,
    sql`SELECT timestamp::long AS micros ${from(TABLE)} AND ${matching}
      ORDER BY timestamp DESC LIMIT ${limit}`,
  );
  const last = numberOf(newest.at(-1)?.micros);
  if (last === undefined) return [];
  const rows = await store.read(
    question.scope,
    sql`SELECT timestamp::long AS micros, * ${from(TABLE)} AND ${matching}
      AND timestamp >= ${timeText(last)} ORDER BY timestamp DESC, id DESC LIMIT ${limit}`,
  );
  return rows.map(metricRow);
}

function conditionsOf(question: Question, { metricTypes, names, userIds, after }: RowsWanted) {
  const { range, includeTest = false } = question;
  const conditions: Sql[] = [
    sql`timestamp >= ${new Date(range.fromMs)}`,
    after ? sql`timestamp <= ${timeText(after.micros)}` : sql`timestamp < ${new Date(range.toMs)}`,
    MEASUREMENTS.where,
    ...filtersOf(MEASUREMENTS, question),
  ];
  if (!includeTest) conditions.push(sql`test = false`);
  if (metricTypes) conditions.push(isOneOf('metric_type', metricTypes));
  if (names) conditions.push(isOneOf('name', names));
  if (userIds) conditions.push(isOneOf('user_id', userIds));
  if (after) {
    conditions.push(sql`(timestamp < ${timeText(after.micros)} OR id < ${after.id})`);
  }
  return conditions;
}

/** QuestDB's timestamps know microseconds, a Date only milliseconds. */
export function timeText(micros: number): string {
  const seconds = new Date(Math.floor(micros / 1000)).toISOString().slice(0, 19);
  return `${seconds}.${String(micros % 1_000_000).padStart(6, '0')}Z`;
}

function metricRow(row: Row): MetricRow {
  return {
    micros: numberOf(row.micros) ?? 0,
    id: textOf(row.id) ?? '',
    metricType: textOf(row.metric_type),
    name: textOf(row.name),
    value: numberOf(row.value),
    unit: textOf(row.unit),
    endpoint: textOf(row.endpoint),
    operation: textOf(row.operation),
    ...originOf(row),
    tags: textOf(row.tags),
    duration: numberOf(row.duration),
    count: numberOf(row.count),
    errorCount: numberOf(row.error_count),
    abortedCount: numberOf(row.aborted_count),
    sum: numberOf(row.sum),
    min: numberOf(row.min),
    max: numberOf(row.max),
    test: row.test === true,
  };
}
