import type { Row } from '../questdb/reader.ts';
import { from, sql } from '../questdb/statement.ts';
import type { MetricBucket } from '../schema/metric-buckets.ts';
import type { PerformanceMetric } from '../schema/performance-metrics.ts';
import type { QueueMetric } from '../schema/queue-metrics.ts';
import { EVERYTHING } from '../schema/scope.ts';
import type { Parts } from './parts.ts';

export interface CleanupReport {
  performanceMetrics: number;
  metricBuckets: number;
  queueMetrics: number;
}

const MOST = 10_000;
const METRICS = sql`SELECT timestamp, id ${from('performance_metrics')}
  AND test = true AND count > 0 LIMIT ${MOST}`;
const BUCKETS = sql`SELECT timestamp, point, bucket_upper ${from('metric_buckets')}
  AND test = true AND count > 0 LIMIT ${MOST}`;
const JOBS = sql`SELECT timestamp, queue_name, job_id, status ${from('queue_metrics')}
  AND test = true AND id IS NOT NULL LIMIT ${MOST}`;

/**
 * Neutralises all rows of tests: QuestDB has no DELETE, so each is written again under its own
 * keys with a count of zero and nothing else.
 *
 * @returns how many rows of each table, at most 10,000 a call
 */
export async function cleanup({ store, add, flush }: Parts): Promise<CleanupReport> {
  await flush();
  const metrics = (await store.read(EVERYTHING, METRICS)).map(blankMetric);
  const buckets = (await store.read(EVERYTHING, BUCKETS)).map(blankBucket);
  const jobs = (await store.read(EVERYTHING, JOBS)).map(blankJob);
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

function blankMetric(row: Row): PerformanceMetric {
  const neutral = { count: 0, errorCount: 0, abortedCount: 0, sum: 0, test: true };
  return { timestamp: msOf(row), id: String(row.id), ...neutral };
}

function blankBucket(row: Row): MetricBucket {
  const keys = { point: Number(row.point), bucketUpper: Number(row.bucket_upper) };
  return { timestamp: msOf(row), ...keys, count: 0, errorCount: 0, test: true };
}

function blankJob(row: Row): QueueMetric {
  const keys = { queueName: String(row.queue_name), jobId: String(row.job_id) };
  return { timestamp: msOf(row), ...keys, status: String(row.status), test: true };
}

function msOf(row: Row): number {
  return (row.timestamp as Date).getTime();
}
