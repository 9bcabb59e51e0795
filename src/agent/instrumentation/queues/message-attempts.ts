import type { JobTransition } from '../../../core/schema/tables/queue-metrics-table.ts';
import { type AfterFailure, type JobAttempt, JobAttempts, type QueueJob } from './job-attempts.ts';
import type { QueueRecorder } from './queue-recorder.ts';

/** Maximum number of messages per second with rows. Three rows of a message take 20 µs and 1 KB. */
const MAX_LISTED_PER_S = 100;
/** Maximum number of failed attempts per second with rows, in addition. */
const MAX_LISTED_FAILURES_PER_S = 20;

/** An attempt to process a message. */
export interface MessageAttempt extends JobAttempt {
  /** Whether the attempt has rows. */
  readonly isListed: boolean;
}

/** What is known about the message of an attempt. */
export interface AttemptOptions {
  /** When the message became ready for this attempt, in ms since the epoch. Undefined if unknown. */
  readonly readyMs: number | undefined;
  /** Whether this attempt also records the arrival of the message. */
  readonly isArrival: boolean;
}

/**
 * Records the arrivals and attempts of messages. A queue can have thousands of messages per second, so only some of them
 * have rows. The others are counted by state, and their times are in the histograms of the queue.
 */
export class MessageAttempts {
  readonly #recorder: QueueRecorder;
  readonly #attempts: JobAttempts;
  readonly #messages = new SecondLimit(MAX_LISTED_PER_S);
  readonly #failures = new SecondLimit(MAX_LISTED_FAILURES_PER_S);

  constructor(recorder: QueueRecorder) {
    this.#recorder = recorder;
    this.#attempts = new JobAttempts(recorder);
  }

  /** Records that a message has arrived in its queue. */
  recordArrival(job: QueueJob): void {
    if (this.#messages.take()) this.#attempts.recordArrival(job);
    else this.#countUnlisted(job, { status: 'waiting' });
  }

  /** Records that an attempt starts. */
  start(job: QueueJob, { readyMs, isArrival }: AttemptOptions): MessageAttempt {
    if (this.#messages.take()) {
      if (isArrival) this.#attempts.recordArrival(job);
      return { ...this.#attempts.start(job, readyMs), isListed: true };
    }
    if (isArrival) this.#countUnlisted(job, { status: 'waiting' });
    const startedAt = Date.now();
    const waitTime = readyMs === undefined ? undefined : Math.max(0, startedAt - readyMs);
    this.#countUnlisted(job, { status: 'active', startedAt, waitTime });
    return { job, startedAt, startMs: performance.now(), waitTime, ended: false, isListed: false };
  }

  /** Records that an attempt succeeded. Does nothing if the attempt has ended. */
  complete(attempt: MessageAttempt): void {
    if (attempt.ended) return;
    if (attempt.isListed) {
      this.#attempts.complete(attempt);
      return;
    }
    attempt.ended = true;
    const { job, startedAt, startMs } = attempt;
    const duration = performance.now() - startMs;
    this.#countUnlisted(job, { status: 'completed', startedAt, duration, completedAt: Date.now() });
  }

  /**
   * Records that an attempt failed. Does nothing if the attempt has ended.
   *
   * @param next `waiting` if the message is delivered again
   */
  fail(attempt: MessageAttempt, error: unknown, next: AfterFailure): void {
    if (attempt.ended) return;
    if (attempt.isListed || this.#failures.take()) {
      this.#attempts.fail(attempt, error, next);
      return;
    }
    attempt.ended = true;
    const { job, startedAt, startMs } = attempt;
    const duration = performance.now() - startMs;
    const failedAt = next === 'failed' ? Date.now() : undefined;
    this.#countUnlisted(job, { status: next, startedAt, duration, failedAt }, { error });
  }

  /**
   * Records an attempt that has ended.
   *
   * @param durationMs processing time
   * @param failure set if the attempt failed. The message is then delivered again.
   */
  record(
    job: QueueJob,
    { readyMs, isArrival }: AttemptOptions,
    durationMs: number,
    failure?: { error: unknown },
  ): void {
    // The attempt started before now, so the wait was shorter.
    const ready = readyMs === undefined ? undefined : readyMs + durationMs;
    const attempt = this.start(job, { readyMs: ready, isArrival });
    const startMs = attempt.startMs - durationMs;
    const ended = { ...attempt, startMs, startedAt: Math.round(attempt.startedAt - durationMs) };
    if (failure) this.fail(ended, failure.error, 'waiting');
    else this.complete(ended);
  }

  #countUnlisted(
    job: QueueJob,
    state: Pick<JobTransition, 'status'> & Partial<JobTransition>,
    failure?: { error: unknown },
  ): void {
    const { queueName, queueScope, jobType, tenant } = job;
    const { organizationId, propertyId } = tenant ?? {};
    const common = { queueName, queueScope, jobType, organizationId, propertyId };
    this.#recorder.onUnlistedTransition({ ...common, ...state }, failure);
  }
}

/** An older arrival would change an old partition of the table. */
const MAX_ARRIVAL_AGE_MS = 86_400_000;
const MAX_CLOCK_AHEAD_MS = 60_000;

/**
 * Returns when a message arrived, in ms since the epoch, or undefined if the time isn't plausible. Programs set it, and
 * their clocks can be wrong.
 */
export function toArrivalMs(sentMs: number | undefined, nowMs: number): number | undefined {
  if (sentMs === undefined || !Number.isFinite(sentMs)) return undefined;
  const isPlausible = sentMs >= nowMs - MAX_ARRIVAL_AGE_MS && sentMs <= nowMs + MAX_CLOCK_AHEAD_MS;
  return isPlausible ? Math.min(sentMs, nowMs) : undefined;
}

/** Limits the number of events per second. */
class SecondLimit {
  readonly #max: number;
  #startMs = Number.NEGATIVE_INFINITY;
  #count = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** Returns whether one more event is within the limit, and counts it. */
  take(): boolean {
    const nowMs = performance.now();
    if (nowMs - this.#startMs >= 1000) {
      this.#startMs = nowMs;
      this.#count = 0;
    }
    this.#count += 1;
    return this.#count <= this.#max;
  }
}
