import { guard } from '../../../../core/guard.ts';
import { QueueJobStatus } from '../../../../core/schema/enums.ts';
import type { Library, LibraryHooks } from '../../loading/library.ts';
import { type Method, observeMethod } from '../../loading/method-patching.ts';
import { createBullDepth, type DepthQueue } from '../bullmq/bullmq-depth.ts';
import { STATES_NOT_IN_BULL } from '../bullmq/bullmq-depth-script.ts';
import { canBeIgnored, UnconfirmedJobs } from '../bullmq/unconfirmed-jobs.ts';
import { type FirstState, type JobAttempt, JobAttempts, type QueueJob } from '../job-attempts.ts';
import { type JobContext, runJobCode } from '../job-code.ts';
import { isFirstStart, JobReadyTimes, limitSize } from '../job-ready-times.ts';
import { recordQueueOperations } from '../queue-operations.ts';
import type { QueueRecorder } from '../queue-recorder.ts';
import type { RedisQueueClient } from '../redis-queue-reader.ts';
import { getQueueScope, setQueueScope, toQueueKey } from '../redis-queue-scope.ts';
import { markCreatedClients, markSharedBullKeys } from './bull-connections.ts';
import { patchBullSandbox } from './bull-sandbox.ts';
import { getBullTenant, propagateBullTenant, propagateRepeatTenant } from './bull-tenant.ts';

/** What fails, for {@link guard}. */
const PART = 'the Bull instrumentation';

/** Name of jobs that are added without a name. */
const DEFAULT_JOB_NAME = '__default__';
/** Message of the error of a job that stalled too often. */
const STALLED_TOO_OFTEN = 'job stalled more than allowable limit';

interface BullQueue extends DepthQueue {
  keyPrefix: string;
  /** Created by the first access. */
  client: RedisQueueClient;
  clientInitialized?: boolean;
  handlers: Record<string, Method>;
}

/** Properties of a job. Times are ms since the epoch. */
interface BullJob {
  id: unknown;
  name: string;
  queue: BullQueue;
  data?: unknown;
  opts: {
    jobId?: string;
    debounce?: unknown;
    attempts?: number;
    delay?: number;
    priority?: number;
    repeat?: unknown;
    [key: string]: unknown;
  };
  timestamp: number;
  processedOn?: number;
  finishedOn?: number | null;
  attemptsMade: number;
  stacktrace?: unknown[] | null;
  returnvalue?: unknown;
}

/**
 * Records the state changes of jobs in the process that adds a job, and in the worker that processes it. It adds no
 * listeners to queues. The worker starts a job in `nextJobFromJobData`, also for jobs that the application fetches.
 */
export const BULL: Library = {
  name: 'bull',
  category: 'queue',
  versions: { from: '4.8.0', to: 4 },
  measured:
    'Each state change of each job, and wait and processing times. For each queue, its depth, the age of its oldest waiting job, and its workers.',
  limits:
    'Redis does not store when a retried or promoted job became ready. Its wait time is known only in the process that moved it, and its age counts from the first poll.',
  bundledMessages: [
    'Missing process handler for job type ',
    'Using a redis instance with enableReadyCheck or maxRetriesPerRequest for bclient/subscriber',
  ],
  instrument: ({ queues }) => instrumentBull(queues),
};

function instrumentBull(recorder: QueueRecorder): LibraryHooks {
  const { onTransition, gauges, includeJobData } = recorder;
  const attempts = new JobAttempts(recorder);
  const readyTimes = new JobReadyTimes();
  const unconfirmedJobs = new UnconfirmedJobs();
  const running = new WeakMap<BullJob, JobAttempt>();
  /** Jobs that stalled before. Bull doesn't set a property for them. */
  const stalledJobs = new WeakSet<BullJob>();
  /** Jobs that are moved to the delayed jobs after a failed attempt, by key. The value is the end of their delay. */
  const delayedUntilMs = new Map<string, number>();
  const depth = createBullDepth<BullQueue>({
    system: 'bull',
    missingStates: STATES_NOT_IN_BULL,
    getClient: (queue) => (queue.clientInitialized ? queue.client : undefined),
    unconfirmedJobs,
    onAccepted: (row) => onTransition(row, undefined),
  });

  const scopedQueues = new WeakSet<BullQueue>();
  /** Called once a queue uses its client. */
  const onQueue = (queue: BullQueue) => {
    if (scopedQueues.has(queue) || !queue.clientInitialized) return;
    scopedQueues.add(queue);
    setQueueScope(queue, queue.keyPrefix, queue.client);
    markSharedBullKeys(queue);
    gauges.add(depth, toQueueKey(queue), queue.name, queue);
  };

  const toQueueJob = (job: BullJob): QueueJob => {
    const { queue, opts, name } = job;
    onQueue(queue);
    return {
      queueName: queue.name,
      queueScope: getQueueScope(queue),
      jobId: String(job.id ?? ''),
      jobType: name === DEFAULT_JOB_NAME ? undefined : name,
      createdMs: job.timestamp,
      attempts: job.attemptsMade + 1,
      maxAttempts: opts.attempts,
      priority: opts.priority,
      delay: opts.delay,
      tenant: getBullTenant(job),
      ...(includeJobData && { data: job.data }),
    };
  };

  /** Guarded for each job, so that one job doesn't affect the others. */
  const recordAdded = guard(PART, (job: BullJob) => {
    const queueJob = { ...toQueueJob(job), attempts: job.attemptsMade };
    const isDelayed = (job.opts.delay ?? 0) > 0;
    const state = isDelayed ? 'delayed' : getReadyState(job);
    if (canBeIgnored(job)) {
      unconfirmedJobs.add(toQueueKey(job.queue), attempts.toArrivalRow(queueJob, state));
    } else attempts.recordArrival(queueJob, state);
  });

  const startAttempt = (job: BullJob): JobAttempt => {
    const queueJob = toQueueJob(job);
    const startedMs = job.processedOn ?? Date.now();
    const active = stalledJobs.has(job) ? { ...job, stalledCounter: 1 } : job;
    const readyMs = readyTimes.take(toJobKey(job.queue, job.id), active, startedMs);
    if (isFirstStart(active)) {
      const isDelayed = (job.opts.delay ?? 0) > 0;
      const arrivalMs = isDelayed ? (readyMs ?? startedMs) : job.timestamp;
      attempts.recordArrival({ ...queueJob, attempts: 0 }, getReadyState(job), arrivalMs);
    }
    const attempt = attempts.start(queueJob, readyMs);
    running.set(job, attempt);
    return attempt;
  };

  const recordStarted = guard(PART, (job: BullJob | null | undefined) => {
    if (job) startAttempt(job);
  });

  /** Returns the running attempt of a job. The application can end a job that it read again by its ID. */
  const getAttempt = (job: BullJob): JobAttempt => {
    const attempt = running.get(job);
    if (attempt && !attempt.ended) return attempt;
    const { processedOn: startedAt = Date.now() } = job;
    const startMs = performance.now() - (Date.now() - startedAt);
    const resumed = { job: toQueueJob(job), startedAt, startMs, waitTime: undefined, ended: false };
    running.set(job, resumed);
    return resumed;
  };

  const recordFailed = (job: BullJob, error: unknown) => {
    const key = toJobKey(job.queue, job.id);
    const delayedMs = delayedUntilMs.get(key);
    delayedUntilMs.delete(key);
    const isFinal = typeof job.finishedOn === 'number';
    if (isFinal) readyTimes.delete(key);
    else readyTimes.set(key, delayedMs ?? Date.now(), undefined);
    const next = delayedMs === undefined ? 'waiting' : 'delayed';
    attempts.fail(getAttempt(job), error, isFinal ? 'failed' : next);
  };

  const onEvent = (queue: BullQueue, [event, arg, error]: readonly unknown[]) => {
    const job = arg as BullJob | null | undefined;
    // A message about another worker has only the ID of the job.
    if (typeof job !== 'object' || job === null) return;
    if (event === 'stalled') {
      readyTimes.set(toJobKey(queue, job.id), Date.now(), undefined);
      const { queueName, queueScope, jobId, jobType } = toQueueJob(job);
      const { STALLED: status } = QueueJobStatus;
      onTransition({ queueName, queueScope, jobId, jobType, status }, undefined);
    } else if (event === 'failed' && (error as Error | undefined)?.message === STALLED_TOO_OFTEN) {
      recordFailed(job, error);
    }
  };

  const patchJob = (exports: unknown) => {
    const Job = exports as { prototype: object };
    observeMethod(PART, Job, 'create', { after: (_, job: BullJob) => recordAdded(job) });
    observeMethod(PART, Job, 'createBulk', {
      after: (_, jobs: BullJob[]) => {
        for (const job of jobs) recordAdded(job);
      },
    });
    observeMethod(PART, Job, 'fromJSON', {
      after: (_, job: BullJob, [, json]) => {
        const { stalledCounter } = json as { stalledCounter?: unknown };
        if (Number(stalledCounter ?? 0) > 0) stalledJobs.add(job);
      },
    });
    const { prototype } = Job;
    observeMethod<BullJob>(PART, prototype, 'moveToCompleted', {
      before: (job) => attempts.stop(getAttempt(job)),
      after: (job) => {
        readyTimes.delete(toJobKey(job.queue, job.id));
        attempts.complete(getAttempt(job), job.returnvalue);
      },
    });
    observeMethod<BullJob>(PART, prototype, 'moveToFailed', {
      before: (job) => attempts.stop(getAttempt(job)),
      after: (job, _, [error]) => recordFailed(job, error),
    });
    for (const name of ['promote', 'retry']) {
      observeMethod<BullJob>(PART, prototype, name, {
        before: (job) => readyTimes.set(toJobKey(job.queue, job.id), Date.now(), undefined),
      });
    }
    observeMethod<BullJob>(PART, prototype, 'moveToDelayed', {
      before: (job, [timestamp]) =>
        readyTimes.set(toJobKey(job.queue, job.id), Number(timestamp), undefined),
      after: (job) => {
        delayedUntilMs.delete(toJobKey(job.queue, job.id));
        const row = attempts.toArrivalRow(toQueueJob(job), 'delayed', Date.now());
        onTransition(row, undefined);
      },
    });
    propagateBullTenant(Job);
  };

  const patchScripts = (exports: unknown) => {
    // A failed job is delayed if its arguments for the delay are created.
    observeMethod(PART, exports as object, 'moveToDelayedArgs', {
      before: (_, [queue, id, timestamp]) => {
        limitSize(delayedUntilMs);
        delayedUntilMs.set(toJobKey(queue as BullQueue, id), Number(timestamp));
      },
    });
  };

  const patchQueue = (exports: unknown) => {
    const { prototype } = exports as { prototype: object };
    markCreatedClients(prototype);
    propagateRepeatTenant(prototype);
    recordQueueOperations<BullQueue>(prototype, ['add', 'addBulk'], ({ name }) => name);
    observeMethod<BullQueue>(PART, prototype, 'isReady', { before: onQueue });
    observeMethod<BullQueue>(PART, prototype, 'emit', { before: onEvent });
    observeMethod(PART, prototype, 'nextJobFromJobData', {
      after: (_, job: BullJob | null) => recordStarted(job),
    });
    observeMethod<BullQueue>(PART, prototype, 'setHandler', {
      after: ({ handlers }, _, [name]) => {
        const handler = handlers[name as string];
        if (!handler) return;
        handlers[name as string] = function (this: unknown, ...args: unknown[]) {
          return runJobCode(
            () => toJobContext(args[0] as BullJob),
            () => handler.apply(this, args) as unknown,
          );
        };
      },
    });
  };

  return {
    patches: {
      'lib/job.js': patchJob,
      'lib/scripts.js': patchScripts,
      'lib/queue.js': patchQueue,
      ...patchBullSandbox(),
    },
  };
}

function getReadyState({ opts }: BullJob): FirstState {
  return (opts.priority ?? 0) > 0 ? 'prioritized' : 'waiting';
}

function toJobKey(queue: BullQueue, jobId: unknown): string {
  return `${toQueueKey(queue)}\n${jobId}`;
}

function toJobContext(job: BullJob): JobContext {
  const { name, queue } = job;
  const jobType = name === DEFAULT_JOB_NAME ? undefined : name;
  return { queueName: queue.name, jobType, tenant: getBullTenant(job) };
}
