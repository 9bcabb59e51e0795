import { setTimeout as delay } from 'node:timers/promises';
import { DAY_MS } from '../../../core/duration.ts';
import { createBlankBucket, createBlankMetric } from '../../../core/schema/blank-rows.ts';
import type { MetricBucketRow } from '../../../core/schema/tables/metric-buckets-table.ts';
import type { PerformanceMetricRow } from '../../../core/schema/tables/performance-metrics-table.ts';
import type { QueueMetricRow } from '../../../core/schema/tables/queue-metrics-table.ts';
import { UNRESTRICTED_SCOPE } from '../../../core/tenant-scope.ts';
import type { Row } from '../../../storage/questdb/postgres-wire-reader.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import { fromHostTable, fromTable, sql } from '../../../storage/sql/sql-builder.ts';
import type { EndpointDependencies } from '../endpoint-definition.ts';

type TestTable = 'performanceMetrics' | 'metricBuckets' | 'queueMetrics';
/** Number of rows per table. */
type RowCounts = Record<TestTable | 'systemHealth', number>;

/** Result of the cleanup. */
export interface CleanupReport {
  /** Number of blanked test rows, up to 10,000 per table and call. */
  readonly neutralised: Pick<RowCounts, TestTable>;
  /** Number of removed rows that were older than the retention period. */
  readonly removed: RowCounts;
  readonly retentionDays: number;
  /** Older rows are removed. This is the start of a UTC day, because QuestDB removes whole days. */
  readonly removedBefore: Date;
}

const APPLY_TIMEOUT_MS = 10_000;
const POLL_INTERVAL_MS = 50;

/**
 * Blanks test rows, and removes rows that are older than the retention period. Roll-ups have their
 * own retention periods, so they keep the history.
 */
export async function cleanUpMetrics(
  dependencies: EndpointDependencies,
  nowMs: number = Date.now(),
): Promise<CleanupReport> {
  const { flush, retentionDays } = dependencies;
  await flush();
  const neutralised = await blankTestRows(dependencies);
  const removedBeforeMs = Math.floor(nowMs / DAY_MS - retentionDays) * DAY_MS;
  const removed = await removeExpiredRows(dependencies, removedBeforeMs, nowMs);
  return { neutralised, removed, retentionDays, removedBefore: new Date(removedBeforeMs) };
}

/**
 * QuestDB compares the age of rows with the newest row of a table. Therefore, a table that gets no
 * rows keeps old rows. A blank row with the current time removes them. `DROP PARTITION` would
 * invalidate the roll-ups.
 */
async function removeExpiredRows(
  { queryClient, applyRetention, add, flush }: EndpointDependencies,
  beforeMs: number,
  nowMs: number,
): Promise<RowCounts> {
  const before = await countRows(queryClient, beforeMs);
  await applyRetention();
  const blank = { timestamp: nowMs, test: true } as const;
  if (before.performanceMetrics > 0) {
    add('performance_metrics', [toBlankMetric({ ...blank, id: BLANK_NAME })]);
  }
  if (before.metricBuckets > 0) {
    add('metric_buckets', [toBlankBucket({ ...blank, point: 0, bucket_upper: 0 })]);
  }
  if (before.queueMetrics > 0) {
    const keys = { queue_name: BLANK_NAME, job_id: BLANK_NAME, status: 'waiting' };
    add('queue_metrics', [toBlankJob({ ...blank, ...keys })]);
  }
  await flush();
  const after = await waitUntilRemoved(queryClient, beforeMs, before);
  const counts = Object.entries(before).map(([table, rows]) => [
    table,
    Math.max(0, rows - after[table as keyof RowCounts]),
  ]);
  return Object.fromEntries(counts) as RowCounts;
}

/** Waits up to 10 s until QuestDB has removed the rows. @returns the remaining rows */
async function waitUntilRemoved(
  queryClient: QueryClient,
  beforeMs: number,
  before: RowCounts,
): Promise<RowCounts> {
  let remaining = before;
  const deadline = performance.now() + APPLY_TIMEOUT_MS;
  const hasRows = () => Object.values(remaining).some((rows) => rows > 0);
  while (hasRows() && performance.now() < deadline) {
    await delay(POLL_INTERVAL_MS);
    remaining = await countRows(queryClient, beforeMs);
  }
  return remaining;
}

/** Counts the rows of each table before a time. */
async function countRows(queryClient: QueryClient, beforeMs: number): Promise<RowCounts> {
  const before = new Date(beforeMs);
  const sources = {
    performanceMetrics: fromTable('performance_metrics'),
    metricBuckets: fromTable('metric_buckets'),
    queueMetrics: fromTable('queue_metrics'),
    systemHealth: fromHostTable('system_health'),
  };
  const counts = Object.entries(sources).map(async ([table, source]) => {
    const statement = sql`SELECT count() AS rows ${source} AND timestamp < ${before}`;
    const [row] = await queryClient.read(UNRESTRICTED_SCOPE, statement);
    return [table, Number(row?.rows ?? 0)] as const;
  });
  return Object.fromEntries(await Promise.all(counts)) as RowCounts;
}

const BLANK_NAME = 'perfscope.cleanup';
const MAX_ROWS_PER_CALL = 10_000;
const TEST_METRICS_QUERY = sql`SELECT timestamp, id ${fromTable('performance_metrics')}
  AND test = true AND count > 0 LIMIT ${MAX_ROWS_PER_CALL}`;
const TEST_BUCKETS_QUERY = sql`SELECT timestamp, point, bucket_upper ${fromTable('metric_buckets')}
  AND test = true AND count > 0 LIMIT ${MAX_ROWS_PER_CALL}`;
const TEST_JOBS_QUERY = sql`SELECT timestamp, queue_name, queue_scope, job_id, status
  ${fromTable('queue_metrics')}
  AND test = true AND id IS NOT NULL LIMIT ${MAX_ROWS_PER_CALL}`;

/**
 * Blanks all test rows. QuestDB has no DELETE, so each row is overwritten with the same keys and a
 * count of zero.
 */
async function blankTestRows({
  queryClient,
  add,
  flush,
}: EndpointDependencies): Promise<Pick<RowCounts, TestTable>> {
  const read = (statement: typeof TEST_METRICS_QUERY) =>
    queryClient.read(UNRESTRICTED_SCOPE, statement);
  const metrics = (await read(TEST_METRICS_QUERY)).map(toStoredTime).map(toBlankMetric);
  const buckets = (await read(TEST_BUCKETS_QUERY)).map(toStoredTime).map(toBlankBucket);
  const jobs = (await read(TEST_JOBS_QUERY)).map(toStoredTime).map(toBlankJob);
  add('performance_metrics', metrics);
  add('metric_buckets', buckets);
  add('queue_metrics', jobs);
  await flush();
  return {
    performanceMetrics: metrics.length,
    metricBuckets: buckets.length,
    queueMetrics: jobs.length,
  };
}

/** The keys of a row, with the time in ms. */
type RowKeys = Row & { readonly timestamp: number };

function toStoredTime(row: Row): RowKeys {
  return { ...row, timestamp: (row.timestamp as Date).getTime() };
}

function toBlankMetric({ timestamp, id }: RowKeys): PerformanceMetricRow {
  return createBlankMetric(timestamp, String(id));
}

function toBlankBucket({ timestamp, point, bucket_upper }: RowKeys): MetricBucketRow {
  return createBlankBucket(timestamp, Number(point), Number(bucket_upper));
}

function toBlankJob(row: RowKeys): QueueMetricRow {
  const { timestamp, queue_name, queue_scope, job_id, status } = row;
  const queueScope = queue_scope === null ? undefined : queue_scope;
  const keys = { queueName: String(queue_name), jobId: String(job_id), status: String(status) };
  return { timestamp, ...keys, queueScope: queueScope as string | undefined, test: true };
}
