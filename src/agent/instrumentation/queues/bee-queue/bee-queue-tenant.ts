import { guard } from '../../../../core/guard.ts';
import type { Tenant } from '../../context/tenant-context.ts';
import { observeMethod, wrapMethod } from '../../loading/method-patching.ts';
import { createStoredTenant, readStoredTenant } from '../stored-tenant.ts';

/** What fails, for {@link guard}. */
const PART = 'the bee-queue instrumentation';

/** The last property of a stored job. The library ignores it. Quotes in other properties are escaped, or followed by `}}`. */
const STORED_TENANT = /,"perfscope":("(?:[^"\\]|\\.)*")\}$/;

/** IDs have at most 128 characters, which can be escaped twice. */
const MAX_PROPERTY_LENGTH = 5000;

const tenantsByJob = new WeakMap<object, Tenant>();

/** Returns the tenant that added a job. */
export function getBeeQueueTenant(job: object): Tenant | undefined {
  return tenantsByJob.get(job);
}

/**
 * Passes the tenant of a job to its worker. The tenant is added to the text that is stored in Redis. The library ignores
 * it, so the application never sees it, also without Perfscope.
 */
export function propagateBeeQueueTenant(Job: { prototype: object }): void {
  const addTenant = guard(PART, (job: object, text: unknown): string | undefined => {
    const tenant = tenantsByJob.get(job) ?? createStoredTenant();
    if (!tenant || typeof text !== 'string' || !text.endsWith('}')) return undefined;
    tenantsByJob.set(job, tenant);
    return addTenantToJob(text, tenant);
  });
  wrapMethod(Job.prototype, 'toData', (original) => {
    return function toData(this: object, ...args: unknown[]) {
      const text = original.apply(this, args) as unknown;
      return addTenant(this, text) ?? text;
    };
  });
  observeMethod(PART, Job, 'fromData', {
    after: (_, job: object, [, , text]) => {
      const tenant = readJobTenant(String(text));
      if (tenant) tenantsByJob.set(job, tenant);
    },
  });
}

/** Adds a tenant to the JSON of a job. */
export function addTenantToJob(text: string, tenant: Tenant): string {
  const value = JSON.stringify(JSON.stringify(tenant));
  return `${text.slice(0, -1)},"perfscope":${value}}`;
}

/** Returns the tenant in the JSON of a job, or undefined if there is none. */
export function readJobTenant(text: string): Tenant | undefined {
  const value = STORED_TENANT.exec(text.slice(-MAX_PROPERTY_LENGTH))?.[1];
  if (value === undefined) return undefined;
  return readStoredTenant(JSON.parse(JSON.parse(value) as string));
}
