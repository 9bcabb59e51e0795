import type { PerfscopeError } from '../../core/perfscope-error.ts';
import { redact, redactStack } from '../../core/redact.ts';
import { QueueJobStatus } from '../../core/schema/enums.ts';
import { createIdGenerator } from '../../core/schema/row-ids.ts';
import { MAX_NAME_LENGTH, MAX_TEXT_LENGTH } from '../../core/schema/table-definition.ts';
import type {
  JobTransition,
  QueueMetricRow,
  TimestampInput,
} from '../../core/schema/tables/queue-metrics-table.ts';
import {
  createInvalidRowError,
  stringifyJson,
  UNREADABLE_REASON,
  validateTimestamp,
} from './measurement.ts';

const MAX_MESSAGE_LENGTH = 2000;
const MAX_STACK_LENGTH = 4096;

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

/**
 * Copies a transition of the application. Reads each property once, because a property can have a
 * getter. `null` has the same meaning as `undefined`.
 *
 * @returns the copy, or the reason why the transition can't be stored. Never throws.
 */
export function readJobTransition(transition: unknown): JobTransition | PerfscopeError {
  if (typeof transition !== 'object' || transition === null)
    return createInvalidRowError('the transition', 'is not an object');
  try {
    const job = transition as JobTransition;
    return {
      queueName: job.queueName,
      queueScope: toText(job.queueScope, MAX_NAME_LENGTH),
      jobId: job.jobId,
      jobType: toText(job.jobType, MAX_NAME_LENGTH),
      status: job.status,
      timestamp: toMs(job.timestamp),
      createdAt: toMs(job.createdAt),
      startedAt: toMs(job.startedAt),
      completedAt: toMs(job.completedAt),
      failedAt: toMs(job.failedAt),
      duration: job.duration ?? undefined,
      waitTime: job.waitTime ?? undefined,
      attempts: job.attempts ?? undefined,
      maxAttempts: job.maxAttempts ?? undefined,
      priority: job.priority ?? undefined,
      delay: job.delay ?? undefined,
      errorMessage: toText(job.errorMessage),
      stackTrace: toText(job.stackTrace),
      data: job.data ?? undefined,
      result: job.result ?? undefined,
      organizationId: toText(job.organizationId, MAX_NAME_LENGTH),
      propertyId: toText(job.propertyId, MAX_NAME_LENGTH),
      test: job.test === true,
    };
  } catch {
    return createInvalidRowError('the transition', UNREADABLE_REASON);
  }
}

const nextJobId = createIdGenerator();

/** Adds the default values of a transition that the application records. Never throws. */
export function addJobDefaults(job: JobTransition, nowMs: number): JobTransition {
  const { jobId, timestamp = nowMs, startedAt, completedAt, failedAt } = job;
  const times = [timestamp, startedAt, completedAt, failedAt].map(Number).filter(Number.isFinite);
  return {
    ...job,
    jobId: jobId ?? nextJobId(),
    createdAt: job.createdAt ?? Math.min(...times),
    attempts: job.attempts ?? 1,
    maxAttempts: job.maxAttempts ?? 3,
    priority: job.priority ?? 0,
  };
}

/** @returns the row without its service resource, or the reason why it can't be stored */
export function toJobTransitionRow(
  transition: unknown,
  nowMs: number,
): QueueMetricRow | PerfscopeError {
  const job = readJobTransition(transition);
  if (job instanceof Error) return job;
  for (const field of ['queueName', 'jobId'] as const) {
    const text = job[field];
    if (typeof text !== 'string' || text === '') return createInvalidRowError(field, 'is missing');
    if (text.length > MAX_NAME_LENGTH)
      return createInvalidRowError(field, `is longer than ${MAX_NAME_LENGTH} characters`);
  }
  if (!JOB_STATUSES.has(job.status))
    return createInvalidRowError('status', 'is not a QueueJobStatus');
  const timestamp = Number(job.timestamp ?? nowMs);
  const timestampProblem = validateTimestamp(timestamp, nowMs);
  if (timestampProblem) return createInvalidRowError('timestamp', timestampProblem);
  for (const field of NUMBER_FIELDS) {
    const value = job[field];
    if (value === undefined) continue;
    if (!Number.isFinite(value)) return createInvalidRowError(field, 'is not a finite number');
    if (INTEGER_FIELDS.has(field) && !Number.isSafeInteger(value))
      return createInvalidRowError(field, 'is not a whole number');
  }
  const toFiniteMs = (time: TimestampInput | undefined) =>
    Number.isFinite(time) ? Number(time) : undefined;
  return {
    ...job,
    timestamp,
    createdAt: toFiniteMs(job.createdAt),
    startedAt: toFiniteMs(job.startedAt),
    completedAt: toFiniteMs(job.completedAt),
    failedAt: toFiniteMs(job.failedAt),
    errorMessage: job.errorMessage && redact(job.errorMessage, MAX_MESSAGE_LENGTH),
    stackTrace: job.stackTrace && redactStack(job.stackTrace, MAX_STACK_LENGTH),
    data: toJson(job.data),
    result: toJson(job.result),
    test: job.test ?? false,
  };
}

/** Converts a Date to a number. An invalid date becomes NaN. */
function toMs(time: TimestampInput | null | undefined): number | undefined {
  return time === undefined || time === null ? undefined : Number(time);
}

function toText(text: unknown, maxLength = MAX_TEXT_LENGTH): string | undefined {
  return text === undefined || text === null ? undefined : String(text).slice(0, maxLength);
}

function toJson(value: unknown): string | undefined {
  return value === undefined ? undefined : stringifyJson(value)?.slice(0, MAX_TEXT_LENGTH);
}
