import type { PerfscopeError } from '../errors.ts';
import type { JobTransition, Time } from '../schema/job-transition.ts';
import { MOST_NAME_LENGTH, MOST_TEXT_LENGTH } from '../schema/limits.ts';
import { QueueJobStatus } from '../schema/metric-type.ts';
import type { QueueMetric } from '../schema/queue-metrics.ts';
import { scrub } from '../schema/scrub.ts';
import { invalid, timeFault } from './measurement.ts';

const MOST_MESSAGE_LENGTH = 2000;
const MOST_STACK_LENGTH = 8000;

const STATES = new Set<string>(Object.values(QueueJobStatus));
const NUMBERS = ['duration', 'waitTime', 'delay', 'attempts', 'maxAttempts', 'priority'] as const;
const WHOLE = new Set<string>(['attempts', 'maxAttempts', 'priority']);

/** @returns the transition as a row without its origin, or why it can't be stored. */
export function toQueueRow(
  job: JobTransition,
  nowMs: number,
  retentionMs: number,
): QueueMetric | PerfscopeError {
  if (typeof job !== 'object' || job === null) return invalid('the transition', 'is not an object');
  for (const field of ['queueName', 'jobId'] as const) {
    const text = job[field];
    if (typeof text !== 'string' || text === '') return invalid(field, 'is missing');
    if (text.length > MOST_NAME_LENGTH) return invalid(field, 'is too long');
  }
  if (!STATES.has(job.status)) return invalid('status', 'is not one of QueueJobStatus');
  const timestamp = Number(job.timestamp ?? nowMs);
  const wrongTime = timeFault(timestamp, nowMs, retentionMs);
  if (wrongTime) return invalid('timestamp', wrongTime);
  for (const field of NUMBERS) {
    const value = job[field];
    if (value === undefined) continue;
    if (!Number.isFinite(value)) return invalid(field, 'is not a finite number');
    if (WHOLE.has(field) && !Number.isSafeInteger(value)) return invalid(field, 'is not whole');
  }
  return {
    timestamp,
    queueName: job.queueName,
    jobId: job.jobId,
    status: job.status,
    jobType: cut(job.jobType, MOST_NAME_LENGTH),
    createdAt: timeOf(job.createdAt),
    startedAt: timeOf(job.startedAt),
    completedAt: timeOf(job.completedAt),
    failedAt: timeOf(job.failedAt),
    duration: job.duration,
    waitTime: job.waitTime,
    delay: job.delay,
    attempts: job.attempts,
    maxAttempts: job.maxAttempts,
    priority: job.priority,
    errorMessage: scrubbed(job.errorMessage, MOST_MESSAGE_LENGTH),
    stackTrace: scrubbed(job.stackTrace, MOST_STACK_LENGTH),
    data: jsonOf(job.data),
    result: jsonOf(job.result),
    organizationId: cut(job.organizationId, MOST_NAME_LENGTH),
    propertyId: cut(job.propertyId, MOST_NAME_LENGTH),
    test: job.test === true,
  };
}

function timeOf(time: Time | undefined): number | undefined {
  const ms = time === undefined ? Number.NaN : Number(time);
  return Number.isFinite(ms) ? ms : undefined;
}

function cut(text: string | undefined, most: number): string | undefined {
  return text === undefined || text === null ? undefined : String(text).slice(0, most);
}

function scrubbed(text: string | undefined, most: number): string | undefined {
  return text === undefined || text === null ? undefined : scrub(String(text), most);
}

function jsonOf(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  try {
    return cut(JSON.stringify(value), MOST_TEXT_LENGTH);
  } catch {
    return undefined;
  }
}
