import { type Labels, toReadableLabels } from '../../../core/alerts/alert.ts';
import type { AffectedTenant } from '../../../core/alerts/incident-summary.ts';
import type { AlertSeverity } from '../../../core/schema/enums.ts';
import type { IncidentState } from '../../../core/schema/tables/incidents-table.ts';
import { isVisibleInScope, type TenantScope } from '../../../core/tenant-scope.ts';
import type { TimeRange } from '../../../storage/queries/time-range.ts';
import type { Cause } from '../incidents/causes/cause.ts';
import { type Incident, type IncidentMember, isResolvedMember } from '../incidents/incident.ts';
import {
  getCommonLabels,
  getIncidentSeverity,
  getIncidentTitle,
  listLabelValues,
} from '../incidents/incident-rows.ts';

/** A likely cause in API responses. */
interface CauseView extends Omit<Cause, 'onsetMs'> {
  readonly onsetAt: Date;
}

/** An alert of an incident in API responses. */
interface IncidentAlertView {
  readonly id: string;
  readonly rule: string;
  readonly state: IncidentMember['state'];
  readonly severity: AlertSeverity;
  readonly labels: Labels;
  readonly summary: string;
  readonly startedAt: Date;
  readonly endedAt: Date | undefined;
}

/** An incident in API responses, limited to the alerts of the caller's tenants. */
export interface IncidentView {
  readonly id: string;
  readonly state: IncidentState;
  readonly severity: AlertSeverity;
  readonly title: string;
  readonly acknowledged: boolean;
  readonly author: string | undefined;
  readonly comment: string | undefined;
  readonly labels: Labels;
  readonly services: readonly string[];
  readonly hosts: readonly string[];
  readonly queues: readonly string[];
  readonly organizations: readonly string[];
  readonly alertCount: number;
  readonly alerts: readonly IncidentAlertView[];
  readonly causes: readonly CauseView[];
  readonly tenants: readonly AffectedTenant[];
  readonly startedAt: Date;
  readonly resolvedAt: Date | undefined;
  readonly mergedInto: string | undefined;
  readonly splitFrom: string | undefined;
  readonly reopenedCount: number;
  /** Address of the incident in the web UI. Relative if the server's public address isn't known. */
  readonly link: string;
}

/** One entry of an incident's timeline. */
export interface TimelineEntry {
  readonly at: Date;
  readonly kind:
    | 'incident'
    | 'alert'
    | 'acknowledgment'
    | 'cause'
    | 'version'
    | 'restart'
    | 'notification';
  readonly text: string;
  readonly alertId: string | undefined;
}

/** A change of an incident, and its position in the stream of changes. */
interface IncidentChange {
  readonly position: string;
  readonly incident: IncidentView;
}

/** Filters incidents. Each key lists the values that match. */
export interface IncidentFilter {
  readonly state?: readonly IncidentState[] | undefined;
  readonly severity?: readonly AlertSeverity[] | undefined;
  readonly service?: readonly string[] | undefined;
}

/** Incidents. Alerts outside the caller's scope are treated as missing. */
export interface IncidentService {
  /**
   * Lists the incidents that were open at some time in a range.
   *
   * @throws PS_UNAVAILABLE if QuestDB is unreachable
   */
  list(filter: IncidentFilter, range: TimeRange, scope: TenantScope): Promise<IncidentView[]>;
  /**
   * Returns an incident with its timeline, oldest first.
   *
   * @throws PS_NOT_FOUND if there is no such incident, or none of its alerts is visible
   * @throws PS_UNAVAILABLE if QuestDB is unreachable
   */
  get(
    id: string,
    scope: TenantScope,
  ): Promise<{ incident: IncidentView; timeline: readonly TimelineEntry[] }>;
  /**
   * Acknowledges the visible alerts of an incident that are firing.
   *
   * @throws PS_NOT_FOUND if there is no such incident, or all its visible alerts are resolved
   */
  acknowledge(
    id: string,
    comment: string,
    actor: { readonly author: string; readonly scope: TenantScope },
  ): IncidentView;
  /**
   * Subscribes to the changes of visible incidents. The listener first receives the changes after `position` that are
   * still buffered.
   *
   * @returns a function that ends the subscription
   */
  subscribe(
    scope: TenantScope,
    position: string | undefined,
    listener: (change: IncidentChange) => void,
  ): () => void;
}

/** Returns whether a caller can see everything about all incidents. */
export function isUnlimited({ organizations, properties, hosts }: TenantScope): boolean {
  return organizations === 'all' && properties === 'all' && hosts;
}

/** Returns the alerts of an incident that belong to the scope's tenants. */
export function listVisibleMembers(
  { members }: Pick<Incident, 'members'>,
  scope: TenantScope,
): IncidentMember[] {
  return members.filter(({ labels }) =>
    isVisibleInScope({ organizationId: labels.organization, propertyId: labels.property }, scope),
  );
}

/**
 * Converts an incident for a caller with `scope`. Callers limited to tenants see only their alerts and the requests of
 * their tenants. The state, the severity, and the times are computed from these alerts.
 *
 * @param causes causes for the caller's scope. Default: the stored causes, which limited callers can't see.
 * @returns undefined if no alert is visible
 */
export function toIncidentView(
  incident: Incident,
  scope: TenantScope,
  publicUrl: string | undefined,
  causes?: readonly Cause[],
): IncidentView | undefined {
  const members = listVisibleMembers(incident, scope);
  if (members.length === 0) return undefined;
  const canSeeAll = isUnlimited(scope);
  const ends = members.flatMap(({ endedMs }) => endedMs ?? []);
  const isActive = members.some((member) => !isResolvedMember(member));
  const state = canSeeAll || incident.state !== 'open' || isActive ? incident.state : 'resolved';
  const resolvedMs = canSeeAll ? incident.resolvedMs : Math.max(...ends);
  const shownCauses = causes ?? (canSeeAll ? incident.causes : []);
  const firing = members.filter(({ state }) => state === 'firing');
  const base = publicUrl?.replace(/\/+$/, '') ?? '';
  return {
    id: incident.id,
    state,
    severity: getIncidentSeverity({ members }),
    title: getIncidentTitle({ members, causes: shownCauses }),
    acknowledged: isActive && firing.length === 0,
    author: canSeeAll ? incident.author : undefined,
    comment: canSeeAll ? incident.comment : undefined,
    labels: toVisibleLabels(getCommonLabels(members), scope),
    services: listLabelValues(members, 'service'),
    hosts: scope.hosts ? listLabelValues(members, 'host') : [],
    queues: listLabelValues(members, 'queue'),
    organizations: listLabelValues(members, 'organization'),
    alertCount: members.length,
    alerts: members.map((member) => toAlertView(member, scope)),
    causes: shownCauses.map(({ onsetMs, ...cause }) => ({ ...cause, onsetAt: new Date(onsetMs) })),
    tenants: incident.tenants.filter((tenant) => isVisibleInScope(tenant, scope)),
    startedAt: new Date(members[0]!.startedMs),
    resolvedAt: state === 'resolved' && resolvedMs !== undefined ? new Date(resolvedMs) : undefined,
    mergedInto: incident.mergedInto,
    splitFrom: incident.splitFrom,
    reopenedCount: incident.reopenedCount,
    link: `${base}/incidents/${incident.id}`,
  };
}

function toAlertView(member: IncidentMember, scope: TenantScope): IncidentAlertView {
  const { id, rule, state, severity, labels, summary, startedMs, endedMs } = member;
  return {
    ...{ id, rule, state, severity, summary },
    labels: toVisibleLabels(labels, scope),
    startedAt: new Date(startedMs),
    endedAt: endedMs === undefined ? undefined : new Date(endedMs),
  };
}

function toVisibleLabels(labels: Labels, { hosts }: TenantScope): Labels {
  return hosts ? labels : toReadableLabels(labels);
}
