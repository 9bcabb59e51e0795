import type { Tenant } from '../../context/tenant-context.ts';
import type { AfterFailure, QueueJob } from '../job-attempts.ts';
import { createStoredTenant, readStoredTenant, TENANT_PROPERTY } from '../stored-tenant.ts';

/** A job that pg-boss fetched, with its metadata. */
export interface PgBossJob {
  readonly id: string;
  data?: unknown;
  readonly expireInSeconds?: number | string;
  readonly priority?: number | string;
  readonly retryLimit?: number | string;
  readonly retryCount?: number | string;
  readonly retryDelay?: number | string;
  readonly retryBackoff?: boolean;
  readonly createdOn?: unknown;
  readonly startAfter?: unknown;
  readonly startedOn?: unknown;
}

/** Queues that pg-boss uses itself. */
const INTERNAL_PREFIX = '__pgboss__';
/** The first column that a job contains only with `includeMetadata`. */
const FIRST_METADATA = 'policy';

/** Whether pg-boss uses the queue itself, such as for schedules. */
export function isInternalQueue(name: string): boolean {
  return name.startsWith(INTERNAL_PREFIX);
}

/** Removes the columns that a job contains only with `includeMetadata`. pg-boss selects them last. */
export function removeMetadata(job: PgBossJob): void {
  let isMetadata = false;
  for (const key of Object.keys(job)) {
    isMetadata ||= key === FIRST_METADATA;
    // Newer versions add the signal after they fetched the job.
    if (isMetadata && key !== 'signal') delete (job as unknown as Record<string, unknown>)[key];
  }
}

/** Returns a time of the database in ms since the epoch. The application can change how pg parses times. */
export function toMs(time: unknown): number | undefined {
  const ms = time instanceof Date ? time.getTime() : Date.parse(String(time));
  return Number.isNaN(ms) ? undefined : ms;
}

/** Describes the current attempt of a job with its metadata. */
export function toQueueJob(
  job: PgBossJob,
  queueName: string,
  queueScope: string,
  tenant: Tenant | undefined,
): QueueJob {
  const createdMs = toMs(job.createdOn);
  const readyMs = getReadyMs(job);
  const isDelayed = createdMs !== undefined && readyMs !== undefined && readyMs > createdMs;
  // A retry replaces the time of the first attempt.
  const delay = isDelayed && toNumber(job.retryCount) === 0 ? readyMs - createdMs : undefined;
  return {
    queueName,
    queueScope,
    jobId: job.id,
    createdMs,
    attempts: (toNumber(job.retryCount) ?? 0) + 1,
    maxAttempts: (toNumber(job.retryLimit) ?? 0) + 1,
    priority: toNumber(job.priority),
    delay,
    tenant,
    data: job.data,
  };
}

/** Returns when a job was due, in ms since the epoch of the database server. */
export function getReadyMs({ createdOn, startAfter }: PgBossJob): number | undefined {
  const createdMs = toMs(createdOn);
  const dueMs = toMs(startAfter);
  if (createdMs === undefined || dueMs === undefined) return createdMs;
  return Math.max(createdMs, dueMs);
}

/** Returns how long a job waited before its attempt, in ms. All times come from the database server. */
export function getWaitMs(job: PgBossJob): number | undefined {
  const startedMs = toMs(job.startedOn);
  const readyMs = getReadyMs(job);
  if (startedMs === undefined || readyMs === undefined) return undefined;
  return Math.max(0, startedMs - readyMs);
}

/** Returns the state of a job whose attempt failed. */
export function getStateAfterFailure(job: PgBossJob): AfterFailure {
  const { retryCount, retryLimit, retryDelay, retryBackoff } = job;
  if ((toNumber(retryCount) ?? 0) >= (toNumber(retryLimit) ?? 0)) return 'failed';
  return retryBackoff === true || (toNumber(retryDelay) ?? 0) > 0 ? 'delayed' : 'waiting';
}

/** Returns the maximum duration of an attempt in ms. */
export function getExpirationMs({ expireInSeconds }: PgBossJob): number {
  return (toNumber(expireInSeconds) ?? Number.POSITIVE_INFINITY) * 1000;
}

/**
 * Returns the data of a new job with the current tenant.
 *
 * @returns undefined if there is no tenant, or if the data is not a plain object
 */
export function addTenant(data: unknown): object | undefined {
  if (!isPlainObject(data)) return undefined;
  const tenant = createStoredTenant();
  return tenant && { ...data, [TENANT_PROPERTY]: tenant };
}

/** Removes the tenant from the data of a job, and returns it. */
export function takeTenant(job: PgBossJob): Tenant | undefined {
  const { data } = job;
  if (!isPlainObject(data) || !(TENANT_PROPERTY in data)) return undefined;
  const tenant = readStoredTenant(data[TENANT_PROPERTY]);
  // The application can use a property with this name.
  if (tenant) delete data[TENANT_PROPERTY];
  return tenant;
}

/** Returns the error that a failed job stores. The application can pass any value. */
export function toJobError(data: unknown): unknown {
  if (data instanceof Error || typeof data === 'string') return data;
  const message = (data as { message?: unknown } | null | undefined)?.message;
  return typeof message === 'string' ? message : 'The job failed.';
}

/** CockroachDB returns integers as text. */
function toNumber(value: unknown): number | undefined {
  if (value === null || value === undefined) return undefined;
  const number = Number(value);
  return Number.isNaN(number) ? undefined : number;
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value) as unknown;
  return prototype === Object.prototype || prototype === null;
}
