import { guard } from '../../../../core/guard.ts';
import { QueueJobStatus } from '../../../../core/schema/enums.ts';
import type { Library, LibraryHooks } from '../../loading/library.ts';
import { type Method, observeMethod } from '../../loading/method-patching.ts';
import { type JobAttempt, JobAttempts, type QueueJob } from '../job-attempts.ts';
import { type JobContext, runJobCode } from '../job-code.ts';
import { limitSize } from '../job-ready-times.ts';
import { recordQueueOperations } from '../queue-operations.ts';
import type { QueueRecorder } from '../queue-recorder.ts';
import { getQueueScope, setQueueScope, toQueueKey } from '../redis-queue-scope.ts';
import { type BeeQueueClient, createBeeQueueDepth } from './bee-queue-depth.ts';
import { getBeeQueueTenant, propagateBeeQueueTenant } from './bee-queue-tenant.ts';

/** What fails, for {@link guard}. */
const PART = 'the bee-queue instrumentation';

interface BeeQueue {
  name: string;
  settings: { keyPrefix: string; redis?: unknown };
  client: BeeQueueClient | null;
  handler?: Method;
  paused: boolean;
  toKey(type: string): string;
}

/** Properties of a job. Times are ms since the epoch. */
interface BeeJob {
  id: string | null;
  queue: BeeQueue;
  data?: unknown;
  status: string;
  options: {
    timestamp: number;
    /** Time at which the job is due. */
    delay?: number;
    /** Number of retries that are left. */
    retries?: number;
    stacktraces: readonly unknown[];
  };
}

/**
 * Records the state changes of jobs, in the process that adds a job and in its worker. The commands of bee-queue need no
 * marks, because version 3 of `redis` is not measured.
 */
export const BEE_QUEUE: Library = {
  name: 'bee-queue',
  category: 'queue',
  versions: { from: '1.7.1', to: 2 },
  measured:
    'Each state change of each job, and wait and processing times. For each queue, its depth and the age of its oldest waiting job.',
  limits:
    'Jobs have no names, and workers are not counted. Redis does not store when a retried job became ready. Its wait time is known only in the process that moved it, and its age counts from the first poll.',
  bundledMessages: ['Cannot call Queue#process on a non-worker'],
  instrument: ({ queues }) => instrumentBeeQueue(queues),
};

function instrumentBeeQueue(recorder: QueueRecorder): LibraryHooks {
  const { onTransition, gauges, includeJobData } = recorder;
  const attempts = new JobAttempts(recorder);
  const depth = createBeeQueueDepth<BeeQueue>();
  const running = new WeakMap<BeeJob, JobAttempt>();
  /** Delay before the next attempt of a failed job, in ms. Negative if there is none. */
  const delays = new WeakMap<BeeJob, number>();
  /** When jobs became ready for their next attempt, by key. Undefined if unknown. */
  const readyTimes = new Map<string, number | undefined>();

  const setReady = (queue: BeeQueue, jobId: unknown, readyMs: number | undefined) => {
    limitSize(readyTimes);
    readyTimes.set(toJobKey(queue, jobId), readyMs);
  };

  const toQueueJob = (job: BeeJob): QueueJob => {
    const { queue, options } = job;
    const attempt = options.stacktraces.length + 1;
    const { timestamp, retries = 0, delay } = options;
    return {
      queueName: queue.name,
      queueScope: getQueueScope(queue),
      jobId: String(job.id ?? ''),
      createdMs: timestamp,
      attempts: attempt,
      maxAttempts: attempt + retries,
      delay: delay === undefined ? undefined : Math.max(0, delay - timestamp),
      tenant: getBeeQueueTenant(job),
      ...(includeJobData && { data: job.data }),
    };
  };

  const recordSaved = (job: BeeJob) => {
    // Redis ignores a job whose ID exists.
    if (job.id === null || job.id === undefined) return;
    const state = job.options.delay === undefined ? 'waiting' : 'delayed';
    attempts.recordArrival({ ...toQueueJob(job), attempts: 0 }, state);
  };

  const recordStarted = (job: BeeJob) => {
    const { options, queue } = job;
    const key = toJobKey(queue, job.id);
    const isFirst = options.stacktraces.length === 0 && !readyTimes.has(key);
    const readyMs = isFirst ? (options.delay ?? options.timestamp) : readyTimes.get(key);
    readyTimes.delete(key);
    const queueJob = toQueueJob(job);
    if (isFirst) attempts.recordArrival({ ...queueJob, attempts: 0 }, 'waiting', readyMs);
    running.set(job, attempts.start(queueJob, readyMs));
  };

  const stop = (job: BeeJob) => {
    delays.delete(job);
    const attempt = running.get(job);
    if (attempt) attempts.stop(attempt);
  };

  const recordEnded = (job: BeeJob, error: unknown, result: unknown) => {
    const attempt = running.get(job);
    if (!attempt) return;
    if (job.status === 'succeeded') return attempts.complete(attempt, result);
    const delay = delays.get(job) ?? 0;
    const isFinal = job.status === 'failed';
    if (!isFinal) setReady(job.queue, job.id, Date.now() + delay);
    const next = delay > 0 ? 'delayed' : 'waiting';
    attempts.fail(attempt, error, isFinal ? 'failed' : next);
  };

  const onQueue = (queue: BeeQueue) => {
    const { keyPrefix, redis } = queue.settings;
    const prefix = keyPrefix.slice(0, -`:${queue.name}:`.length);
    setQueueScope(queue, prefix, typeof redis === 'string' ? { url: redis } : redis);
    gauges.add(depth, toQueueKey(queue), queue.name, queue);
  };

  const patchJob = (exports: unknown) => {
    const Job = exports as { prototype: object };
    const { prototype } = Job;
    observeMethod<BeeJob>(PART, prototype, '_save', { after: recordSaved });
    observeMethod<BeeJob>(PART, prototype, 'computeDelay', {
      after: (job, delay: number) => delays.set(job, delay),
    });
    observeMethod<BeeJob>(PART, prototype, 'retry', {
      before: ({ queue, id }) => setReady(queue, id, Date.now()),
    });
    recordQueueOperations<BeeJob>(prototype, ['save'], ({ queue }) => queue.name);
    propagateBeeQueueTenant(Job);
  };

  const wrapHandler = guard(PART, (queue: BeeQueue) => {
    const { handler } = queue;
    if (!handler) return;
    queue.handler = function (this: unknown, ...args: unknown[]) {
      return runJobCode(
        () => toJobContext(args[0] as BeeJob),
        () => handler.apply(this, args) as unknown,
      );
    };
  });

  const patchQueue = (exports: unknown) => {
    const { prototype } = exports as { prototype: object };
    recordQueueOperations<BeeQueue>(prototype, ['saveAll'], ({ name }) => name);
    observeMethod<BeeQueue>(PART, prototype, 'connect', { before: onQueue });
    observeMethod<BeeQueue>(PART, prototype, 'process', { after: wrapHandler });
    observeMethod<BeeQueue>(PART, prototype, '_runJob', {
      before: (_, [job]) => recordStarted(job as BeeJob),
    });
    observeMethod<BeeQueue>(PART, prototype, '_finishJob', {
      before: (_, [, , job]) => stop(job as BeeJob),
      after: (_, _result, [error, result, job]) => recordEnded(job as BeeJob, error, result),
    });
    observeMethod<BeeQueue>(PART, prototype, 'emit', {
      before: (queue, [event, jobId]) => {
        if (event !== 'stalled') return;
        setReady(queue, jobId, undefined);
        const { STALLED: status } = QueueJobStatus;
        const queueScope = getQueueScope(queue);
        onTransition(
          { queueName: queue.name, queueScope, jobId: String(jobId), status },
          undefined,
        );
      },
    });
  };

  return { patches: { 'lib/job.js': patchJob, 'lib/queue.js': patchQueue } };
}

function toJobKey(queue: BeeQueue, jobId: unknown): string {
  return `${toQueueKey(queue)}\n${jobId}`;
}

function toJobContext(job: BeeJob): JobContext {
  return { queueName: job.queue.name, tenant: getBeeQueueTenant(job) };
}
