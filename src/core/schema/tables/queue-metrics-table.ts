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

/**
 * A time: a Date, or ms since the epoch.
 *
 * @inline
 */
export type TimestampInput = Date | number;

/** One state transition of one job, as passed to `recordQueueMetric`. */
export interface JobTransition {
  /** Name of the queue, up to 512 characters. */
  queueName: string;
  /**
   * Distinguishes queues with the same name. For queues in Redis: `<prefix>@<host>:<port>/<db>`. Default: none.
   */
  queueScope?: string | undefined;
  /** Default: a new ID, so that each transition without an ID counts as its own job. */
  jobId?: string | undefined;
  /** Kind of job, such as the name of a job in BullMQ or Bull. Default: none. */
  jobType?: string | undefined;
  /** State that the job entered. */
  status: QueueJobStatus;
  /** When the job entered this state: a Date, or ms since the epoch. Default: now. */
  timestamp?: TimestampInput | undefined;
  /** When the job was created: a Date, or ms since the epoch. Default: `timestamp`, or the earliest of the other times if one is earlier. */
  createdAt?: TimestampInput | undefined;
  /** When the current attempt started: a Date, or ms since the epoch. Default: unknown. */
  startedAt?: TimestampInput | undefined;
  /** When the job completed: a Date, or ms since the epoch. Default: unknown. */
  completedAt?: TimestampInput | undefined;
  /** When the job failed: a Date, or ms since the epoch. Default: unknown. */
  failedAt?: TimestampInput | undefined;
  /** Processing time, in ms. Default: unknown. */
  duration?: number | undefined;
  /** Time in the queue, in ms. Default: unknown. */
  waitTime?: number | undefined;
  /** Number of attempts so far: a whole number. Default: 1. */
  attempts?: number | undefined;
  /** Maximum number of attempts: a whole number. Default: 3. */
  maxAttempts?: number | undefined;
  /** Priority in the queue: a whole number. Default: 0. */
  priority?: number | undefined;
  /** Configured delay, in ms. Default: unknown. */
  delay?: number | undefined;
  /**
   * Message of the job's error. Email addresses, secrets, and long numbers are redacted before the message is stored.
   * Default: none.
   */
  errorMessage?: string | undefined;
  /** Stack of the job's error, redacted in the same way. Default: none. */
  stackTrace?: string | undefined;
  /** Input of the job, stored as JSON. Omit it if it contains data that users of the table must not see. */
  data?: unknown;
  /** Result of the job, stored as JSON. Omit it if it contains data that users of the table must not see. */
  result?: unknown;
  /** Organization of the job. Default: the organization of the current tenant context. */
  organizationId?: string | undefined;
  /** Property of the job. Default: the property of the current tenant context. */
  propertyId?: string | undefined;
  /** Marks a test job, which is excluded from all metrics. Default: `false`. */
  test?: boolean | undefined;
}
