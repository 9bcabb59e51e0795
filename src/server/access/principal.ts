import type { Role } from '../../core/person-and-roles.ts';
import {
  createOrganizationScope,
  isValidTenantName,
  type TenantScope,
  UNRESTRICTED_SCOPE,
} from '../../core/tenant-scope.ts';
import type { PrincipalRole } from './permissions.ts';

/** Role and tenants of a key or token. */
export interface Grant {
  readonly role: Role;
  readonly organizationId?: string | undefined;
  /** Names of properties. Undefined for all properties of the organization. */
  readonly properties?: readonly string[] | undefined;
}

/** An authenticated caller. */
export interface Principal extends Omit<Grant, 'role'> {
  /** `key:ID`, `token:SUB`, `local`, or `scrape`. */
  readonly subject: string;
  readonly role: PrincipalRole;
  /** The rows that the principal can read. */
  readonly scope: TenantScope;
  /** Whether the request contained no credentials. Such callers can't manage access. */
  readonly isKeyless?: true | undefined;
}

const LOCAL_SUBJECT = 'local';

/** A caller without credentials, of a server on loopback for which no key was ever created. */
export const KEYLESS_LOCAL_ADMIN: Principal = Object.freeze({
  subject: LOCAL_SUBJECT,
  role: 'ADMIN',
  scope: UNRESTRICTED_SCOPE,
  isKeyless: true,
});

/** A caller with the local token: a process of the server's user on the same machine. */
export const LOCAL_ADMIN: Principal = Object.freeze({
  subject: LOCAL_SUBJECT,
  role: 'ADMIN',
  scope: UNRESTRICTED_SCOPE,
});

const EMPTY_SCOPE = createOrganizationScope('', []);

/** A caller with the metrics token. */
export const SCRAPER: Principal = Object.freeze({
  subject: 'scrape',
  role: 'SCRAPE',
  scope: EMPTY_SCOPE,
});

/** A caller of a public endpoint. */
export const ANONYMOUS: Principal = Object.freeze({
  subject: 'nobody',
  role: 'NOBODY',
  scope: EMPTY_SCOPE,
});

const MAX_PROPERTIES = 200;

/** Returns whether callers without a key have this subject, so that it doesn't identify one caller. */
export function isSharedSubject(subject: string): boolean {
  return subject === LOCAL_SUBJECT || subject === ANONYMOUS.subject;
}

/**
 * Returns the reason why a grant is invalid, or undefined if it's valid. Contradictory grants are
 * rejected, because each interpretation could give more access than intended.
 */
export function validateGrant({ role, organizationId, properties }: Grant): string | undefined {
  if (role === 'ADMIN' && organizationId !== undefined) {
    return 'ADMIN cannot be limited to an organization; use ORG_ADMIN';
  }
  // Collectors can send data for several tenants, so INGEST doesn't require an organization.
  if (organizationId === undefined && role !== 'ADMIN' && role !== 'INGEST') {
    return `${role} requires an organization`;
  }
  if (organizationId !== undefined && !isValidTenantName(organizationId)) {
    return 'the organization name is empty, too long, or contains unprintable characters';
  }
  if (properties === undefined) return undefined;
  if (role !== 'PROPERTY_MGR' && role !== 'VIEWER') {
    return `${role} cannot be limited to properties; use PROPERTY_MGR or VIEWER`;
  }
  if (properties.length === 0 || properties.length > MAX_PROPERTIES) {
    return `properties must contain 1 to ${MAX_PROPERTIES} names`;
  }
  if (!properties.every(isValidTenantName))
    return 'a property name is empty, too long, or contains unprintable characters';
  return undefined;
}

/** Creates a principal from a grant that `validateGrant` accepts. */
export function createPrincipal(subject: string, grant: Grant): Principal {
  return Object.freeze({ ...grant, subject, scope: toGrantScope(grant) });
}

function toGrantScope({ role, organizationId, properties }: Grant): TenantScope {
  if (role === 'ADMIN') return UNRESTRICTED_SCOPE;
  if (role === 'INGEST' || organizationId === undefined) return EMPTY_SCOPE;
  return createOrganizationScope(organizationId, properties);
}
