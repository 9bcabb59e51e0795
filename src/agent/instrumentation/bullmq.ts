import { guard } from '../../core/guard.ts';
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
import { observeMethod, wrapMethod } from './method-patching.ts';
import { getCurrentTenant, runJobWithTenant, type Tenant } from './tenant-context.ts';

/** What fails, for {@link guard}. */
const PART = 'the BullMQ instrumentation';

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

  const setRetryReady = (job: BullmqJob, readyMs: number) => {
    if (retryReadyMs.size >= MAX_RETRYING_JOBS) {
      retryReadyMs.delete(retryReadyMs.keys().next().value!);
    }
    retryReadyMs.set(toJobKey(job), readyMs);
  };

  /** Guarded for each job, so that one job doesn't affect the others. */
  const recordAdded = guard(PART, (job: BullmqJob, hasChildren: boolean) => {
    const status = getInitialStatus(job, hasChildren);
    const row = {
      ...toBaseTransition(job, getJobTenant(job), includeJobData),
      status,
      timestamp: job.timestamp,
    };
    onTransition(row, undefined);
  });

  const recordAddedTree = (node: FlowNode) => {
    recordAdded(node.job, (node.children?.length ?? 0) > 0);
    for (const child of node.children ?? []) recordAddedTree(child);
  };

  const recordMoved = (job: BullmqJob, status: QueueJobStatus) => {
    onTransition(
      { ...toBaseTransition(job, getJobTenant(job), includeJobData), status },
      undefined,
    );
  };

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

  const onWorkerEvent = (queueName: string, event: unknown, arg: unknown, failure: unknown) => {
    const job = arg as BullmqJob | undefined;
    if (event === 'stalled') {
      const status = QueueJobStatus.STALLED;
      onTransition({ queueName, jobId: String(arg), status }, undefined);
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
    for (const [name, status] of [
      ['moveToDelayed', QueueJobStatus.DELAYED],
      ['moveToWaitingChildren', QueueJobStatus.WAITING_CHILDREN],
    ] as const) {
      observeMethod<BullmqJob>(PART, Job.prototype, name, {
        after: (job, result) => {
          if (result !== false) recordMoved(job, status);
        },
      });
    }
    // Set before the call, because another worker can start the next attempt before the call
    // returns.
    observeMethod<BullmqJob>(PART, Job.prototype, 'moveToFailed', {
      before: (job) => setRetryReady(job, Date.now()),
    });
    propagateTenant(Job);
  };

  const patchWorker = (exports: unknown) => {
    const { prototype } = (exports as { Worker: { prototype: object } }).Worker;
    observeMethod<{ name: string }>(PART, prototype, 'emit', {
      before: ({ name }, [event, arg, failure]) => onWorkerEvent(name, event, arg, failure),
    });
    wrapMethod(prototype, 'callProcessJob', (original) => {
      return function callProcessJob(this: unknown, ...args: unknown[]) {
        return runJobWithTenant(getJobTenant(args[0] as object), () => original.apply(this, args));
      };
    });
  };

  const patchFlows = (exports: unknown) => {
    const { prototype } = (exports as { FlowProducer: { prototype: object } }).FlowProducer;
    observeMethod(PART, prototype, 'add', {
      after: (_, node: FlowNode) => recordAddedTree(node),
    });
    observeMethod(PART, prototype, 'addBulk', {
      after: (_, nodes: FlowNode[]) => {
        for (const node of nodes) recordAddedTree(node);
      },
    });
  };

  const patchBase = (exports: unknown) => {
    const { prototype } = (exports as { QueueBase: { prototype: object } }).QueueBase;
    observeMethod<object>(PART, prototype, 'waitUntilReady', { before: onQueue });
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
  const addTenant = guard(PART, (job: BullmqJob, json: { opts?: object } | undefined) => {
    const tenant = tenantsByJob.get(job) ?? getCurrentTenant();
    if (!tenant || typeof json?.opts !== 'object') return undefined;
    tenantsByJob.set(job, tenant);
    return { ...json, opts: { ...json.opts, [TENANT_OPTION]: toTenant(tenant) } };
  });
  wrapMethod(Job.prototype, 'asJSON', (original) => {
    return function asJSON(this: BullmqJob, ...args: unknown[]) {
      const json = original.apply(this, args) as { opts?: object };
      return addTenant(this, json) ?? json;
    };
  });
  observeMethod(PART, Job, 'fromJSON', {
    after: (_, job: BullmqJob | undefined) => {
      const tenant = job?.opts?.[TENANT_OPTION];
      if (!job || typeof tenant !== 'object' || tenant === null) return;
      delete job.opts?.[TENANT_OPTION];
      tenantsByJob.set(job, toTenant(tenant));
    },
  });
}

/** Copies the valid fields, because any program can write a job. */
function toTenant(tenant: Tenant): Tenant {
  const toId = (id: unknown) => (typeof id === 'string' ? id : undefined);
  return {
    organizationId: toId(tenant.organizationId),
    propertyId: toId(tenant.propertyId),
    userId: toId(tenant.userId),
  };
}
