import { guard } from '../../../../core/guard.ts';
import { QueueJobStatus } from '../../../../core/schema/enums.ts';
import type { Library, LibraryHooks } from '../../loading/library.ts';
import { type MethodObserver, observeMethod, wrapMethod } from '../../loading/method-patching.ts';
import { type JobContext, runJobCode } from '../job-code.ts';
import { isFirstStart, JobReadyTimes, RecordedArrivals } from '../job-ready-times.ts';
import { recordQueueOperations } from '../queue-operations.ts';
import type { QueueRecorder } from '../queue-recorder.ts';
import { getQueueScope, replaceScopePrefix, toQueueKey } from '../redis-queue-scope.ts';
import { markQueueConnections, markSharedKeys } from './bullmq-connections.ts';
import { type BullmqQueue, canRunCommands, createBullDepth } from './bullmq-depth.ts';
import { patchBullmqFlows } from './bullmq-flows.ts';
import {
  type BullmqJob,
  computeWaitTime,
  getInitialStatus,
  getReadyStatus,
  getStartMs,
  type JobParent,
  toAttemptTransition,
  toBaseTransition,
  toDistinctTimestamp,
} from './bullmq-job-transition.ts';
import { patchBullmqSandbox } from './bullmq-sandbox.ts';
import { getScheduledDelayMs, patchBullmqSchedulers } from './bullmq-schedulers.ts';
import { getJobTenant, propagateTenant } from './bullmq-tenant.ts';
import { canBeIgnored, markSchedulerRow, UnconfirmedJobs } from './unconfirmed-jobs.ts';

/** What fails, for {@link guard}. */
const PART = 'the BullMQ instrumentation';

interface BullmqWorker {
  name: string;
}

interface RetryOptions {
  resetAttemptsStarted?: boolean;
}

/** Result of a method that moves a job and starts the next one: the data and ID of the next job. */
type NextJob = readonly [data: object, id: string, ...rest: unknown[]];

/**
 * Records the state transitions of jobs in the process that adds a job, and in the
 * worker that processes it. It adds no listeners to the objects of the application.
 *
 * A job arrives when it becomes ready for its first attempt. The process that adds a job records its
 * arrival, unless the job must wait first or Redis can ignore it as a duplicate. The worker records the
 * arrival of every job that it starts, with the same timestamp, so both rows are stored as one.
 */
export const BULLMQ: Library = {
  name: 'bullmq',
  category: 'queue',
  versions: { from: '5.0.0', to: 6 },
  measured:
    'Each state change of each job, and wait and processing times. For each queue, its depth, the age of its oldest waiting job, and its workers.',
  limits:
    'In older versions, Redis itself fails the parent of a failed child. No worker starts this parent, so its failure is not recorded. The same applies to jobs that are removed.',
  bundledMessages: [
    'BullMQ: Your redis options maxRetriesPerRequest must be null',
    'Missing lock for job',
  ],
  instrument: ({ queues }) => instrumentBullmq(queues),
};

function instrumentBullmq(recorder: QueueRecorder): LibraryHooks {
  const { onTransition, gauges, includeJobData } = recorder;
  const unconfirmedJobs = new UnconfirmedJobs();
  const depth = createBullDepth<BullmqQueue>({
    system: 'bullmq',
    getClient: ({ backend, client }) => backend?.client ?? client,
    unconfirmedJobs,
    onAccepted: (row) => onTransition(row, undefined),
  });
  const onQueue = (queue: object) => {
    if (canRunCommands(queue)) gauges.add(depth, toQueueKey(queue), queue.name, queue);
  };
  const readyTimes = new JobReadyTimes();
  const recordedArrivals = new RecordedArrivals();
  const waitTimesMs = new WeakMap<BullmqJob, number>();
  const startedJobs = new WeakSet<BullmqJob>();
  /** Whether jobs have the method. The file of jobs is loaded before the file of workers. */
  let hasMoveToWait = false;
  /** Jobs whose end is reported by an event of their worker. */
  const workerJobs = new WeakSet<BullmqJob>();

  const toBase = (job: BullmqJob) =>
    toBaseTransition(job, getQueueScope(job.queue), getJobTenant(job), includeJobData);

  const setReady = (job: BullmqJob, readyMs: number, startsBefore = job.attemptsStarted) => {
    const attempt = startsBefore === undefined ? undefined : startsBefore + 1;
    readyTimes.set(toJobKey(job.queue, job.id), readyMs, attempt);
  };

  const recordArrival = (job: BullmqJob, timestamp: number) => {
    if (!recordedArrivals.add(`${toJobKey(job.queue, job.id)}\n${timestamp}`)) return;
    onTransition({ ...toBase(job), status: getReadyStatus(job), timestamp }, undefined);
  };

  /** Guarded for each job, so that one job doesn't affect the others. */
  const recordAdded = guard(PART, (job: BullmqJob, hasChildren: boolean) => {
    const status = getInitialStatus(job, hasChildren);
    const row = { ...toBase(job), status, timestamp: job.timestamp };
    if (canBeIgnored(job)) unconfirmedJobs.add(toQueueKey(job.queue), row);
    else if (status === getReadyStatus(job)) recordArrival(job, job.timestamp);
    else onTransition(row, undefined);
  });

  /** A parent is ready when its last child ends, possibly in another process. */
  const onParent = (job: BullmqJob) => {
    readyTimes.set(toJobKey(job.queue, job.id), undefined, undefined);
  };

  const recordScheduled = guard(PART, (job: BullmqJob) => {
    const delay = getScheduledDelayMs(job);
    const status = delay > 0 ? QueueJobStatus.DELAYED : getReadyStatus(job);
    const row = { ...toBase(job), delay, status, timestamp: job.timestamp };
    markSchedulerRow(row);
    unconfirmedJobs.add(toQueueKey(job.queue), row);
  });

  const recordMoved = (job: BullmqJob, status: QueueJobStatus) => {
    onTransition({ ...toBase(job), status }, undefined);
  };

  /** Has a duration, because a worker processed the job. Therefore, it is not an arrival. */
  const recordMovedToWait = (job: BullmqJob) => {
    const timestamp = Date.now();
    const startedAt = getStartMs(job) ?? timestamp;
    const duration = Math.max(0, timestamp - startedAt);
    const status = getReadyStatus(job);
    onTransition({ ...toBase(job), status, timestamp, startedAt, duration }, undefined);
  };

  const recordStarted = (job: BullmqJob) => {
    startedJobs.add(job);
    const startedAt = getStartMs(job) ?? Date.now();
    const readyMs = readyTimes.take(toJobKey(job.queue, job.id), job, startedAt);
    if (isFirstStart(job)) recordArrival(job, getArrivalMs(job, readyMs ?? startedAt));
    const waitTime = computeWaitTime(startedAt, readyMs);
    if (waitTime !== undefined) waitTimesMs.set(job, waitTime);
    const status = QueueJobStatus.ACTIVE;
    const timestamp = toDistinctTimestamp(job, startedAt);
    onTransition({ ...toBase(job), status, startedAt, timestamp, waitTime }, undefined);
  };

  const recordEnded = (job: BullmqJob, failure: { error: unknown } | undefined) => {
    const nowMs = Date.now();
    const attempt = toAttemptTransition(job, failure, waitTimesMs.get(job), nowMs);
    if (job.finishedOn !== undefined) readyTimes.delete(toJobKey(job.queue, job.id));
    else if ((job.delay ?? 0) > 0) setReady(job, nowMs + (job.delay ?? 0));
    if (job.finishedOn !== undefined && job.parent) {
      readyTimes.set(toParentKey(job.queue, job.parent), nowMs, undefined);
    }
    onTransition(
      { ...toBase(job), ...attempt, ...(includeJobData && { result: job.returnvalue }) },
      failure,
    );
  };

  /** Records the end of a job that the application moves itself, and the start of the next job. */
  const recordMovedByHand = (
    job: BullmqJob,
    next: NextJob | undefined,
    failure: { error: unknown } | undefined,
  ) => {
    if (workerJobs.has(job)) return;
    recordEnded(job, failure);
    const Job = job.constructor as { fromJSON?: (...args: unknown[]) => BullmqJob };
    if (Array.isArray(next) && typeof next[0] === 'object' && next[0] && next[1] && Job.fromJSON)
      recordStarted(Job.fromJSON(job.queue, next[0], next[1]));
  };

  const onWorkerEvent = (worker: BullmqWorker, [event, arg, failure]: readonly unknown[]) => {
    const job = arg as BullmqJob | undefined;
    // Newer versions don't call `waitUntilReady` for a worker.
    if (event === 'ready') onQueue(worker);
    else if (event === 'stalled') {
      const status = QueueJobStatus.STALLED;
      readyTimes.set(toJobKey(worker, arg), Date.now(), undefined);
      const queueScope = getQueueScope(worker);
      onTransition({ queueName: worker.name, queueScope, jobId: String(arg), status }, undefined);
    } else if (!job) return;
    else if (event === 'active') recordStarted(job);
    else if (event === 'completed') recordEnded(job, undefined);
    else if (event === 'failed') recordEnded(job, { error: failure });
  };

  const patchJob = (exports: unknown) => {
    const { Job } = exports as { Job: { prototype: object } };
    observeMethod(PART, Job, 'create', {
      after: (_, job: BullmqJob) => recordAdded(job, false),
    });
    observeMethod(PART, Job, 'createBulk', {
      after: (_, jobs: BullmqJob[]) => {
        for (const job of jobs) recordAdded(job, false);
      },
    });
    patchMoves(Job.prototype);
    propagateTenant(Job);
  };

  /**
   * Ready times are set before the call, because another worker can start the next attempt before the
   * call returns.
   */
  const patchMoves = (prototype: object) => {
    hasMoveToWait = 'moveToWait' in prototype;
    const observe = (name: string, observer: MethodObserver<BullmqJob>) => {
      // Old versions don't have all of these methods.
      if (name in prototype) observeMethod(PART, prototype, name, observer);
    };
    observe('moveToDelayed', {
      before: (job, [timestamp]) => setReady(job, Number(timestamp)),
      after: (job, result) => {
        if (result !== false) recordMoved(job, QueueJobStatus.DELAYED);
      },
    });
    observe('moveToWaitingChildren', {
      after: (job, result) => {
        if (result !== false) recordMoved(job, QueueJobStatus.WAITING_CHILDREN);
      },
    });
    observe('moveToWait', {
      before: (job) => setReady(job, Date.now()),
      after: recordMovedToWait,
    });
    observe('moveToCompleted', {
      after: (job, next) => recordMovedByHand(job, next, undefined),
    });
    observe('moveToFailed', {
      before: (job) => setReady(job, Date.now()),
      after: (job, next, [error]) => recordMovedByHand(job, next, { error }),
    });
    observe('promote', { before: (job) => setReady(job, Date.now()) });
    observe('changeDelay', {
      before: (job, [delay]) => setReady(job, Date.now() + Number(delay)),
    });
    observe('retry', {
      before: (job, [, retryOptions]) => {
        const { resetAttemptsStarted } = (retryOptions ?? {}) as RetryOptions;
        setReady(job, Date.now(), resetAttemptsStarted ? 0 : job.attemptsStarted);
      },
    });
  };

  const patchWorker = (exports: unknown) => {
    const { prototype } = (exports as { Worker: { prototype: object } }).Worker;
    observeMethod<BullmqWorker>(PART, prototype, 'emit', { before: onWorkerEvent });
    observeMethod<object>(PART, prototype, 'run', { before: onQueue });
    // Until these methods run, the application moves the job itself. Old versions don't have both methods.
    const handlers = ['handleCompleted', 'handleFailed'].filter((name) => name in prototype);
    for (const name of handlers) {
      observeMethod(PART, prototype, name, {
        before: (_, [, job]) => workerJobs.add(job as BullmqJob),
      });
    }
    if (handlers.length < 2) {
      observeMethod(PART, prototype, 'processJob', {
        before: (_, [job]) => workerJobs.add(job as BullmqJob),
      });
    }
    // Old versions have no `moveToWait`, and move a rate-limited job with this method.
    if (!hasMoveToWait && 'moveLimitedBackToWait' in prototype) {
      observeMethod(PART, prototype, 'moveLimitedBackToWait', {
        before: (_, [job]) => setReady(job as BullmqJob, Date.now()),
        after: (_, _result, [job]) => recordMovedToWait(job as BullmqJob),
      });
    }
    observeMethod(PART, prototype, 'getNextJob', {
      after: (_, job: BullmqJob | undefined) => {
        // Old versions don't report the start of a job that the application fetches.
        if (job && !startedJobs.has(job)) recordStarted(job);
      },
    });
    wrapMethod(prototype, 'callProcessJob', (original) => {
      return function callProcessJob(this: unknown, ...args: unknown[]) {
        return runJobCode(
          () => toJobContext(args[0] as BullmqJob),
          () => original.apply(this, args) as unknown,
        );
      };
    });
  };

  const patchBase = (exports: unknown) => {
    const { prototype } = (exports as { QueueBase: { prototype: object } }).QueueBase;
    observeMethod<object>(PART, prototype, 'waitUntilReady', {
      before: (queue) => {
        markSharedKeys(queue);
        onQueue(queue);
      },
    });
  };

  const patchQueue = (exports: unknown) => {
    const { prototype } = (exports as { Queue: { prototype: object } }).Queue;
    recordQueueOperations<{ name: string }>(
      prototype,
      ['add', 'addBulk', 'upsertJobScheduler'],
      ({ name }) => name,
    );
  };

  const patchConnection = (exports: unknown) => {
    markQueueConnections(
      (exports as { RedisConnection: { prototype: object } }).RedisConnection.prototype,
    );
  };

  const folder = 'dist/cjs/classes';
  return {
    patches: {
      [`${folder}/job.js`]: patchJob,
      [`${folder}/worker.js`]: patchWorker,
      [`${folder}/queue-base.js`]: patchBase,
      [`${folder}/queue.js`]: patchQueue,
      [`${folder}/redis-connection.js`]: patchConnection,
      ...patchBullmqFlows(folder, { recordAdded, onParent }),
      ...patchBullmqSandbox(folder),
      ...patchBullmqSchedulers(folder, recordScheduled),
    },
  };
}

/**
 * Returns when a job arrived. A job that didn't have to wait for its delay arrived at its creation, as in the
 * row of its producer.
 */
function getArrivalMs(job: BullmqJob, readyMs: number): number {
  return (job.opts?.delay ?? 0) > 0 ? readyMs : job.timestamp;
}

function toJobKey(queue: object, jobId: unknown): string {
  return `${toQueueKey(queue)}\n${jobId}`;
}

/** Returns the key of a job's parent, which is on the same Redis server. */
function toParentKey(queue: object, { id, queueKey }: JobParent): string {
  const end = queueKey.lastIndexOf(':');
  const name = queueKey.slice(end + 1);
  const scope = replaceScopePrefix(getQueueScope(queue), queueKey.slice(0, end));
  return `${scope}\n${name}\n${id}`;
}

function toJobContext(job: BullmqJob): JobContext {
  const { queue, queueName = queue.name, name: jobType } = job;
  return { queueName, jobType, tenant: getJobTenant(job) };
}
