import { isValidTenantName } from '../../tenant-scope.ts';
import type { OtelAttributes, OtelAttributeValue } from '../metric-data.ts';

/** Names of the attributes that contain the tenant and the user. */
export interface TenantAttributeNames {
  readonly organization: string;
  readonly property: string;
  readonly user: string;
}

export const DEFAULT_TENANT_ATTRIBUTES: TenantAttributeNames = {
  organization: 'perfscope.organization.id',
  property: 'perfscope.property.id',
  user: 'user.id',
};

/** Returns the configured names. */
export function getTenantAttributes(settings: {
  readonly PERFORMANCE_ORGANIZATION_ATTRIBUTE: string;
  readonly PERFORMANCE_PROPERTY_ATTRIBUTE: string;
  readonly PERFORMANCE_USER_ATTRIBUTE: string;
}): TenantAttributeNames {
  return {
    organization: settings.PERFORMANCE_ORGANIZATION_ATTRIBUTE,
    property: settings.PERFORMANCE_PROPERTY_ATTRIBUTE,
    user: settings.PERFORMANCE_USER_ATTRIBUTE,
  };
}

/** IDs of the tenant of a row. */
interface TenantIds {
  readonly organizationId: string | undefined;
  readonly propertyId: string | undefined;
}

/**
 * Reads the tenant from attributes. IDs are neither redacted nor shortened, because different tenants could then have the
 * same ID.
 *
 * @param defaults IDs that are used if an attribute is missing
 */
export function readTenant(
  attributes: OtelAttributes,
  { organization, property }: TenantAttributeNames,
  defaults?: TenantIds,
): TenantIds {
  return {
    organizationId: readTenantId(attributes[organization], defaults?.organizationId),
    propertyId: readTenantId(attributes[property], defaults?.propertyId),
  };
}

/**
 * Returns the ID of a tenant or a user. Undefined if it is too long or not printable.
 *
 * @param missing returned if there is no value. An invalid value is not replaced by another tenant's ID.
 */
export function readTenantId(
  value: OtelAttributeValue | undefined,
  missing?: string,
): string | undefined {
  if (value === undefined || value === '') return missing;
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  return isValidTenantName(text) ? text : undefined;
}
