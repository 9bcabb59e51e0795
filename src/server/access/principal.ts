import type { Role } from '../../core/people.ts';
import { MAX_NAME_LENGTH } from '../../core/schema/table-definition.ts';
import {
  createOrganizationScope,
  type TenantScope,
  UNRESTRICTED_SCOPE,
} from '../../core/tenant-scope.ts';
import type { PrincipalRole } from './roles.ts';

/** What a key or a token says that its holder may do, and for whom. */
export interface Grant {
  readonly role: Role;
  readonly organizationId?: string | undefined;
  /** Names of properties; undefined means all of the organization. */
  readonly properties?: readonly string[] | undefined;
}

/** Who asks. */
export interface Principal extends Omit<Grant, 'role'> {
  /** `key:ID`, `token:SUB`, `local`, or `scrape`. */
  readonly subject: string;
  readonly role: PrincipalRole;
  /** The rows that may be read. */
  readonly scope: TenantScope;
}

/** Whoever reaches a server on loopback for which no key was ever made. */
export const LOCAL_ADMIN: Principal = Object.freeze({
  subject: 'local',
  role: 'ADMIN',
  scope: UNRESTRICTED_SCOPE,
});

const EMPTY_SCOPE = createOrganizationScope('', []);

/** Whoever shows the scrape token. */
export const SCRAPER: Principal = Object.freeze({
  subject: 'scrape',
  role: 'SCRAPE',
  scope: EMPTY_SCOPE,
});

/** Whoever asks for what is public. */
export const ANONYMOUS: Principal = Object.freeze({
  subject: 'nobody',
  role: 'NOBODY',
  scope: EMPTY_SCOPE,
});

const MAX_PROPERTIES = 200;

/**
 * Why nobody can be granted this; undefined when all is right. A grant that contradicts itself is
 * refused, because either reading of it may show somebody more than was meant.
 */
export function validateGrant({ role, organizationId, properties }: Grant): string | undefined {
  if (role === 'ADMIN' && organizationId !== undefined) {
    return 'an ADMIN is of the whole installation, so it names no organization (ORG_ADMIN does)';
  }
  // Collectors send for several tenants: their key need not name one.
  if (organizationId === undefined && role !== 'ADMIN' && role !== 'INGEST') {
    return `${role} needs an organization`;
  }
  if (organizationId !== undefined && !isValidTenantName(organizationId)) {
    return 'the name of the organization is empty, too long or not printable';
  }
  if (properties === undefined) return undefined;
  if (role !== 'PROPERTY_MGR' && role !== 'VIEWER') {
    return `${role} is not limited to properties (PROPERTY_MGR and VIEWER can be)`;
  }
  if (properties.length === 0 || properties.length > MAX_PROPERTIES) {
    return `properties must be 1 to ${MAX_PROPERTIES} names`;
  }
  if (!properties.every(isValidTenantName))
    return 'the name of a property is empty, too long or not printable';
  return undefined;
}

/** The holder of a grant without a problem. */
export function createPrincipal(subject: string, grant: Grant): Principal {
  return Object.freeze({ ...grant, subject, scope: toGrantScope(grant) });
}

function toGrantScope({ role, organizationId, properties }: Grant): TenantScope {
  if (role === 'ADMIN') return UNRESTRICTED_SCOPE;
  if (role === 'INGEST' || organizationId === undefined) return EMPTY_SCOPE;
  return createOrganizationScope(organizationId, properties);
}

function isValidTenantName(text: string): boolean {
  return text.length > 0 && text.length <= MAX_NAME_LENGTH && !/\p{C}/u.test(text);
}
