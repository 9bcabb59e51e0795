import { QueueJobStatus } from '../../core/schema/enums.ts';
import type { JobTransition } from '../../core/schema/tables/queue-metrics-table.ts';
import type { Tenant } from './tenant-context.ts';

/** What is read of a BullMQ 5 or 6 job. Times are ms since the epoch. */
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

/** What is the same in all rows of a job. */
export function toBaseTransition(job: BullmqJob, tenant: Tenant | undefined, withData: boolean) {
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
    ...(withData && { data: job.data }),
  };
}

/** The state in which a job begins (https://docs.bullmq.io/guide/architecture). */
export function getInitialStatus(job: BullmqJob, hasChildren: boolean): QueueJobStatus {
  if (hasChildren) return QueueJobStatus.WAITING_CHILDREN;
  if ((job.opts?.delay ?? 0) > 0) return QueueJobStatus.DELAYED;
  if ((job.opts?.priority ?? 0) > 0) return QueueJobStatus.PRIORITIZED;
  return QueueJobStatus.WAITING;
}

/**
 * What a finished attempt says. An attempt that failed and will be repeated brings the job back to
 * `waiting` or `delayed`; only the last makes it `failed`.
 *
 * @param waitTimeMs how long the attempt had waited, where that is known
 */
export function toAttemptTransition(
  job: BullmqJob,
  result: { error: unknown } | undefined,
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
  if (!result) return { ...times, status: QueueJobStatus.COMPLETED, completedAt: endMs };
  const { message, stack } = toErrorMessageAndStack(result.error);
  const failure = { ...times, errorMessage: message, stackTrace: stack };
  if (job.finishedOn !== undefined) {
    return { ...failure, status: QueueJobStatus.FAILED, failedAt: endMs };
  }
  const again = ((job as { delay?: number }).delay ?? 0) > 0;
  const timestamp = toDistinctTimestamp(job, endMs);
  return { ...failure, timestamp, status: again ? QueueJobStatus.DELAYED : QueueJobStatus.WAITING };
}

/**
 * A row's keys hold its time in ms: what happens again to a job within the same ms is a ms later for
 * each attempt, or it would replace the row of the last.
 */
export function toDistinctTimestamp(job: BullmqJob, ms: number): number {
  return Math.max(ms, job.timestamp + job.attemptsMade);
}

/**
 * When an attempt began. A worker that waits for jobs takes the time before one comes, so that it
 * may lie before the job's own.
 */
export function getStartMs({ processedOn, timestamp }: BullmqJob): number | undefined {
  return processedOn === undefined ? undefined : Math.max(processedOn, timestamp);
}

/** When a job's first attempt could begin; of later ones only the process knows that saw it fail. */
export function getFirstReadyMs(job: BullmqJob, attemptsBefore: number): number | undefined {
  return attemptsBefore > 0 ? undefined : job.timestamp + (job.opts?.delay ?? 0);
}

export function computeWaitTime(startedMs: number | undefined, readyMs: number | undefined) {
  if (startedMs === undefined || readyMs === undefined) return undefined;
  return Math.max(0, startedMs - readyMs);
}

/** Name of an error's class, as `error.type`. */
export function getErrorType(error: unknown): string {
  const name = (error as { name?: unknown } | null | undefined)?.name;
  return typeof name === 'string' && /^\w{1,64}$/.test(name) ? name : '_OTHER';
}

function toErrorMessageAndStack(error: unknown): { message: string; stack: string | undefined } {
  if (!(error instanceof Error)) return { message: String(error), stack: undefined };
  return { message: String(error.message), stack: error.stack };
}
