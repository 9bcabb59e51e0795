import type { QueueMetricRow } from '../../../core/schema/tables/queue-metrics-table.ts';
import { JOBS_TABLE } from '../../../storage/queries/aggregation-tables.ts';
import { queryJobRows } from '../../../storage/queries/job-rows.ts';
import type { Query } from '../../../storage/queries/query-definition.ts';
import { toNumber, toText } from '../../../storage/queries/row-values.ts';
import { toFilterConditions } from '../../../storage/queries/run-query.ts';
import { getRowsRevision } from '../../../storage/queries/time-range.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import { fromTable, joinSql, type Sql, sql } from '../../../storage/sql/sql-builder.ts';
import type { JobFact, RetryFact } from './suggestion-facts.ts';

/** A failed attempt that will be retried. The job then waits again, with the error of the attempt. */
const IS_RETRY = sql`(error_message IS NOT NULL AND status IN ('waiting', 'prioritized', 'delayed'))`;
const IS_FIRST_RETRY = sql`(${IS_RETRY} AND attempts = 1)`;
const MAX_SAMPLED_RETRIES = 500;
/** With fewer retries, no detector needs samples. */
const MIN_SAMPLED_RETRIES = 10;

/** Adds up the attempts of jobs by queue and type. @throws PS_UNAVAILABLE */
export async function readJobs(queryClient: QueryClient, query: Query): Promise<JobFact[]> {
  const count = (condition: Sql) => sql`sum(CASE WHEN ${condition} THEN 1 ELSE 0 END)`;
  const rows = await queryClient.read(
    query.scope,
    sql`SELECT queue_name, queue_scope, job_type, first(service) AS service,
      ${count(sql`status = 'completed'`)} AS completed,
      ${count(sql`status = 'completed' AND attempts >= 2`)} AS after_retry,
      ${count(IS_FIRST_RETRY)} AS failed_first,
      sum(CASE WHEN ${IS_FIRST_RETRY} THEN duration ELSE 0.0 END) AS failed_first_ms,
      ${count(sql`${IS_RETRY} AND status != 'delayed'`)} AS at_once,
      ${count(sql`${IS_RETRY} AND status = 'delayed'`)} AS later,
      min(timestamp) AS first_at, max(timestamp) AS last_at
      ${fromTable(JOBS_TABLE.table)} AND ${joinSql(toConditions(query), ' AND ')}
      AND (status = 'completed' OR error_message IS NOT NULL)
      GROUP BY queue_name, queue_scope, job_type`,
    getRowsRevision(query.range),
  );
  return rows.map((row) => {
    const failedFirst = toNumber(row.failed_first) ?? 0;
    return {
      queue: toText(row.queue_name) ?? '',
      scope: toText(row.queue_scope),
      jobType: toText(row.job_type),
      service: toText(row.service),
      completed: toNumber(row.completed) ?? 0,
      completedAfterRetry: toNumber(row.after_retry) ?? 0,
      failedFirst,
      failedFirstMs: failedFirst > 0 ? (toNumber(row.failed_first_ms) ?? 0) / failedFirst : 0,
      retriedAtOnce: toNumber(row.at_once) ?? 0,
      retriedLater: toNumber(row.later) ?? 0,
      firstMs: toNumber(row.first_at) ?? query.range.fromMs,
      lastMs: toNumber(row.last_at) ?? query.range.toMs,
    };
  });
}

/**
 * Reads the times between the attempts of the newest retried jobs. Reads nothing if few jobs are retried.
 *
 * @throws PS_UNAVAILABLE
 */
export async function readRetries(
  queryClient: QueryClient,
  query: Query,
  jobs: readonly JobFact[],
): Promise<RetryFact[]> {
  const retried = jobs.some((job) => job.retriedAtOnce + job.retriedLater >= MIN_SAMPLED_RETRIES);
  if (!retried) return [];
  const rows = await queryClient.read(
    query.scope,
    sql`SELECT job_id ${fromTable(JOBS_TABLE.table)} AND ${joinSql(toConditions(query), ' AND ')}
      AND ${IS_RETRY} ORDER BY timestamp DESC LIMIT ${MAX_SAMPLED_RETRIES}`,
  );
  const jobIds = [...new Set(rows.flatMap((row) => toText(row.job_id) ?? []))];
  if (jobIds.length === 0) return [];
  const byJob = await queryJobRows(queryClient, query, { jobIds }, ['stackTrace']);
  return [...byJob.values()].flatMap(listRetries);
}

/** Returns the retries of one job, from its rows sorted by time. */
export function listRetries(rows: readonly QueueMetricRow[]): RetryFact[] {
  return rows.flatMap((row, i) => {
    const { status, errorMessage, timestamp, queueName = '', queueScope, jobType, attempts } = row;
    const isRetry =
      errorMessage !== undefined &&
      (status === 'waiting' || status === 'prioritized' || status === 'delayed');
    if (!isRetry) return [];
    const started = rows.slice(i + 1).find(({ startedAt = 0 }) => startedAt > (row.startedAt ?? 0));
    if (started?.startedAt === undefined) return [];
    const gapMs = Math.max(0, started.startedAt - timestamp);
    const isFirst = attempts === 1;
    return { queue: queueName, scope: queueScope, jobType, gapMs, error: errorMessage, isFirst };
  });
}

function toConditions(query: Query): Sql[] {
  const { range, includeTest = false } = query;
  return [
    sql`timestamp >= ${new Date(range.fromMs)}`,
    sql`timestamp < ${new Date(range.toMs)}`,
    JOBS_TABLE.rowFilter,
    ...(includeTest ? [] : [sql`test = false`]),
    ...toFilterConditions(JOBS_TABLE, query),
  ];
}
