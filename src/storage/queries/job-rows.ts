import { toSnakeCase } from '../../core/schema/table-definition.ts';
import {
  type QueueMetricRow,
  queueMetricsTable,
} from '../../core/schema/tables/queue-metrics-table.ts';
import type { QueryClient } from '../questdb/query-client.ts';
import { fromTable, identifier, inValues, joinSql, type Sql, sql } from '../sql/sql-builder.ts';
import { JOBS_TABLE } from './aggregation-tables.ts';
import { STATUS_ORDER, sortJobRows } from './job-summary.ts';
import { type Query, toGroupKey } from './query-definition.ts';
import { toNumber, toTableRow, toText } from './row-values.ts';
import { toFilterConditions } from './run-query.ts';

/** Filters for jobs, in addition to the dimensions of a query. */
export interface JobFilter {
  readonly jobIds?: readonly string[] | undefined;
  /** Full names of scopes. */
  readonly scopes?: readonly string[] | undefined;
}

interface JobPageOptions extends JobFilter {
  /** Latest states of the jobs. Default: all. */
  readonly statuses?: readonly string[] | undefined;
  /** Return only jobs after this position. */
  readonly after?: { readonly micros: number; readonly id: string } | undefined;
  readonly limit: number;
}

/** A job with its state changes in a range, and its position in the list of jobs. */
export interface JobRows {
  /** Time of the latest state change, in microseconds since the epoch. */
  readonly micros: number;
  /** The greatest row ID of the job. */
  readonly rowId: string;
  /** Sorted by time, oldest first. */
  readonly rows: readonly QueueMetricRow[];
}

/** Rank of a state, as `STATUS_ORDER` defines it. */
const STATUS_RANK = sql`CASE status WHEN 'waiting-children' THEN 1 WHEN 'delayed' THEN 2
  WHEN 'waiting' THEN 3 WHEN 'prioritized' THEN 4 WHEN 'active' THEN 5 WHEN 'stalled' THEN 6
  WHEN 'completed' THEN 7 WHEN 'failed' THEN 8 ELSE 0 END`;
/** Maximum number of rows that one response is computed from. */
const MAX_ROWS = 20_000;
/** Columns with data of the application. It can contain personal data. */
const DATA_COLUMNS: readonly string[] = ['data', 'result'];

/**
 * Returns one page of the jobs that changed in the range, the job with the latest change first.
 *
 * A first query finds the jobs of the page. A second query reads only their rows, because a summary combines
 * values of several rows.
 */
export async function queryJobPage(
  queryClient: QueryClient,
  query: Query,
  { statuses, after, limit, ...filter }: JobPageOptions,
): Promise<JobRows[]> {
  const matching = joinSql(toJobConditions(query, filter), ' AND ');
  const conditions = [sql`1 = 1`];
  if (statuses) conditions.push(inValues('rank', statuses.map(toRank)));
  if (after) {
    const { micros, id } = after;
    conditions.push(sql`(micros < ${micros} OR (micros = ${micros} AND row_id < ${id}))`);
  }
  // `state` is the time with the rank in its last 4 bits, so its maximum is the latest state.
  const jobs = await queryClient.read(
    query.scope,
    sql`SELECT * FROM (
      SELECT queue_name, queue_scope, job_id, row_id, state / 16 AS micros, state % 16 AS rank FROM (
        SELECT queue_name, queue_scope, job_id, max(id) AS row_id,
          max(timestamp::long * 16 + ${STATUS_RANK}) AS state
        ${fromTable(JOBS_TABLE.table)} AND ${matching}
        GROUP BY queue_name, queue_scope, job_id))
      WHERE ${joinSql(conditions, ' AND ')} ORDER BY micros DESC, row_id DESC LIMIT ${limit}`,
  );
  if (jobs.length === 0) return [];
  const rows = await queryJobRows(
    queryClient,
    { ...query, filter: { ...query.filter, queue: unique(jobs.map((row) => row.queue_name)) } },
    { ...filter, jobIds: unique(jobs.map((row) => row.job_id)) },
    ['stackTrace'],
  );
  return jobs.flatMap((job) => {
    const key = toGroupKey([toText(job.queue_name), toText(job.queue_scope), toText(job.job_id)]);
    const jobRows = rows.get(key);
    const [micros = 0, rowId = ''] = [toNumber(job.micros), toText(job.row_id)];
    return jobRows ? [{ micros, rowId, rows: jobRows }] : [];
  });
}

/**
 * Returns the state changes of jobs, oldest first, by job. If there are too many rows, the oldest ones are
 * missing.
 *
 * @param omitted camelCase names of columns to omit, in addition to data of the application
 */
export async function queryJobRows(
  queryClient: QueryClient,
  query: Query,
  filter: JobFilter,
  omitted: readonly string[] = [],
): Promise<Map<string, QueueMetricRow[]>> {
  const columns = Object.keys(queueMetricsTable.columns)
    .filter((name) => !DATA_COLUMNS.includes(name) && !omitted.includes(name))
    .map((name) => identifier(toSnakeCase(name)));
  const rows = await queryClient.read(
    query.scope,
    sql`SELECT timestamp, ${joinSql(columns, ', ')} ${fromTable(JOBS_TABLE.table)}
      AND ${joinSql(toJobConditions(query, filter), ' AND ')}
      ORDER BY timestamp DESC LIMIT ${MAX_ROWS}`,
  );
  const byJob = Map.groupBy(
    rows.map((row) => toTableRow(queueMetricsTable, row)),
    ({ queueName, queueScope, jobId }) => toGroupKey([queueName, queueScope, jobId]),
  );
  return new Map([...byJob].map(([key, jobRows]) => [key, sortJobRows(jobRows)]));
}

/** Returns the scopes of the queues with rows in the range. */
export async function queryQueueScopes(queryClient: QueryClient, query: Query): Promise<string[]> {
  const rows = await queryClient.read(
    query.scope,
    sql`SELECT DISTINCT queue_scope ${fromTable(JOBS_TABLE.table)}
      AND ${joinSql(toJobConditions(query, {}), ' AND ')}`,
  );
  return rows.flatMap((row) => toText(row.queue_scope) ?? []);
}

function toJobConditions(query: Query, { jobIds, scopes }: JobFilter): Sql[] {
  const { range, includeTest = false } = query;
  return [
    sql`timestamp >= ${new Date(range.fromMs)}`,
    sql`timestamp < ${new Date(range.toMs)}`,
    JOBS_TABLE.rowFilter,
    ...toFilterConditions(JOBS_TABLE, query),
    ...(includeTest ? [] : [sql`test = false`]),
    ...(jobIds ? [inValues('job_id', jobIds)] : []),
    ...(scopes ? [inValues('queue_scope', scopes)] : []),
  ];
}

function toRank(status: string): number {
  return STATUS_ORDER.indexOf(status) + 1;
}

function unique(values: readonly unknown[]): string[] {
  return [...new Set(values.flatMap((value) => toText(value) ?? []))];
}
