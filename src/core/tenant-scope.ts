import { MAX_NAME_LENGTH } from './schema/table-definition.ts';

declare const scopeBrand: unique symbol;

/**
 * The tenants whose rows a query can read. Only the functions below create a scope. Code can't omit
 * the scope, or build one directly from request parameters.
 */
export interface TenantScope {
  readonly [scopeBrand]: true;
  /** Names of organizations. If empty, nothing is visible. */
  readonly organizations: 'all' | readonly string[];
  /** Names of properties. If this is not `all`, rows without a property are hidden. */
  readonly properties: 'all' | readonly string[];
  /** Whether rows about hosts are visible. They don't belong to a tenant. */
  readonly hosts: boolean;
}

/** All rows: for administrators of the installation and for the server itself. */
export const UNRESTRICTED_SCOPE = createScope('all', 'all', true);

/** Creates the scope of one organization, or of some of its properties. */
export function createOrganizationScope(
  organization: string,
  properties?: readonly string[],
): TenantScope {
  return createScope([organization], properties ?? 'all', false);
}

/** Tenants that a request selects. */
export interface TenantFilter {
  organizationId?: string | readonly string[] | undefined;
  propertyId?: string | readonly string[] | undefined;
}

/** Limits `outer` to the selected tenants. Tenants outside `outer` stay invisible. */
export function narrowScope(outer: TenantScope, filter: TenantFilter): TenantScope {
  const organizations = intersectNames(outer.organizations, filter.organizationId);
  const properties = intersectNames(outer.properties, filter.propertyId);
  const tenant = filter.organizationId ?? filter.propertyId;
  return createScope(organizations, properties, outer.hosts && tenant === undefined);
}

/** Returns whether nothing is visible in the scope. */
export function isEmptyScope({ organizations, properties }: TenantScope): boolean {
  return organizations.length === 0 || properties.length === 0;
}

/** Returns whether the rows of a tenant are visible in the scope. */
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
  selected: string | readonly string[] | undefined,
) {
  if (selected === undefined) return allowed;
  const names = typeof selected === 'string' ? [selected] : selected;
  return allowed === 'all' ? names : names.filter((name) => allowed.includes(name));
}

function createScope(
  organizations: TenantScope['organizations'],
  properties: TenantScope['properties'],
  hosts: boolean,
): TenantScope {
  return Object.freeze({ organizations, properties, hosts }) as TenantScope;
}

/** Returns whether a text can be the ID of an organization or a property: 1 to 512 printable characters. */
export function isValidTenantName(text: string): boolean {
  return text.length > 0 && text.length <= MAX_NAME_LENGTH && !/\p{C}/u.test(text);
}
