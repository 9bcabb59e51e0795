import { createHash } from '../../core/lazy-crypto.ts';
import {
  DISMISSAL_STATES,
  type DismissalState,
  type SuggestionDismissalRow,
} from '../../core/schema/tables/suggestion-dismissals-table.ts';
import type { TenantScope } from '../../core/tenant-scope.ts';

/** The current state of a dismissal. Times are in ms since the epoch. */
export interface Dismissal {
  readonly id: string;
  readonly seq: number;
  readonly state: DismissalState;
  readonly suggestionId: string;
  readonly kind: string;
  readonly title: string;
  readonly author: string;
  readonly comment: string;
  readonly atMs: number;
  /** End of the dismissal. Undefined if it never ends. */
  readonly expiresMs: number | undefined;
  /** Tenant whose people don't see the suggestion. Undefined for everyone. */
  readonly organization: string | undefined;
  readonly property: string | undefined;
}

/** A tenant of a caller. Undefined values mean all. */
export interface DismissalTenant {
  readonly organization?: string | undefined;
  readonly property?: string | undefined;
}

/** Returns the ID of the dismissal of a suggestion by a tenant. */
export function computeDismissalId(
  suggestionId: string,
  { organization, property }: DismissalTenant,
): string {
  const text = JSON.stringify([suggestionId, organization ?? null, property ?? null]);
  return createHash('sha256').update(text).digest('hex').slice(0, 24);
}

/** Returns the tenants for which a caller dismisses: one per property if the caller is limited to properties. */
export function listDismissalTenants({
  organizations,
  properties,
}: TenantScope): DismissalTenant[] {
  if (organizations === 'all') return [{}];
  return organizations.flatMap((organization) =>
    properties === 'all'
      ? [{ organization }]
      : properties.map((property) => ({ organization, property })),
  );
}

/** Returns whether a dismissal is in effect. */
export function isActive({ state, expiresMs }: Dismissal, nowMs: number): boolean {
  return state === 'dismissed' && (expiresMs === undefined || expiresMs > nowMs);
}

/**
 * Returns the dismissal that hides a suggestion from a caller. A caller with several tenants sees the suggestion until
 * it is dismissed for all of them.
 *
 * @param dismissals dismissals that are in effect
 */
export function findDismissal(
  dismissals: readonly Dismissal[],
  suggestionId: string,
  scope: TenantScope,
): Dismissal | undefined {
  const own = dismissals.filter((each) => each.suggestionId === suggestionId);
  const global = own.find(({ organization }) => organization === undefined);
  if (global || own.length === 0) return global;
  const hiding = listDismissalTenants(scope).map((tenant) =>
    own.find(
      ({ organization, property }) =>
        organization === tenant.organization &&
        (property === undefined || property === tenant.property),
    ),
  );
  return hiding.every((each) => each !== undefined) ? hiding[0] : undefined;
}

/** Returns whether a caller can undo a dismissal, and read its author and comment. */
export function canChangeDismissal(
  { organization, property }: Dismissal,
  { organizations, properties }: TenantScope,
): boolean {
  if (organizations === 'all') return true;
  const isOwn = organization !== undefined && organizations.includes(organization);
  return (
    isOwn && (properties === 'all' || (property !== undefined && properties.includes(property)))
  );
}

export function toDismissalRow(dismissal: Dismissal): SuggestionDismissalRow {
  const { atMs, organization, property, expiresMs, ...rest } = dismissal;
  return {
    ...rest,
    timestamp: atMs,
    organizationId: organization,
    propertyId: property,
    expiresAt: expiresMs,
  };
}

/** Returns the current state of each dismissal. Rows without an ID or with an unknown state are ignored. */
export function mergeDismissalRows(rows: readonly SuggestionDismissalRow[]): Dismissal[] {
  const latest = new Map<string, Dismissal>();
  for (const row of rows) {
    const { id, suggestionId, timestamp, seq = 1, kind = '', title = '' } = row;
    const state = DISMISSAL_STATES.find((each) => each === row.state);
    if (id === undefined || suggestionId === undefined || state === undefined) continue;
    const known = latest.get(id);
    const isLater =
      !known || timestamp > known.atMs || (timestamp === known.atMs && seq > known.seq);
    if (!isLater) continue;
    const { author = '', comment = '', expiresAt, organizationId, propertyId } = row;
    latest.set(id, {
      ...{ id, seq, state, suggestionId, kind, title, author, comment, atMs: timestamp },
      ...{ expiresMs: expiresAt, organization: organizationId, property: propertyId },
    });
  }
  return [...latest.values()];
}
