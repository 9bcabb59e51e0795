import { QueueJobStatus } from '../../../core/schema/enums.ts';
import type { JobTransition } from '../../../core/schema/tables/queue-metrics-table.ts';
import type { Tenant } from '../context/tenant-context.ts';
import { toErrorMessageAndStack } from './job-error.ts';
import { limitSize, RecordedArrivals } from './job-ready-times.ts';
import type { QueueRecorder } from './queue-recorder.ts';

/** A job or a message, as a queue library describes it. */
export interface QueueJob {
  /** Name of the queue or topic, without values of users. */
  readonly queueName: string;
  /** `<prefix>@<host>:<port>/<database>`, without credentials. */
  readonly queueScope: string;
  readonly jobId: string;
  /** Kind of job. Default: none. */
  readonly jobType?: string | undefined;
  /** When the job was created, in ms since the epoch. Producer and worker must use the same value. */
  readonly createdMs?: number | undefined;
  /** Number of attempts, including the current one. Default: 1. */
  readonly attempts?: number | undefined;
  readonly maxAttempts?: number | undefined;
  readonly priority?: number | undefined;
  /** Configured delay in ms. */
  readonly delay?: number | undefined;
  readonly tenant?: Tenant | undefined;
  /** Input of the job. Stored only if the settings allow it. */
  readonly data?: unknown;
}

/** An attempt in progress. */
export interface JobAttempt {
  readonly job: QueueJob;
  /** When the attempt started, in ms since the epoch. */
  readonly startedAt: number;
  /** Time from `performance.now()`. */
  readonly startMs: number;
  /** Time in the queue in ms, or undefined if unknown. */
  readonly waitTime: number | undefined;
  /** Time from `performance.now()` at which the job's code ended. Undefined while it runs. */
  stoppedMs?: number | undefined;
  /** When the job's code ended, in ms since the epoch. Undefined while it runs. */
  endedAt?: number | undefined;
  ended: boolean;
}

/** The first state of a job. */
export type FirstState = 'waiting' | 'delayed' | 'prioritized';

/** What happens to a job whose attempt failed. */
export type AfterFailure = 'failed' | 'waiting' | 'delayed';

/**
 * Records the arrivals and attempts of jobs of one library. The methods must be called in guarded code.
 *
 * The timestamp of a row is part of its deduplication key. Therefore, two rows of a job never have the same time, even if
 * the job is delivered again within the same ms.
 */
export class JobAttempts {
  readonly #recorder: Pick<QueueRecorder, 'onTransition' | 'includeJobData'>;
  readonly #arrivals = new RecordedArrivals();
  /** Time of the newest row of each job, in ms since the epoch. */
  readonly #newestMs = new Map<string, number>();

  constructor(recorder: Pick<QueueRecorder, 'onTransition' | 'includeJobData'>) {
    this.#recorder = recorder;
  }

  /**
   * Records that a job is ready for its first attempt, or that it waits for its delay. The producer and the worker can both
   * record the arrival. With the same `timestamp`, both rows are stored as one.
   *
   * @param timestamp when the job got this state, in ms since the epoch. Default: `createdMs`, or now.
   */
  recordArrival(job: QueueJob, status: FirstState = 'waiting', timestamp?: number): void {
    const row = this.toArrivalRow(job, status, timestamp);
    if (!this.#arrivals.add(`${toJobKey(job)}\n${status}\n${row.timestamp}`)) return;
    this.#recorder.onTransition(row, undefined);
  }

  /** Returns the row of {@link recordArrival}, for a job that the server can ignore as a duplicate. */
  toArrivalRow(job: QueueJob, status: FirstState, timestamp = job.createdMs ?? Date.now()) {
    return { ...this.#toBase(job), status, timestamp };
  }

  /**
   * Records that an attempt starts.
   *
   * @param readyMs when the job became ready for this attempt, in ms since the epoch. Undefined if unknown.
   */
  start(job: QueueJob, readyMs: number | undefined): JobAttempt {
    const startedAt = Date.now();
    const waitTime = readyMs === undefined ? undefined : Math.max(0, startedAt - readyMs);
    const attempt = { job, startedAt, startMs: performance.now(), waitTime, ended: false };
    const timestamp = this.#toDistinctMs(job, startedAt);
    const { ACTIVE: status } = QueueJobStatus;
    const row = { ...this.#toBase(job), status, timestamp, startedAt, waitTime };
    this.#recorder.onTransition(row, undefined);
    return attempt;
  }

  /**
   * Ends the duration of an attempt whose result is not stored yet. Call {@link complete} or {@link fail} once the
   * server stored the result. The next attempt can start before that.
   */
  stop(attempt: JobAttempt): void {
    attempt.stoppedMs = performance.now();
    attempt.endedAt = this.#toDistinctMs(attempt.job, Date.now());
  }

  /** Records that an attempt succeeded. Does nothing if the attempt has ended. */
  complete(attempt: JobAttempt, result?: unknown): void {
    if (attempt.ended) return;
    const row = this.#toEnd(attempt);
    const { COMPLETED: status } = QueueJobStatus;
    const data = this.#recorder.includeJobData && { result };
    this.#recorder.onTransition({ ...row, status, completedAt: row.timestamp, ...data }, undefined);
  }

  /**
   * Records that an attempt failed. Does nothing if the attempt has ended.
   *
   * @param next `waiting` or `delayed` if the job will be tried again
   */
  fail(attempt: JobAttempt, error: unknown, next: AfterFailure): void {
    if (attempt.ended) return;
    const row = this.#toEnd(attempt);
    const { message: errorMessage, stack: stackTrace } = toErrorMessageAndStack(error);
    const failedAt = next === 'failed' ? row.timestamp : undefined;
    this.#recorder.onTransition(
      { ...row, status: next, failedAt, errorMessage, stackTrace },
      { error },
    );
  }

  #toEnd(attempt: JobAttempt) {
    attempt.ended = true;
    const { job, startedAt, startMs, waitTime, stoppedMs = performance.now() } = attempt;
    return {
      ...this.#toBase(job),
      startedAt,
      waitTime,
      duration: stoppedMs - startMs,
      timestamp: attempt.endedAt ?? this.#toDistinctMs(job, Date.now()),
    };
  }

  #toBase(job: QueueJob): Omit<JobTransition, 'status'> {
    const { queueName, queueScope, jobId, jobType, createdMs, attempts, maxAttempts } = job;
    const { priority, delay, tenant } = job;
    return {
      queueName,
      queueScope,
      jobId,
      jobType,
      createdAt: createdMs,
      attempts,
      maxAttempts,
      priority,
      delay,
      organizationId: tenant?.organizationId,
      propertyId: tenant?.propertyId,
      ...(this.#recorder.includeJobData && { data: job.data }),
    };
  }

  /** Returns a time after the newest row of the job. */
  #toDistinctMs(job: QueueJob, ms: number): number {
    const key = toJobKey(job);
    const newestMs = this.#newestMs.get(key) ?? job.createdMs ?? 0;
    const distinctMs = Math.max(ms, newestMs + 1);
    this.#newestMs.delete(key);
    limitSize(this.#newestMs);
    this.#newestMs.set(key, distinctMs);
    return distinctMs;
  }
}

function toJobKey({ queueName, queueScope, jobId }: QueueJob): string {
  return `${queueScope}\n${queueName}\n${jobId}`;
}
