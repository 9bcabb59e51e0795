import { guard } from '../../../../core/guard.ts';
import type { Tenant } from '../../context/tenant-context.ts';
import { observeMethod, wrapMethod } from '../../loading/method-patching.ts';
import { createStoredTenant, TENANT_PROPERTY, takeStoredTenant } from '../stored-tenant.ts';
import type { BullmqJob } from './bullmq-job-transition.ts';

/** What fails, for {@link guard}. */
const PART = 'the BullMQ instrumentation';

const tenantsByJob = new WeakMap<object, Tenant>();
/** Tenants of repeated jobs, by the options of their last run. */
const tenantsByOptions = new WeakMap<object, Tenant>();

/** Returns the tenant that added a job. */
export function getJobTenant(job: object): Tenant | undefined {
  return tenantsByJob.get(job);
}

export function setJobTenant(job: object, tenant: Tenant): void {
  tenantsByJob.set(job, tenant);
}

/** Returns the tenant of a repeated job by its options. */
export function getOptionsTenant(options: unknown): Tenant | undefined {
  return typeof options === 'object' && options !== null
    ? tenantsByOptions.get(options)
    : undefined;
}

/**
 * Passes the tenant of a job to its worker. The tenant is added to the job options when the job is
 * written to Redis. It is removed when the job is read, so the application never sees it.
 */
export function propagateTenant(Job: { prototype: object }): void {
  const addTenant = guard(PART, (job: BullmqJob, json: { opts?: object } | undefined) => {
    const tenant = tenantsByJob.get(job) ?? createStoredTenant();
    if (!tenant || typeof json?.opts !== 'object') return undefined;
    tenantsByJob.set(job, tenant);
    return { ...json, opts: { ...json.opts, [TENANT_PROPERTY]: tenant } };
  });
  wrapMethod(Job.prototype, 'asJSON', (original) => {
    return function asJSON(this: BullmqJob, ...args: unknown[]) {
      const json = original.apply(this, args) as { opts?: object };
      return addTenant(this, json) ?? json;
    };
  });
  observeMethod(PART, Job, 'fromJSON', {
    after: (_, job: BullmqJob | undefined) => {
      const tenant = takeStoredTenant(job?.opts);
      if (!job || !tenant) return;
      tenantsByJob.set(job, tenant);
      if (job.opts?.repeat) tenantsByOptions.set(job.opts, tenant);
    },
  });
}
