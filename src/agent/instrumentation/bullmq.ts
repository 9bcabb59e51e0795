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
} from './bullmq-job-transition.ts';
import type { LibraryInstrumentation } from './instrumentation-registry.ts';
import { swallowErrors, wrapMethod } from './method-patching.ts';
import { getCurrentTenant, runDetachedWithTenant, type Tenant } from './tenant-context.ts';

/** Maximum number of entries in `retryReadyMs`. */
const MAX_RETRYING_JOBS = 10_000;

export interface BullmqInstrumentationOptions {
  /** Called for each state transition. `failure` is set if an attempt failed. */
  onTransition: (transition: JobTransition, failure: { error: unknown } | undefined) => void;
  /** Called for each `Queue` and `Worker` when it connects. */
  onQueue: (queue: object) => void;
  /** Whether to store the data and results of jobs. */
  includeJobData: boolean;
}

interface FlowNode {
  job: BullmqJob;
  children?: FlowNode[];
}

/**
 * Records the state transitions of BullMQ 5 and 6 jobs in the process that adds a job, and in the
 * worker that processes it. It adds no listeners to the objects of the application.
 */
export function createBullmqInstrumentations(
  options: BullmqInstrumentationOptions,
): LibraryInstrumentation[] {
  const { onTransition, onQueue, includeJobData } = options;
  /** Earliest start of the next attempt, by job. In ms since the epoch. */
  const retryReadyMs = new Map<string, number>();
  const waitTimesMs = new WeakMap<BullmqJob, number>();
  const toJobKey = (job: BullmqJob) => `${job.queueName}\n${job.id}`;

  const setRetryReady = swallowErrors((job: BullmqJob, readyMs: number) => {
    if (retryReadyMs.size >= MAX_RETRYING_JOBS) {
      retryReadyMs.delete(retryReadyMs.keys().next().value!);
    }
    retryReadyMs.set(toJobKey(job), readyMs);
  });

  const recordAdded = swallowErrors((job: BullmqJob, hasChildren: boolean) => {
    const status = getInitialStatus(job, hasChildren);
    const row = {
      ...toBaseTransition(job, getJobTenant(job), includeJobData),
      status,
      timestamp: job.timestamp,
    };
    onTransition(row, undefined);
  });

  const recordAddedTree = swallowErrors((node: FlowNode) => {
    recordAdded(node.job, (node.children?.length ?? 0) > 0);
    for (const child of node.children ?? []) recordAddedTree(child);
  });

  const recordMoved = swallowErrors((job: BullmqJob, status: QueueJobStatus) => {
    onTransition(
      { ...toBaseTransition(job, getJobTenant(job), includeJobData), status },
      undefined,
    );
  });

  const recordStarted = (job: BullmqJob) => {
    const startedAt = getStartMs(job);
    const readyMs = retryReadyMs.get(toJobKey(job)) ?? getFirstReadyMs(job, job.attemptsMade);
    const waitTime = computeWaitTime(startedAt, readyMs);
    retryReadyMs.delete(toJobKey(job));
    if (waitTime !== undefined) waitTimesMs.set(job, waitTime);
    const row = toBaseTransition(job, getJobTenant(job), includeJobData);
    const status = QueueJobStatus.ACTIVE;
    const timestamp = toDistinctTimestamp(job, startedAt ?? Date.now());
    onTransition({ ...row, status, startedAt, timestamp, waitTime }, undefined);
  };

  const recordEnded = (job: BullmqJob, failure: { error: unknown } | undefined) => {
    const nowMs = Date.now();
    const attempt = toAttemptTransition(job, failure, waitTimesMs.get(job), nowMs);
    const delayMs = (job as { delay?: number }).delay ?? 0;
    if (failure && job.finishedOn === undefined && delayMs > 0) setRetryReady(job, nowMs + delayMs);
    const row = toBaseTransition(job, getJobTenant(job), includeJobData);
    onTransition(
      { ...row, ...attempt, ...(includeJobData && { result: job.returnvalue }) },
      failure,
    );
  };

  const onWorkerEvent = swallowErrors((queueName: string, event: unknown, args: unknown[]) => {
    const job = args[0] as BullmqJob | undefined;
    if (event === 'stalled') {
      const status = QueueJobStatus.STALLED;
      onTransition({ queueName, jobId: String(args[0]), status }, undefined);
    } else if (!job) return;
    else if (event === 'active') recordStarted(job);
    else if (event === 'completed') recordEnded(job, undefined);
    else if (event === 'failed') recordEnded(job, { error: args[1] });
  });

  const patchJob = (exports: unknown) => {
    const { Job } = exports as { Job: { prototype: object } };
    wrapMethod(Job, 'create', (original) => {
      return async function create(this: unknown, ...args: unknown[]) {
        const job = await original.apply(this, args);
        recordAdded(job, false);
        return job;
      };
    });
    wrapMethod(Job, 'createBulk', (original) => {
      return async function createBulk(this: unknown, ...args: unknown[]) {
        const jobs = await original.apply(this, args);
        for (const job of jobs) recordAdded(job, false);
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
          if (result !== false) recordMoved(this, status);
          return result;
        };
      });
    }
    wrapMethod(Job.prototype, 'moveToFailed', (original) => {
      return function moveToFailed(this: BullmqJob, ...args: unknown[]) {
        // Set before the call, because another worker can start the next attempt before the call
        // returns.
        setRetryReady(this, Date.now());
        return original.apply(this, args);
      };
    });
    propagateTenant(Job);
  };

  const patchWorker = (exports: unknown) => {
    const { prototype } = (exports as { Worker: { prototype: object } }).Worker;
    wrapMethod(prototype, 'emit', (original) => {
      return function emit(this: { name: string }, ...args: unknown[]) {
        onWorkerEvent(this.name, args[0], args.slice(1));
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
        recordAddedTree(node);
        return node;
      };
    });
    wrapMethod(prototype, 'addBulk', (original) => {
      return async function addBulk(this: unknown, ...args: unknown[]) {
        const nodes = await original.apply(this, args);
        for (const node of nodes) recordAddedTree(node);
        return nodes;
      };
    });
  };

  const patchBase = (exports: unknown) => {
    const { prototype } = (exports as { QueueBase: { prototype: object } }).QueueBase;
    const reportQueue = swallowErrors(onQueue);
    wrapMethod(prototype, 'waitUntilReady', (original) => {
      return function waitUntilReady(this: object, ...args: unknown[]) {
        reportQueue(this);
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

/** Job option that stores the tenant. It exists only in Redis. */
const TENANT_OPTION = 'perfscope';

const tenantsByJob = new WeakMap<object, Tenant>();

function getJobTenant(job: object): Tenant | undefined {
  return tenantsByJob.get(job);
}

/**
 * Passes the tenant of a job to its worker. The tenant is added to the job options when the job is
 * written to Redis. It is removed when the job is read, so the application never sees it.
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
