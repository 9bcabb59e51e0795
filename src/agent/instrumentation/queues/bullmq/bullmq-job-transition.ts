import { QueueJobStatus } from '../../../../core/schema/enums.ts';
import type { JobTransition } from '../../../../core/schema/tables/queue-metrics-table.ts';
import type { Tenant } from '../../context/tenant-context.ts';
import { toErrorMessageAndStack } from '../job-error.ts';

/** Properties of a BullMQ 5 or 6 job. Times are ms since the epoch. */
export interface BullmqJob {
  id?: string;
  name: string;
  queueName?: string;
  queue: { name: string };
  opts?: {
    jobId?: string;
    deduplication?: unknown;
    /** The name of `deduplication` in older versions. */
    debounce?: unknown;
    attempts?: number;
    delay?: number;
    priority?: number;
    [key: string]: unknown;
  };
  timestamp: number;
  processedOn?: number;
  finishedOn?: number;
  attemptsMade: number;
  /** Number of starts, including starts that did not end as an attempt. */
  attemptsStarted?: number;
  stalledCounter?: number;
  /** Stack traces of the failed attempts. */
  stacktrace?: unknown[] | null;
  /** Delay of the next attempt in ms, or 0 if it was not delayed. */
  delay?: number;
  priority?: number;
  parent?: JobParent;
  data?: unknown;
  returnvalue?: unknown;
}

export interface JobParent {
  id: string;
  /** Prefix and name of the parent's queue, separated by a colon. */
  queueKey: string;
}

/** Returns the fields that all transitions of a job share. */
export function toBaseTransition(
  job: BullmqJob,
  queueScope: string,
  tenant: Tenant | undefined,
  includeJobData: boolean,
) {
  return {
    queueName: job.queueName ?? job.queue.name,
    queueScope,
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
  return getReadyStatus(job);
}

/** Returns the state of a job that is ready to run. */
export function getReadyStatus(job: BullmqJob): QueueJobStatus {
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
  const isDelayed = (job.delay ?? 0) > 0;
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

export function computeWaitTime(startedMs: number | undefined, readyMs: number | undefined) {
  if (startedMs === undefined || readyMs === undefined) return undefined;
  return Math.max(0, startedMs - readyMs);
}
