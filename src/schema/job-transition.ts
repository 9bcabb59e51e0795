import type { QueueJobStatus } from './metric-type.ts';

/** A moment: a Date, or ms since the epoch. */
export type Time = Date | number;

/** One state transition of one job, as an application gives it to `recordQueueMetric`. */
export interface JobTransition {
  queueName: string;
  jobId: string;
  jobType?: string | undefined;
  status: QueueJobStatus;
  /** When the job came into this state. Default: now. */
  timestamp?: Time | undefined;
  createdAt?: Time | undefined;
  startedAt?: Time | undefined;
  completedAt?: Time | undefined;
  failedAt?: Time | undefined;
  /** Processing time in ms. */
  duration?: number | undefined;
  /** In ms. */
  waitTime?: number | undefined;
  attempts?: number | undefined;
  maxAttempts?: number | undefined;
  priority?: number | undefined;
  /** In ms. */
  delay?: number | undefined;
  /** Addresses, secrets and long numbers in it are blanked before it is stored. */
  errorMessage?: string | undefined;
  stackTrace?: string | undefined;
  /** Stored as JSON. Leave it out unless it may be read by whoever reads the table. */
  data?: unknown;
  result?: unknown;
  /** Default: the tenant for whom the running work is done. */
  organizationId?: string | undefined;
  propertyId?: string | undefined;
  test?: boolean | undefined;
}
