import type { JobTransition } from '../schema/job-transition.ts';
import { QueueJobStatus } from '../schema/metric-type.ts';
import {
  type BullJob,
  describe,
  distinctMs,
  firstReadyMs,
  firstState,
  outcome,
  startOf,
  waitTime,
} from './bullmq-job.ts';
import { carryTenant, tenantOfJob } from './bullmq-tenant.ts';
import { runApart } from './context.ts';
import { guard } from './guard.ts';
import type { Library } from './libraries.ts';
import { wrap } from './wrap.ts';

/** Jobs of which it is remembered when their next attempt may begin. */
const MOST_REMEMBERED = 10_000;

export interface BullmqOptions {
  /** Takes each state transition; `error` is what an attempt failed with. */
  onTransition: (transition: JobTransition, error: { error: unknown } | undefined) => void;
  /** Tells of each Queue and Worker of the application, when it connects. */
  onQueue: (queue: object) => void;
  /** Whether data and results of jobs may be stored. */
  withData: boolean;
}

interface Node {
  job: BullJob;
  children?: Node[];
}

/**
 * Records the state transitions of BullMQ's jobs (5 and 6) where they happen: when a job is added, and
 * in the worker that processes it. No listener is added to the application's own objects.
 */
export function bullmq(options: BullmqOptions): Library[] {
  const { onTransition, onQueue, withData } = options;
  const readyAgain = new Map<string, number>();
  const key = (job: BullJob) => `${job.queueName}\n${job.id}`;

  const waits = new WeakMap<BullJob, number>();
  const readyFrom = guard((job: BullJob, ms: number) => {
    if (readyAgain.size >= MOST_REMEMBERED) readyAgain.delete(readyAgain.keys().next().value!);
    readyAgain.set(key(job), ms);
  });

  const added = guard((job: BullJob, hasChildren: boolean) => {
    const status = firstState(job, hasChildren);
    const row = { ...describe(job, tenantOfJob(job), withData), status, timestamp: job.timestamp };
    onTransition(row, undefined);
  });

  const addedTree = guard((node: Node) => {
    added(node.job, (node.children?.length ?? 0) > 0);
    for (const child of node.children ?? []) addedTree(child);
  });

  const moved = guard((job: BullJob, status: QueueJobStatus) => {
    onTransition({ ...describe(job, tenantOfJob(job), withData), status }, undefined);
  });

  const started = (job: BullJob) => {
    const startedAt = startOf(job);
    const ready = readyAgain.get(key(job)) ?? firstReadyMs(job, job.attemptsMade);
    const waited = waitTime(startedAt, ready);
    readyAgain.delete(key(job));
    if (waited !== undefined) waits.set(job, waited);
    const row = describe(job, tenantOfJob(job), withData);
    const status = QueueJobStatus.ACTIVE;
    const timestamp = distinctMs(job, startedAt ?? Date.now());
    onTransition({ ...row, status, startedAt, timestamp, waitTime: waited }, undefined);
  };

  const ended = (job: BullJob, failure: { error: unknown } | undefined) => {
    const nowMs = Date.now();
    const result = outcome(job, failure, waits.get(job), nowMs);
    const delayMs = (job as { delay?: number }).delay ?? 0;
    if (failure && job.finishedOn === undefined && delayMs > 0) readyFrom(job, nowMs + delayMs);
    const row = describe(job, tenantOfJob(job), withData);
    onTransition({ ...row, ...result, ...(withData && { result: job.returnvalue }) }, failure);
  };

  const heard = guard((queueName: string, event: unknown, args: unknown[]) => {
    const job = args[0] as BullJob | undefined;
    if (event === 'stalled') {
      const status = QueueJobStatus.STALLED;
      onTransition({ queueName, jobId: String(args[0]), status }, undefined);
    } else if (!job) return;
    else if (event === 'active') started(job);
    else if (event === 'completed') ended(job, undefined);
    else if (event === 'failed') ended(job, { error: args[1] });
  });

  const patchJob = (exports: unknown) => {
    const { Job } = exports as { Job: { prototype: object } };
    wrap(Job, 'create', (original) => {
      return async function create(this: unknown, ...args: unknown[]) {
        const job = await original.apply(this, args);
        added(job, false);
        return job;
      };
    });
    wrap(Job, 'createBulk', (original) => {
      return async function createBulk(this: unknown, ...args: unknown[]) {
        const jobs = await original.apply(this, args);
        for (const job of jobs) added(job, false);
        return jobs;
      };
    });
    for (const [name, status] of [
      ['moveToDelayed', QueueJobStatus.DELAYED],
      ['moveToWaitingChildren', QueueJobStatus.WAITING_CHILDREN],
    ] as const) {
      wrap(Job.prototype, name, (original) => {
        return async function move(this: BullJob, ...args: unknown[]) {
          const result = await original.apply(this, args);
          if (result !== false) moved(this, status);
          return result;
        };
      });
    }
    wrap(Job.prototype, 'moveToFailed', (original) => {
      return function moveToFailed(this: BullJob, ...args: unknown[]) {
        // Now, because another worker may begin the next attempt before this one is told of the end.
        readyFrom(this, Date.now());
        return original.apply(this, args);
      };
    });
    carryTenant(Job);
  };

  const patchWorker = (exports: unknown) => {
    const { prototype } = (exports as { Worker: { prototype: object } }).Worker;
    wrap(prototype, 'emit', (original) => {
      return function emit(this: { name: string }, ...args: unknown[]) {
        heard(this.name, args[0], args.slice(1));
        return original.apply(this, args);
      };
    });
    wrap(prototype, 'callProcessJob', (original) => {
      return function callProcessJob(this: unknown, ...args: unknown[]) {
        return runApart(tenantOfJob(args[0] as object), () => original.apply(this, args));
      };
    });
  };

  const patchFlows = (exports: unknown) => {
    const { prototype } = (exports as { FlowProducer: { prototype: object } }).FlowProducer;
    wrap(prototype, 'add', (original) => {
      return async function add(this: unknown, ...args: unknown[]) {
        const node = await original.apply(this, args);
        addedTree(node);
        return node;
      };
    });
    wrap(prototype, 'addBulk', (original) => {
      return async function addBulk(this: unknown, ...args: unknown[]) {
        const nodes = await original.apply(this, args);
        for (const node of nodes) addedTree(node);
        return nodes;
      };
    });
  };

  const patchBase = (exports: unknown) => {
    const { prototype } = (exports as { QueueBase: { prototype: object } }).QueueBase;
    const known = guard(onQueue);
    wrap(prototype, 'waitUntilReady', (original) => {
      return function waitUntilReady(this: object, ...args: unknown[]) {
        known(this);
        return original.apply(this, args);
      };
    });
  };

  const folder = 'dist/cjs/classes';
  return [
    {
      name: 'bullmq',
      majors: [5, 6],
      files: {
        [`${folder}/job.js`]: patchJob,
        [`${folder}/worker.js`]: patchWorker,
        [`${folder}/flow-producer.js`]: patchFlows,
        [`${folder}/queue-base.js`]: patchBase,
      },
    },
  ];
}
