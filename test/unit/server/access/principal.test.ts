import { describe, expect, it } from 'vitest';
import { ROLES } from '../../../../src/core/people.ts';
import {
  isEmptyScope,
  narrowScope,
  UNRESTRICTED_SCOPE,
} from '../../../../src/core/tenant-scope.ts';
import {
  createPrincipal,
  type Grant,
  LOCAL_ADMIN,
  SCRAPER,
  validateGrant,
} from '../../../../src/server/access/principal.ts';
import {
  canGrantRole,
  hasPermission,
  PERMISSION_LABELS,
  type Permission,
} from '../../../../src/server/access/roles.ts';

describe('what a role may do', () => {
  it.each([
    ['ADMIN', Object.keys(PERMISSION_LABELS)],
    ['ORG_ADMIN', ['read', 'acknowledge', 'manageKeys']],
    ['PROPERTY_MGR', ['read', 'acknowledge']],
    ['VIEWER', ['read']],
    ['INGEST', ['ingest']],
    ['SCRAPE', ['scrape']],
  ] as const)('%s may %s', (role, allowed) => {
    const acts = Object.keys(PERMISSION_LABELS) as Permission[];
    expect(acts.filter((act) => hasPermission(role, act))).toEqual(allowed);
  });

  it.each([
    ['ADMIN', [...ROLES]],
    ['ORG_ADMIN', ['ORG_ADMIN', 'PROPERTY_MGR', 'VIEWER', 'INGEST']],
    ['PROPERTY_MGR', []],
    ['VIEWER', []],
    ['INGEST', []],
    ['SCRAPE', []],
  ] as const)('%s may give the roles %s', (role, given) => {
    expect(ROLES.filter((one) => canGrantRole(role, one))).toEqual(given);
  });
});

describe('what a principal sees', () => {
  const sees = (grant: Grant) => createPrincipal('key:1', grant).scope;

  it('an ADMIN, and whoever is local to an open server, sees everything', () => {
    expect(sees({ role: 'ADMIN' })).toBe(UNRESTRICTED_SCOPE);
    expect(LOCAL_ADMIN.scope).toBe(UNRESTRICTED_SCOPE);
  });

  it.each(['ORG_ADMIN', 'PROPERTY_MGR', 'VIEWER'] as const)('%s sees its organization', (role) => {
    const scope = sees({ role, organizationId: 'acme' });
    expect(scope).toEqual({ organizations: ['acme'], properties: 'all', hosts: false });
    expect(isEmptyScope(narrowScope(scope, { organizationId: 'other' }))).toBe(true);
  });

  it.each(['PROPERTY_MGR', 'VIEWER'] as const)('%s can be limited to properties', (role) => {
    const scope = sees({ role, organizationId: 'acme', properties: ['sea', 'hill'] });
    expect(scope).toEqual({ organizations: ['acme'], properties: ['sea', 'hill'], hosts: false });
  });

  it('who sends measurements or scrapes sees no row', () => {
    for (const scope of [
      sees({ role: 'INGEST' }),
      sees({ role: 'INGEST', organizationId: 'acme' }),
      SCRAPER.scope,
    ]) {
      expect(isEmptyScope(scope)).toBe(true);
      expect(scope.hosts).toBe(false);
    }
  });

  it('a role that lost its organization on the way sees no row', () => {
    expect(isEmptyScope(sees({ role: 'VIEWER' }))).toBe(true);
  });
});

describe('a grant that is refused', () => {
  it.each<[string, Grant]>([
    ['an ADMIN of one organization', { role: 'ADMIN', organizationId: 'acme' }],
    ['an ADMIN of some properties', { role: 'ADMIN', properties: ['sea'] }],
    ['an ORG_ADMIN of nothing', { role: 'ORG_ADMIN' }],
    [
      'an ORG_ADMIN of some properties',
      { role: 'ORG_ADMIN', organizationId: 'a', properties: ['s'] },
    ],
    ['a VIEWER of nothing', { role: 'VIEWER' }],
    ['a VIEWER of a property of any organization', { role: 'VIEWER', properties: ['sea'] }],
    ['an empty list of properties', { role: 'VIEWER', organizationId: 'a', properties: [] }],
    ['a property without a name', { role: 'VIEWER', organizationId: 'a', properties: [''] }],
    ['an organization without a name', { role: 'VIEWER', organizationId: '' }],
    ['an organization with a line break', { role: 'VIEWER', organizationId: 'a\nb' }],
    ['an organization too long', { role: 'VIEWER', organizationId: 'a'.repeat(513) }],
    ['an INGEST of some properties', { role: 'INGEST', organizationId: 'a', properties: ['s'] }],
  ])('%s', (_what, grant) => {
    expect(validateGrant(grant)).toBeTypeOf('string');
  });

  it.each<[string, Grant]>([
    ['an ADMIN', { role: 'ADMIN' }],
    ['an INGEST for all tenants', { role: 'INGEST' }],
    ['an INGEST of one organization', { role: 'INGEST', organizationId: 'Hôtel 🏨' }],
    ['a VIEWER of a property', { role: 'VIEWER', organizationId: 'a', properties: ['s'] }],
  ])('is not %s', (_what, grant) => {
    expect(validateGrant(grant)).toBeUndefined();
  });
});
