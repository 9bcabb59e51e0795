declare const scopeBrand: unique symbol;

/**
 * Whose rows may be read. Only the functions below make one, so that nobody can leave it out, or
 * put one together from what a request says.
 */
export interface TenantScope {
  readonly [scopeBrand]: true;
  /** Names of organizations; without a name in it, nothing is visible. */
  readonly organizations: 'all' | readonly string[];
  /** Names of properties. Unless it is `all`, rows that name no property are hidden. */
  readonly properties: 'all' | readonly string[];
  /** Whether rows about hosts, which belong to no tenant, are visible. */
  readonly hosts: boolean;
}

/** All that is stored: for administrators of the installation, and for the server's own work. */
export const UNRESTRICTED_SCOPE = createScope('all', 'all', true);

/** One organization, or only some of its properties. */
export function createOrganizationScope(
  organization: string,
  properties?: readonly string[],
): TenantScope {
  return createScope([organization], properties ?? 'all', false);
}

/** Names of tenants that somebody asks for. */
export interface TenantFilter {
  organizationId?: string | readonly string[] | undefined;
  propertyId?: string | readonly string[] | undefined;
}

/** What `outer` allows of the named tenants. Asking for more than is allowed gives nothing. */
export function narrowScope(outer: TenantScope, to: TenantFilter): TenantScope {
  const organizations = intersectNames(outer.organizations, to.organizationId);
  const properties = intersectNames(outer.properties, to.propertyId);
  const tenant = to.organizationId ?? to.propertyId;
  return createScope(organizations, properties, outer.hosts && tenant === undefined);
}

/** Whether the scope shows nothing at all. */
export function isEmptyScope({ organizations, properties }: TenantScope): boolean {
  return organizations.length === 0 || properties.length === 0;
}

/** Whether the scope shows what belongs to this tenant. */
export function isVisibleInScope(
  {
    organizationId,
    propertyId,
  }: { organizationId?: string | undefined; propertyId?: string | undefined },
  { organizations, properties }: TenantScope,
): boolean {
  return includesName(organizations, organizationId) && includesName(properties, propertyId);
}

function includesName(names: TenantScope['organizations'], name: string | undefined): boolean {
  return names === 'all' || (name !== undefined && names.includes(name));
}

function intersectNames(
  allowed: TenantScope['organizations'],
  asked: string | readonly string[] | undefined,
) {
  if (asked === undefined) return allowed;
  const names = typeof asked === 'string' ? [asked] : asked;
  return allowed === 'all' ? names : names.filter((name) => allowed.includes(name));
}

function createScope(
  organizations: TenantScope['organizations'],
  properties: TenantScope['properties'],
  hosts: boolean,
): TenantScope {
  return Object.freeze({ organizations, properties, hosts }) as TenantScope;
}
