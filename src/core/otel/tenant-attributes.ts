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
