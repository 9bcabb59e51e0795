import type { PerfscopeError } from '../../core/perfscope-error.ts';
import { redact } from '../../core/redact.ts';
import { QueueJobStatus } from '../../core/schema/enums.ts';
import { MAX_NAME_LENGTH, MAX_TEXT_LENGTH } from '../../core/schema/table-definition.ts';
import type {
  JobTransition,
  QueueMetricRow,
  TimestampInput,
} from '../../core/schema/tables/queue-metrics-table.ts';
import { createInvalidRowError, validateTimestamp } from './measurement.ts';

const MAX_MESSAGE_LENGTH = 2000;
const MAX_STACK_LENGTH = 8000;

const JOB_STATUSES = new Set<string>(Object.values(QueueJobStatus));
const NUMBER_FIELDS = [
  'duration',
  'waitTime',
  'delay',
  'attempts',
  'maxAttempts',
  'priority',
] as const;
const INTEGER_FIELDS = new Set<string>(['attempts', 'maxAttempts', 'priority']);

/** @returns the row without its service resource, or the reason why it can't be stored */
export function toJobTransitionRow(
  job: JobTransition,
  nowMs: number,
  retentionMs: number,
): QueueMetricRow | PerfscopeError {
  if (typeof job !== 'object' || job === null)
    return createInvalidRowError('the transition', 'is not an object');
  for (const field of ['queueName', 'jobId'] as const) {
    const text = job[field];
    if (typeof text !== 'string' || text === '') return createInvalidRowError(field, 'is missing');
    if (text.length > MAX_NAME_LENGTH)
      return createInvalidRowError(field, `is longer than ${MAX_NAME_LENGTH} characters`);
  }
  if (!JOB_STATUSES.has(job.status))
    return createInvalidRowError('status', 'is not a QueueJobStatus');
  const timestamp = Number(job.timestamp ?? nowMs);
  const timestampProblem = validateTimestamp(timestamp, nowMs, retentionMs);
  if (timestampProblem) return createInvalidRowError('timestamp', timestampProblem);
  for (const field of NUMBER_FIELDS) {
    const value = job[field];
    if (value === undefined) continue;
    if (!Number.isFinite(value)) return createInvalidRowError(field, 'is not a finite number');
    if (INTEGER_FIELDS.has(field) && !Number.isSafeInteger(value))
      return createInvalidRowError(field, 'is not a whole number');
  }
  return {
    timestamp,
    queueName: job.queueName,
    jobId: job.jobId,
    status: job.status,
    jobType: truncate(job.jobType, MAX_NAME_LENGTH),
    createdAt: toMs(job.createdAt),
    startedAt: toMs(job.startedAt),
    completedAt: toMs(job.completedAt),
    failedAt: toMs(job.failedAt),
    duration: job.duration,
    waitTime: job.waitTime,
    delay: job.delay,
    attempts: job.attempts,
    maxAttempts: job.maxAttempts,
    priority: job.priority,
    errorMessage: redactText(job.errorMessage, MAX_MESSAGE_LENGTH),
    stackTrace: redactText(job.stackTrace, MAX_STACK_LENGTH),
    data: toJson(job.data),
    result: toJson(job.result),
    organizationId: truncate(job.organizationId, MAX_NAME_LENGTH),
    propertyId: truncate(job.propertyId, MAX_NAME_LENGTH),
    test: job.test === true,
  };
}

function toMs(time: TimestampInput | undefined): number | undefined {
  const ms = time === undefined ? Number.NaN : Number(time);
  return Number.isFinite(ms) ? ms : undefined;
}

function truncate(text: string | undefined, maxLength: number): string | undefined {
  return text === undefined || text === null ? undefined : String(text).slice(0, maxLength);
}

function redactText(text: string | undefined, maxLength: number): string | undefined {
  return text === undefined || text === null ? undefined : redact(String(text), maxLength);
}

function toJson(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  try {
    return truncate(JSON.stringify(value), MAX_TEXT_LENGTH);
  } catch {
    return undefined;
  }
}
