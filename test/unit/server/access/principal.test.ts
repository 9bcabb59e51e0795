import { describe, expect, it } from 'vitest';
import { ROLES } from '../../../../src/core/person-and-roles.ts';
import {
  isEmptyScope,
  narrowScope,
  UNRESTRICTED_SCOPE,
} from '../../../../src/core/tenant-scope.ts';
import {
  canGrantRole,
  hasPermission,
  PERMISSION_LABELS,
  type Permission,
} from '../../../../src/server/access/permissions.ts';
import {
  createPrincipal,
  type Grant,
  LOCAL_ADMIN,
  SCRAPER,
  validateGrant,
} from '../../../../src/server/access/principal.ts';

describe('roles', () => {
  it.each([
    ['ADMIN', Object.keys(PERMISSION_LABELS)],
    ['ORG_ADMIN', ['read', 'acknowledge', 'manageKeys']],
    ['PROPERTY_MGR', ['read', 'acknowledge']],
    ['VIEWER', ['read']],
    ['INGEST', ['ingest', 'deploy']],
    ['SCRAPE', ['scrape']],
  ] as const)('%s has the permissions %s', (role, expected) => {
    const permissions = Object.keys(PERMISSION_LABELS) as Permission[];
    expect(permissions.filter((permission) => hasPermission(role, permission))).toEqual(expected);
  });

  it.each([
    ['ADMIN', [...ROLES]],
    ['ORG_ADMIN', ['ORG_ADMIN', 'PROPERTY_MGR', 'VIEWER', 'INGEST']],
    ['PROPERTY_MGR', []],
    ['VIEWER', []],
    ['INGEST', []],
    ['SCRAPE', []],
  ] as const)('%s can grant the roles %s', (role, expected) => {
    expect(ROLES.filter((keyRole) => canGrantRole(role, keyRole))).toEqual(expected);
  });
});

describe('the scope of a principal', () => {
  const getScope = (grant: Grant) => createPrincipal('key:1', grant).scope;

  it('is unrestricted for ADMIN and for local users without authentication', () => {
    expect(getScope({ role: 'ADMIN' })).toBe(UNRESTRICTED_SCOPE);
    expect(LOCAL_ADMIN.scope).toBe(UNRESTRICTED_SCOPE);
  });

  it.each(['ORG_ADMIN', 'PROPERTY_MGR', 'VIEWER'] as const)(
    'is limited to one organization for %s',
    (role) => {
      const scope = getScope({ role, organizationId: 'acme' });
      expect(scope).toEqual({ organizations: ['acme'], properties: 'all', hosts: false });
      expect(isEmptyScope(narrowScope(scope, { organizationId: 'other' }))).toBe(true);
    },
  );

  it.each(['PROPERTY_MGR', 'VIEWER'] as const)('can be limited to properties for %s', (role) => {
    const scope = getScope({ role, organizationId: 'acme', properties: ['sea', 'hill'] });
    expect(scope).toEqual({ organizations: ['acme'], properties: ['sea', 'hill'], hosts: false });
  });

  it('contains no rows for INGEST or for the metrics token', () => {
    for (const scope of [
      getScope({ role: 'INGEST' }),
      getScope({ role: 'INGEST', organizationId: 'acme' }),
      SCRAPER.scope,
    ]) {
      expect(isEmptyScope(scope)).toBe(true);
      expect(scope.hosts).toBe(false);
    }
  });

  it('contains no rows if the organization is missing', () => {
    expect(isEmptyScope(getScope({ role: 'VIEWER' }))).toBe(true);
  });
});

describe('validateGrant', () => {
  it.each<[string, Grant]>([
    ['an ADMIN of one organization', { role: 'ADMIN', organizationId: 'acme' }],
    ['an ADMIN with properties', { role: 'ADMIN', properties: ['sea'] }],
    ['an ORG_ADMIN without an organization', { role: 'ORG_ADMIN' }],
    ['an ORG_ADMIN with properties', { role: 'ORG_ADMIN', organizationId: 'a', properties: ['s'] }],
    ['a VIEWER without an organization', { role: 'VIEWER' }],
    ['a VIEWER with a property but no organization', { role: 'VIEWER', properties: ['sea'] }],
    ['an empty list of properties', { role: 'VIEWER', organizationId: 'a', properties: [] }],
    ['an empty property name', { role: 'VIEWER', organizationId: 'a', properties: [''] }],
    ['an empty organization name', { role: 'VIEWER', organizationId: '' }],
    ['an organization name with a line break', { role: 'VIEWER', organizationId: 'a\nb' }],
    ['an organization name that is too long', { role: 'VIEWER', organizationId: 'a'.repeat(513) }],
    ['an INGEST with properties', { role: 'INGEST', organizationId: 'a', properties: ['s'] }],
  ])('rejects %s', (_case, grant) => {
    expect(validateGrant(grant)).toBeTypeOf('string');
  });

  it.each<[string, Grant]>([
    ['an ADMIN', { role: 'ADMIN' }],
    ['an INGEST for all tenants', { role: 'INGEST' }],
    ['an INGEST of one organization', { role: 'INGEST', organizationId: 'Hôtel 🏨' }],
    ['a VIEWER of a property', { role: 'VIEWER', organizationId: 'a', properties: ['s'] }],
  ])('accepts %s', (_case, grant) => {
    expect(validateGrant(grant)).toBeUndefined();
  });
});
