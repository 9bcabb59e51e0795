import { guard } from '../../core/guard.ts';
import type { BullmqJob } from './bullmq-job-transition.ts';
import { observeMethod, wrapMethod } from './method-patching.ts';
import { getCurrentTenant, type Tenant } from './tenant-context.ts';

/** What fails, for {@link guard}. */
const PART = 'the BullMQ instrumentation';

/** Job option that stores the tenant, and whether the job waits for children. It exists only in Redis. */
const JOB_OPTION = 'perfscope';

interface StoredJobOption extends Tenant {
  waitsForChildren?: boolean;
}

const tenantsByJob = new WeakMap<object, Tenant>();
/** Parents that this process adds, and parents that it has read. */
const addedParents = new WeakSet<object>();
const readParents = new WeakSet<object>();

/** Returns the tenant that added a job. */
export function getJobTenant(job: object): Tenant | undefined {
  return tenantsByJob.get(job);
}

/** Returns whether a job that was read from Redis is marked as the parent of a flow. */
export function isFlowParent(job: object): boolean {
  return readParents.has(job);
}

/**
 * Passes the tenant of a job to its worker, and whether the job is the parent of a flow. Both are added to
 * the job options when the job is written to Redis. They are removed when the job is read, so the
 * application never sees them.
 */
export function propagateTenant(Job: { prototype: object }): void {
  const addTenant = guard(PART, (job: BullmqJob, json: { opts?: object } | undefined) => {
    const tenant = tenantsByJob.get(job) ?? getCurrentTenant();
    const waitsForChildren = addedParents.has(job);
    if ((!tenant && !waitsForChildren) || typeof json?.opts !== 'object') return undefined;
    if (tenant) tenantsByJob.set(job, tenant);
    const stored = {
      ...(tenant && toTenant(tenant)),
      ...(waitsForChildren && { waitsForChildren }),
    };
    return { ...json, opts: { ...json.opts, [JOB_OPTION]: stored } };
  });
  for (const name of ['toFlowEntry', 'addJob']) {
    // Old versions don't have both methods.
    if (!(name in Job.prototype)) continue;
    observeMethod(PART, Job.prototype, name, {
      before: (job: BullmqJob, args) => {
        if (args.some(isParentOptions)) addedParents.add(job);
      },
      after: (job) => addedParents.delete(job),
    });
  }
  wrapMethod(Job.prototype, 'asJSON', (original) => {
    return function asJSON(this: BullmqJob, ...args: unknown[]) {
      const json = original.apply(this, args) as { opts?: object };
      return addTenant(this, json) ?? json;
    };
  });
  observeMethod(PART, Job, 'fromJSON', {
    after: (_, job: BullmqJob | undefined) => {
      const stored = job?.opts?.[JOB_OPTION] as StoredJobOption | null | undefined;
      if (!job || typeof stored !== 'object' || stored === null) return;
      delete job.opts?.[JOB_OPTION];
      const { waitsForChildren, ...tenant } = stored;
      if (waitsForChildren === true) readParents.add(job);
      if (waitsForChildren !== true || Object.keys(tenant).length > 0)
        tenantsByJob.set(job, toTenant(tenant));
    },
  });
}

/** Returns whether an argument is the options with which a `FlowProducer` adds a job with children. */
function isParentOptions(arg: unknown): boolean {
  if (typeof arg !== 'object' || arg === null) return false;
  const { addToWaitingChildren, waitChildrenKey } = arg as Record<string, unknown>;
  return addToWaitingChildren === true || typeof waitChildrenKey === 'string';
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
