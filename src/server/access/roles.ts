import { ROLES, type Role } from '../../core/people.ts';

/** Whoever scrapes `/metrics` with the token made for it, or asks for what is public; no key has these. */
export type PrincipalRole = Role | 'SCRAPE' | 'NOBODY';

/** What can be asked for, as the end of "VIEWER may not …". */
export const PERMISSION_LABELS = {
  read: 'read figures',
  readHosts: 'see hosts',
  acknowledge: 'acknowledge or silence alerts',
  manageKeys: 'manage keys',
  test: 'use the test API',
  scrape: 'scrape /metrics, which shows all tenants',
  ingest: 'send measurements',
  administer: 'administer the installation',
} as const;

export type Permission = keyof typeof PERMISSION_LABELS;

const ROLE_PERMISSIONS: Readonly<Record<PrincipalRole, readonly Permission[]>> = {
  ADMIN: Object.keys(PERMISSION_LABELS) as Permission[],
  ORG_ADMIN: ['read', 'acknowledge', 'manageKeys'],
  PROPERTY_MGR: ['read', 'acknowledge'],
  VIEWER: ['read'],
  INGEST: ['ingest'],
  SCRAPE: ['scrape'],
  NOBODY: [],
};

export function hasPermission(role: PrincipalRole, permission: Permission): boolean {
  return ROLE_PERMISSIONS[role].includes(permission);
}

export function isRole(text: unknown): text is Role {
  return ROLES.includes(text as Role);
}

/** Whether whoever has `role` may give `given` to others: what it may do itself, and INGEST. */
export function canGrantRole(role: PrincipalRole, given: Role): boolean {
  if (!hasPermission(role, 'manageKeys')) return false;
  return (
    given === 'INGEST' ||
    ROLE_PERMISSIONS[given].every((permission) => hasPermission(role, permission))
  );
}
