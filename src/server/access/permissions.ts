import { ROLES, type Role } from '../../core/person-and-roles.ts';

/**
 * The roles of keys, and two more roles that no key can have: for the metrics token, and for
 * anonymous callers.
 */
export type PrincipalRole = Role | 'SCRAPE' | 'NOBODY';

/** Each label completes the sentence "VIEWER can't …". */
export const PERMISSION_LABELS = {
  read: 'read metrics',
  readHosts: 'view hosts',
  acknowledge: 'acknowledge or silence alerts',
  manageKeys: 'manage API keys',
  test: 'use the test API',
  scrape: 'scrape /metrics, which contains the data of all tenants',
  ingest: 'send measurements or alerts',
  deploy: 'record deploys',
  backtest: 'run backtests',
  administer: 'administer the installation',
} as const;

export type Permission = keyof typeof PERMISSION_LABELS;

const ROLE_PERMISSIONS: Readonly<Record<PrincipalRole, readonly Permission[]>> = {
  ADMIN: Object.keys(PERMISSION_LABELS) as Permission[],
  ORG_ADMIN: ['read', 'acknowledge', 'manageKeys'],
  PROPERTY_MGR: ['read', 'acknowledge'],
  VIEWER: ['read'],
  INGEST: ['ingest', 'deploy'],
  SCRAPE: ['scrape'],
  NOBODY: [],
};

const ROLE_LIST = new Intl.ListFormat('en', { type: 'disjunction' });

export function hasPermission(role: PrincipalRole, permission: Permission): boolean {
  return ROLE_PERMISSIONS[role].includes(permission);
}

export function listPermissions(role: PrincipalRole): readonly Permission[] {
  return ROLE_PERMISSIONS[role];
}

/** Returns the roles of keys that have a permission, such as `INGEST or ADMIN`, least powerful first. */
export function formatRolesWith(permission: Permission): string {
  return formatRoles((role) => hasPermission(role, permission));
}

/** Returns the roles of keys that can create keys with `keyRole`. */
export function formatRolesThatGrant(keyRole: Role): string {
  return formatRoles((role) => canGrantRole(role, keyRole));
}

function formatRoles(isAllowed: (role: Role) => boolean): string {
  return ROLE_LIST.format(ROLES.filter(isAllowed).toReversed());
}

/**
 * Permissions to change who has access, and who receives messages. Until a key exists, direct
 * requests from this machine have all permissions except these, because some proxies forward
 * requests without any sign of it.
 */
const KEY_PERMISSIONS: readonly Permission[] = ['manageKeys', 'administer'];

/** Returns whether changes with this permission need a key or the local token. */
export function isKeyRequired(permission: Permission): boolean {
  return KEY_PERMISSIONS.includes(permission);
}

export function isRole(text: unknown): text is Role {
  return ROLES.includes(text as Role);
}

/**
 * Returns whether callers with `role` can create keys with `keyRole`: their permissions must include
 * all permissions of `keyRole`. INGEST is always allowed.
 */
export function canGrantRole(role: PrincipalRole, keyRole: Role): boolean {
  if (!hasPermission(role, 'manageKeys')) return false;
  return (
    keyRole === 'INGEST' ||
    ROLE_PERMISSIONS[keyRole].every((permission) => hasPermission(role, permission))
  );
}
