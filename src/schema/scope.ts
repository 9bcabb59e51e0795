declare const made: unique symbol;

/**
 * Whose rows may be read. Only the functions below make one, so that nobody can leave it out, or
 * put one together from what a request says.
 */
export interface Scope {
  readonly [made]: true;
  /** Names of organizations; without a name in it, nothing is visible. */
  readonly organizations: 'all' | readonly string[];
  /** Names of properties. Unless it is `all`, rows that name no property are hidden. */
  readonly properties: 'all' | readonly string[];
  /** Whether rows about hosts, which belong to no tenant, are visible. */
  readonly hosts: boolean;
}

/** All that is stored: for administrators of the installation, and for the server's own work. */
export const EVERYTHING = scope('all', 'all', true);

/** One organization, or only some of its properties. */
export function scopeOf(organization: string, properties?: readonly string[]): Scope {
  return scope([organization], properties ?? 'all', false);
}

/** Names of tenants that somebody asks for. */
export interface Tenants {
  organizationId?: string | readonly string[] | undefined;
  propertyId?: string | readonly string[] | undefined;
}

/** What `outer` allows of the named tenants. Asking for more than is allowed gives nothing. */
export function narrow(outer: Scope, to: Tenants): Scope {
  const organizations = within(outer.organizations, to.organizationId);
  const properties = within(outer.properties, to.propertyId);
  const tenant = to.organizationId ?? to.propertyId;
  return scope(organizations, properties, outer.hosts && tenant === undefined);
}

/** Whether the scope shows nothing at all. */
export function isEmpty({ organizations, properties }: Scope): boolean {
  return organizations.length === 0 || properties.length === 0;
}

/** Whether the scope shows what belongs to this tenant. */
export function isVisible(
  {
    organizationId,
    propertyId,
  }: { organizationId?: string | undefined; propertyId?: string | undefined },
  { organizations, properties }: Scope,
): boolean {
  return has(organizations, organizationId) && has(properties, propertyId);
}

function has(names: Scope['organizations'], name: string | undefined): boolean {
  return names === 'all' || (name !== undefined && names.includes(name));
}

function within(allowed: Scope['organizations'], asked: string | readonly string[] | undefined) {
  if (asked === undefined) return allowed;
  const names = typeof asked === 'string' ? [asked] : asked;
  return allowed === 'all' ? names : names.filter((name) => allowed.includes(name));
}

function scope(
  organizations: Scope['organizations'],
  properties: Scope['properties'],
  hosts: boolean,
): Scope {
  return Object.freeze({ organizations, properties, hosts }) as Scope;
}
