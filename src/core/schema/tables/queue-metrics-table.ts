import type { QueueJobStatus } from '../enums.ts';
import {
  defineTable,
  type InferRow,
  RESOURCE_COLUMNS,
  TENANT_COLUMNS,
} from '../table-definition.ts';

/**
 * One state transition of one job. `duration`, `waitTime`, and `delay` are in ms. `queueScope` is the Redis
 * server and the prefix of the queue, because queues in different places can have the same name.
 */
export const queueMetricsTable = defineTable({
  name: 'queue_metrics',
  columns: {
    queueName: 'symbol',
    queueScope: 'symbol',
    jobType: 'symbol',
    status: 'symbol',
    ...TENANT_COLUMNS,
    ...RESOURCE_COLUMNS,
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
  dedupKeys: ['queueName', 'queueScope', 'jobId', 'status'],
});

export type QueueMetricRow = InferRow<typeof queueMetricsTable>;

/** A time: a Date, or ms since the epoch. */
export type TimestampInput = Date | number;

/** One state transition of one job, as passed to `recordQueueMetric`. */
export interface JobTransition {
  queueName: string;
  /**
   * Distinguishes queues with the same name. For BullMQ: `<prefix>@<host>:<port>/<db>`. Default: none.
   */
  queueScope?: string | undefined;
  /** Default: a new ID, so that each transition without an ID counts as its own job. */
  jobId?: string | undefined;
  jobType?: string | undefined;
  status: QueueJobStatus;
  /** When the job entered this state. Default: now. */
  timestamp?: TimestampInput | undefined;
  /** Default: `timestamp`, or the earliest of the other times if one is earlier. */
  createdAt?: TimestampInput | undefined;
  startedAt?: TimestampInput | undefined;
  completedAt?: TimestampInput | undefined;
  failedAt?: TimestampInput | undefined;
  /** Processing time, in ms. */
  duration?: number | undefined;
  /** Time in the queue, in ms. */
  waitTime?: number | undefined;
  /** Default: 1. */
  attempts?: number | undefined;
  /** Default: 3. */
  maxAttempts?: number | undefined;
  /** Default: 0. */
  priority?: number | undefined;
  /** Configured delay, in ms. */
  delay?: number | undefined;
  /** Email addresses, secrets, and long numbers are redacted before the message is stored. */
  errorMessage?: string | undefined;
  stackTrace?: string | undefined;
  /** Stored as JSON. Omit it if it contains data that users of the table must not see. */
  data?: unknown;
  result?: unknown;
  /** Default: the organization of the current tenant context. */
  organizationId?: string | undefined;
  propertyId?: string | undefined;
  test?: boolean | undefined;
}
