import { defineTable, type RowOf } from './column.ts';
import { ORIGIN_COLUMNS, TENANT_COLUMNS } from './dimensions.ts';

/** One state transition of one job. `duration`, `waitTime` and `delay` are in ms. */
export const queueMetrics = defineTable({
  name: 'queue_metrics',
  columns: {
    queueName: 'symbol',
    jobType: 'symbol',
    status: 'symbol',
    ...TENANT_COLUMNS,
    ...ORIGIN_COLUMNS,
    id: 'varchar',
    jobId: 'varchar',
    createdAt: 'timestamp',
    startedAt: 'timestamp',
    completedAt: 'timestamp',
    failedAt: 'timestamp',
    duration: 'double',
    waitTime: 'double',
    attempts: 'long',
    maxAttempts: 'long',
    priority: 'long',
    delay: 'double',
    errorMessage: 'varchar',
    stackTrace: 'varchar',
    data: 'varchar',
    result: 'varchar',
    seq: 'long',
    test: 'boolean',
  },
  dedupKeys: ['queueName', 'jobId', 'status'],
});

export type QueueMetric = RowOf<typeof queueMetrics>;
