import { QueueJobStatus } from '../../core/schema/enums.ts';
import type { JobTransition } from '../../core/schema/tables/queue-metrics-table.ts';
import {
  type BullmqJob,
  computeWaitTime,
  getFirstReadyMs,
  getInitialStatus,
  getStartMs,
  toAttemptTransition,
  toBaseTransition,
  toDistinctTimestamp,
} from './bullmq-job.ts';
import type { LibraryInstrumentation } from './instrumentation-registry.ts';
import { swallowErrors, wrapMethod } from './method-patching.ts';
import { getCurrentTenant, runDetachedWithTenant, type Tenant } from './tenant-context.ts';

/** Jobs of which it is remembered when their next attempt may begin. */
const MAX_RETRYING_JOBS = 10_000;

export interface BullmqInstrumentationOptions {
  /** Takes each state transition; `error` is what an attempt failed with. */
  onTransition: (transition: JobTransition, error: { error: unknown } | undefined) => void;
  /** Tells of each Queue and Worker of the application, when it connects. */
  onQueue: (queue: object) => void;
  /** Whether data and results of jobs may be stored. */
  includeJobData: boolean;
}

interface FlowNode {
  job: BullmqJob;
  children?: FlowNode[];
}

/**
 * Records the state transitions of BullMQ's jobs (5 and 6) where they happen: when a job is added, and
 * in the worker that processes it. No listener is added to the application's own objects.
 */
export function createBullmqInstrumentations(
  options: BullmqInstrumentationOptions,
): LibraryInstrumentation[] {
  const { onTransition, onQueue, includeJobData: withData } = options;
  const readyAgain = new Map<string, number>();
  const key = (job: BullmqJob) => `${job.queueName}\n${job.id}`;

  const waits = new WeakMap<BullmqJob, number>();
  const readyFrom = swallowErrors((job: BullmqJob, ms: number) => {
    if (readyAgain.size >= MAX_RETRYING_JOBS) readyAgain.delete(readyAgain.keys().next().value!);
    readyAgain.set(key(job), ms);
  });

  const added = swallowErrors((job: BullmqJob, hasChildren: boolean) => {
    const status = getInitialStatus(job, hasChildren);
    const row = {
      ...toBaseTransition(job, getJobTenant(job), withData),
      status,
      timestamp: job.timestamp,
    };
    onTransition(row, undefined);
  });

  const addedTree = swallowErrors((node: FlowNode) => {
    added(node.job, (node.children?.length ?? 0) > 0);
    for (const child of node.children ?? []) addedTree(child);
  });

  const moved = swallowErrors((job: BullmqJob, status: QueueJobStatus) => {
    onTransition({ ...toBaseTransition(job, getJobTenant(job), withData), status }, undefined);
  });

  const started = (job: BullmqJob) => {
    const startedAt = getStartMs(job);
    const ready = readyAgain.get(key(job)) ?? getFirstReadyMs(job, job.attemptsMade);
    const waited = computeWaitTime(startedAt, ready);
    readyAgain.delete(key(job));
    if (waited !== undefined) waits.set(job, waited);
    const row = toBaseTransition(job, getJobTenant(job), withData);
    const status = QueueJobStatus.ACTIVE;
    const timestamp = toDistinctTimestamp(job, startedAt ?? Date.now());
    onTransition({ ...row, status, startedAt, timestamp, waitTime: waited }, undefined);
  };

  const ended = (job: BullmqJob, failure: { error: unknown } | undefined) => {
    const nowMs = Date.now();
    const result = toAttemptTransition(job, failure, waits.get(job), nowMs);
    const delayMs = (job as { delay?: number }).delay ?? 0;
    if (failure && job.finishedOn === undefined && delayMs > 0) readyFrom(job, nowMs + delayMs);
    const row = toBaseTransition(job, getJobTenant(job), withData);
    onTransition({ ...row, ...result, ...(withData && { result: job.returnvalue }) }, failure);
  };

  const heard = swallowErrors((queueName: string, event: unknown, args: unknown[]) => {
    const job = args[0] as BullmqJob | undefined;
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
    wrapMethod(Job, 'create', (original) => {
      return async function create(this: unknown, ...args: unknown[]) {
        const job = await original.apply(this, args);
        added(job, false);
        return job;
      };
    });
    wrapMethod(Job, 'createBulk', (original) => {
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
      wrapMethod(Job.prototype, name, (original) => {
        return async function move(this: BullmqJob, ...args: unknown[]) {
          const result = await original.apply(this, args);
          if (result !== false) moved(this, status);
          return result;
        };
      });
    }
    wrapMethod(Job.prototype, 'moveToFailed', (original) => {
      return function moveToFailed(this: BullmqJob, ...args: unknown[]) {
        // Now, because another worker may begin the next attempt before this one is told of the end.
        readyFrom(this, Date.now());
        return original.apply(this, args);
      };
    });
    propagateTenant(Job);
  };

  const patchWorker = (exports: unknown) => {
    const { prototype } = (exports as { Worker: { prototype: object } }).Worker;
    wrapMethod(prototype, 'emit', (original) => {
      return function emit(this: { name: string }, ...args: unknown[]) {
        heard(this.name, args[0], args.slice(1));
        return original.apply(this, args);
      };
    });
    wrapMethod(prototype, 'callProcessJob', (original) => {
      return function callProcessJob(this: unknown, ...args: unknown[]) {
        return runDetachedWithTenant(getJobTenant(args[0] as object), () =>
          original.apply(this, args),
        );
      };
    });
  };

  const patchFlows = (exports: unknown) => {
    const { prototype } = (exports as { FlowProducer: { prototype: object } }).FlowProducer;
    wrapMethod(prototype, 'add', (original) => {
      return async function add(this: unknown, ...args: unknown[]) {
        const node = await original.apply(this, args);
        addedTree(node);
        return node;
      };
    });
    wrapMethod(prototype, 'addBulk', (original) => {
      return async function addBulk(this: unknown, ...args: unknown[]) {
        const nodes = await original.apply(this, args);
        for (const node of nodes) addedTree(node);
        return nodes;
      };
    });
  };

  const patchBase = (exports: unknown) => {
    const { prototype } = (exports as { QueueBase: { prototype: object } }).QueueBase;
    const known = swallowErrors(onQueue);
    wrapMethod(prototype, 'waitUntilReady', (original) => {
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
      supportedMajors: [5, 6],
      patches: {
        [`${folder}/job.js`]: patchJob,
        [`${folder}/worker.js`]: patchWorker,
        [`${folder}/flow-producer.js`]: patchFlows,
        [`${folder}/queue-base.js`]: patchBase,
      },
    },
  ];
}

/** Name under which a tenant travels among a job's options, in Redis only. */
const TENANT_OPTION = 'perfscope';

const tenantsByJob = new WeakMap<object, Tenant>();

function getJobTenant(job: object): Tenant | undefined {
  return tenantsByJob.get(job);
}

/**
 * Lets the tenant travel with a job. It is added while the job is written to Redis and taken away
 * while it is read, so that an application never meets it.
 */
function propagateTenant(Job: { prototype: object }): void {
  wrapMethod(Job.prototype, 'asJSON', (original) => {
    return function asJSON(this: BullmqJob, ...args: unknown[]) {
      const json = original.apply(this, args) as { opts?: object };
      const tenant = tenantsByJob.get(this) ?? getCurrentTenant();
      if (!tenant || typeof json?.opts !== 'object') return json;
      tenantsByJob.set(this, tenant);
      const { organizationId, propertyId, userId } = tenant;
      return {
        ...json,
        opts: { ...json.opts, [TENANT_OPTION]: { organizationId, propertyId, userId } },
      };
    };
  });
  wrapMethod(Job, 'fromJSON', (original) => {
    return function fromJSON(this: unknown, ...args: unknown[]) {
      const job = original.apply(this, args) as BullmqJob;
      const tenant = job?.opts?.[TENANT_OPTION];
      if (typeof tenant === 'object' && tenant !== null) {
        tenantsByJob.set(job, tenant);
        delete job.opts?.[TENANT_OPTION];
      }
      return job;
    };
  });
}
