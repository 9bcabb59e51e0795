import { guard } from '../../../../core/guard.ts';
import { runWithTenant, type Tenant } from '../../context/tenant-context.ts';
import { observeMethod, wrapMethod } from '../../loading/method-patching.ts';
import { createStoredTenant, TENANT_PROPERTY, takeStoredTenant } from '../stored-tenant.ts';

/** What fails, for {@link guard}. */
const PART = 'the Bull instrumentation';

const tenantsByJob = new WeakMap<object, Tenant>();
/** Tenants of repeated jobs, by the options of their last run. */
const tenantsByOptions = new WeakMap<object, Tenant>();

/** Returns the tenant that added a job. */
export function getBullTenant(job: object): Tenant | undefined {
  return tenantsByJob.get(job);
}

/**
 * Passes the tenant of a job to its worker. The tenant is added to the job options, as text, when the job is written to
 * Redis. It is removed when the job is read, so the application never sees it.
 */
export function propagateBullTenant(Job: { prototype: object }): void {
  observeMethod(PART, Job.prototype, 'toData', {
    after: (job: object, data: { opts?: unknown }) => {
      const tenant = tenantsByJob.get(job) ?? createStoredTenant();
      const { opts } = data;
      if (!tenant || typeof opts !== 'string' || !opts.endsWith('}')) return;
      tenantsByJob.set(job, tenant);
      const separator = opts === '{}' ? '' : ',';
      data.opts = `${opts.slice(0, -1)}${separator}"${TENANT_PROPERTY}":${JSON.stringify(tenant)}}`;
    },
  });
  observeMethod(PART, Job, 'fromJSON', {
    after: (_, job: { opts?: Record<string, unknown> }) => {
      const tenant = takeStoredTenant(job.opts);
      if (!tenant) return;
      tenantsByJob.set(job, tenant);
      if (job.opts?.repeat) tenantsByOptions.set(job.opts, tenant);
    },
  });
}

const getRepeatTenant = guard(PART, (options: unknown) =>
  typeof options === 'object' && options !== null ? tenantsByOptions.get(options) : undefined,
);

/** Passes the tenant of a repeated job to its next run, which the worker adds. */
export function propagateRepeatTenant(prototype: object): void {
  wrapMethod(prototype, 'nextRepeatableJob', (original) => {
    return function nextRepeatableJob(this: unknown, ...args: unknown[]) {
      const tenant = getRepeatTenant(args[2]);
      const run = () => original.apply(this, args) as unknown;
      return tenant ? runWithTenant(tenant, run) : run();
    };
  });
}
