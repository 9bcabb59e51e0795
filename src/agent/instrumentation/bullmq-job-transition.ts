import { QueueJobStatus } from '../../core/schema/enums.ts';
import type { JobTransition } from '../../core/schema/tables/queue-metrics-table.ts';
import type { Tenant } from './tenant-context.ts';

/** Properties of a BullMQ 5 or 6 job. Times are ms since the epoch. */
export interface BullmqJob {
  id?: string;
  name: string;
  queueName?: string;
  queue?: { name: string };
  opts?: {
    attempts?: number;
    delay?: number;
    priority?: number;
    [key: string]: unknown;
  };
  timestamp: number;
  processedOn?: number;
  finishedOn?: number;
  attemptsMade: number;
  priority?: number;
  parent?: unknown;
  data?: unknown;
  returnvalue?: unknown;
}

/** Returns the fields that all transitions of a job share. */
export function toBaseTransition(
  job: BullmqJob,
  tenant: Tenant | undefined,
  includeJobData: boolean,
) {
  return {
    queueName: job.queueName ?? job.queue?.name ?? '',
    jobId: String(job.id ?? ''),
    jobType: job.name,
    createdAt: job.timestamp,
    attempts: job.attemptsMade,
    maxAttempts: job.opts?.attempts,
    priority: job.opts?.priority ?? job.priority,
    delay: job.opts?.delay,
    organizationId: tenant?.organizationId,
    propertyId: tenant?.propertyId,
    ...(includeJobData && { data: job.data }),
  };
}

/** Returns the first state of a job (https://docs.bullmq.io/guide/architecture). */
export function getInitialStatus(job: BullmqJob, hasChildren: boolean): QueueJobStatus {
  if (hasChildren) return QueueJobStatus.WAITING_CHILDREN;
  if ((job.opts?.delay ?? 0) > 0) return QueueJobStatus.DELAYED;
  if ((job.opts?.priority ?? 0) > 0) return QueueJobStatus.PRIORITIZED;
  return QueueJobStatus.WAITING;
}

/**
 * Returns the transition at the end of an attempt. If a failed attempt will be retried, the job is
 * `waiting` or `delayed` again. Only the last failed attempt makes it `failed`.
 *
 * @param waitTimeMs wait time before the attempt, or undefined if unknown
 */
export function toAttemptTransition(
  job: BullmqJob,
  failure: { error: unknown } | undefined,
  waitTimeMs: number | undefined,
  nowMs: number,
): Partial<JobTransition> & Pick<JobTransition, 'status'> {
  const endMs = job.finishedOn ?? nowMs;
  const startedAt = getStartMs(job);
  const times = {
    startedAt,
    timestamp: endMs,
    duration: startedAt === undefined ? undefined : Math.max(0, endMs - startedAt),
    waitTime: waitTimeMs,
  };
  if (!failure) return { ...times, status: QueueJobStatus.COMPLETED, completedAt: endMs };
  const { message, stack } = toErrorMessageAndStack(failure.error);
  const failedAttempt = { ...times, errorMessage: message, stackTrace: stack };
  if (job.finishedOn !== undefined) {
    return { ...failedAttempt, status: QueueJobStatus.FAILED, failedAt: endMs };
  }
  const isDelayed = ((job as { delay?: number }).delay ?? 0) > 0;
  const timestamp = toDistinctTimestamp(job, endMs);
  const status = isDelayed ? QueueJobStatus.DELAYED : QueueJobStatus.WAITING;
  return { ...failedAttempt, timestamp, status };
}

/**
 * Adds 1 ms for each attempt made. The timestamp is part of the deduplication key, so an identical
 * transition within the same ms would replace the row of the previous attempt.
 */
export function toDistinctTimestamp(job: BullmqJob, ms: number): number {
  return Math.max(ms, job.timestamp + job.attemptsMade);
}

/**
 * Returns the start time of an attempt. A waiting worker sets `processedOn` before a job arrives,
 * so that time can be earlier than the job's creation.
 */
export function getStartMs({ processedOn, timestamp }: BullmqJob): number | undefined {
  return processedOn === undefined ? undefined : Math.max(processedOn, timestamp);
}

/**
 * Returns when a job's first attempt was ready to start. For a retry, only the worker that ran the
 * previous attempt knows this time.
 */
export function getFirstReadyMs(job: BullmqJob, attemptsBefore: number): number | undefined {
  return attemptsBefore > 0 ? undefined : job.timestamp + (job.opts?.delay ?? 0);
}

export function computeWaitTime(startedMs: number | undefined, readyMs: number | undefined) {
  if (startedMs === undefined || readyMs === undefined) return undefined;
  return Math.max(0, startedMs - readyMs);
}

/** Returns the class name of an error for the attribute `error.type`. */
export function getErrorType(error: unknown): string {
  const name = (error as { name?: unknown } | null | undefined)?.name;
  return typeof name === 'string' && /^\w{1,64}$/.test(name) ? name : '_OTHER';
}

function toErrorMessageAndStack(error: unknown): { message: string; stack: string | undefined } {
  if (!(error instanceof Error)) return { message: String(error), stack: undefined };
  return { message: String(error.message), stack: error.stack };
}
