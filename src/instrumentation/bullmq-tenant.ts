import type { BullJob } from './bullmq-job.ts';
import { currentTenant, type Tenant } from './context.ts';
import { wrap } from './wrap.ts';

/** Name under which a tenant travels among a job's options, in Redis only. */
const TRAVELS_AS = 'perfscope';

const tenants = new WeakMap<object, Tenant>();

export function tenantOfJob(job: object): Tenant | undefined {
  return tenants.get(job);
}

/**
 * Lets the tenant travel with a job. It is added while the job is written to Redis and taken away
 * while it is read, so that an application never meets it.
 */
export function carryTenant(Job: { prototype: object }): void {
  wrap(Job.prototype, 'asJSON', (original) => {
    return function asJSON(this: BullJob, ...args: unknown[]) {
      const json = original.apply(this, args) as { opts?: object };
      const tenant = tenants.get(this) ?? currentTenant();
      if (!tenant || typeof json?.opts !== 'object') return json;
      tenants.set(this, tenant);
      const { organizationId, propertyId, userId } = tenant;
      return {
        ...json,
        opts: { ...json.opts, [TRAVELS_AS]: { organizationId, propertyId, userId } },
      };
    };
  });
  wrap(Job, 'fromJSON', (original) => {
    return function fromJSON(this: unknown, ...args: unknown[]) {
      const job = original.apply(this, args) as BullJob;
      const tenant = job?.opts?.[TRAVELS_AS];
      if (typeof tenant === 'object' && tenant !== null) {
        tenants.set(job, tenant);
        delete job.opts?.[TRAVELS_AS];
      }
      return job;
    };
  });
}
