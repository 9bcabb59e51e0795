import { getCurrentTenant, type Tenant } from '../context/tenant-context.ts';

/** Name of the property or message attribute that contains the tenant. */
export const TENANT_PROPERTY = 'perfscope';

/** Maximum length of an ID, as in `Tenant`. */
const MAX_ID_LENGTH = 128;

/** Returns the current tenant in the form in which jobs and messages store it. Undefined if there is none. */
export function createStoredTenant(): Tenant | undefined {
  const tenant = getCurrentTenant();
  return tenant && readStoredTenant(tenant);
}

/**
 * Returns the tenant that a job or message stores. Copies only valid fields, because any program can write a job.
 *
 * @returns undefined if the value contains no tenant
 */
export function readStoredTenant(value: unknown): Tenant | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { organizationId, propertyId, userId } = value as Record<string, unknown>;
  const tenant = {
    ...(isId(organizationId) && { organizationId }),
    ...(isId(propertyId) && { propertyId }),
    ...(isId(userId) && { userId }),
  };
  return Object.keys(tenant).length > 0 ? tenant : undefined;
}

/** Removes the tenant from the options of a job that was read, and returns it. Only the stored job has this option. */
export function takeStoredTenant(options: Record<string, unknown> | undefined): Tenant | undefined {
  const tenant = readStoredTenant(options?.[TENANT_PROPERTY]);
  if (tenant) delete options?.[TENANT_PROPERTY];
  return tenant;
}

/** Returns the tenant of a batch of jobs, or undefined if the jobs have different tenants. */
export function findCommonTenant(tenants: readonly (Tenant | undefined)[]): Tenant | undefined {
  const [first] = tenants;
  const isCommon = tenants.every(
    (each) =>
      each?.organizationId === first?.organizationId &&
      each?.propertyId === first?.propertyId &&
      each?.userId === first?.userId,
  );
  return isCommon ? first : undefined;
}

function isId(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= MAX_ID_LENGTH;
}
