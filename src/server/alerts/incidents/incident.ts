import { createHash } from 'node:crypto';
import type { Labels } from '../../../core/alerts/alert.ts';
import type { AffectedTenant } from '../../../core/alerts/incident-summary.ts';
import { MINUTE_MS } from '../../../core/duration.ts';
import type { AlertSeverity } from '../../../core/schema/enums.ts';
import type { AlertState } from '../../../core/schema/tables/alerts-table.ts';
import type { IncidentState } from '../../../core/schema/tables/incidents-table.ts';
import type { Cause } from './causes/cause.ts';

/** Time limits of the rules that group alerts into incidents, in ms. `docs/incidents.md` explains the rules. */
export const INCIDENT_LIMITS = {
  /** An alert about the same service, host, queue, version, or called host joins within this time. */
  joinMs: 30 * MINUTE_MS,
  /** An alert about a host or a queue of the service joins within this time. */
  relatedMs: 10 * MINUTE_MS,
  /** Alerts that only share a tenant form one incident if they start within this time. */
  tenantMs: 2 * MINUTE_MS,
  /** An incident is resolved when all its alerts have been resolved for this time. */
  resolveMs: 5 * MINUTE_MS,
  /** A resolved incident is reopened if one of its alerts fires again within this time. */
  reopenMs: 30 * MINUTE_MS,
  /** Parts without a common subject become separate incidents after this time without changes. */
  splitMs: 15 * MINUTE_MS,
} as const;

/** A firing, acknowledged, or resolved alert. Times are in ms since the epoch. */
export interface IncidentAlert {
  readonly id: string;
  readonly rule: string;
  readonly state: Exclude<AlertState, 'pending'>;
  readonly severity: AlertSeverity;
  readonly labels: Labels;
  /** When the alert's value first crossed the threshold. */
  readonly startedMs: number;
  /** The alert's summary when its state or severity last changed. */
  readonly summary: string;
}

/** An alert of an incident. */
export interface IncidentMember extends IncidentAlert {
  readonly endedMs: number | undefined;
  /** ID of the incident that the alert joined first. The alert's messages stay in the thread of this incident. */
  readonly threadId: string;
}

/** The result of analyzing an incident. */
export interface IncidentFindings {
  /** Likely causes, with the likeliest first. */
  readonly causes: readonly Cause[];
  /** Causes that are based on the rows of one tenant only, by `toTenantKey`. */
  readonly causesByTenant: Readonly<Record<string, readonly Cause[]>>;
  readonly tenants: readonly AffectedTenant[];
}

/** Alerts with the same problem. Times are in ms since the epoch. */
export interface Incident extends IncidentFindings {
  readonly id: string;
  /** Number of the change, from 1. */
  readonly seq: number;
  readonly state: IncidentState;
  readonly changedMs: number;
  /** Start of the oldest alert. */
  readonly startedMs: number;
  /** Start of the newest alert. */
  readonly lastAlertMs: number;
  readonly resolvedMs: number | undefined;
  /** Sorted by start, then by ID. */
  readonly members: readonly IncidentMember[];
  readonly mergedInto: string | undefined;
  readonly splitFrom: string | undefined;
  readonly reopenedCount: number;
  /** The person who acknowledged the incident. */
  readonly author: string | undefined;
  readonly comment: string | undefined;
}

export function isResolvedMember({ state }: Pick<IncidentMember, 'state'>): boolean {
  return state === 'resolved';
}

/**
 * Returns whether an alert is about the error budget of an objective. A problem uses the budget for a while before
 * this alert fires, so the alert follows the other alerts by up to hours.
 */
export function isBudgetAlert({ labels }: Pick<IncidentAlert, 'labels'>): boolean {
  return labels.objective !== undefined;
}

/** Sorts by start, then by ID. The order doesn't depend on the order of evaluation. */
export function compareByStart(
  a: Pick<IncidentAlert, 'startedMs' | 'id'>,
  b: Pick<IncidentAlert, 'startedMs' | 'id'>,
): number {
  return a.startedMs - b.startedMs || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}

/** Returns a key of the alert's rule and labels. All alerts of one group of a rule have the same key. */
export function toRuleGroupKey({ rule, labels }: Pick<IncidentAlert, 'rule' | 'labels'>): string {
  return JSON.stringify([rule, ...Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))]);
}

/** Computes an ID from the ID of the incident's first alert, so that it is the same on every server. */
export function computeIncidentId(firstAlertId: string, splitFrom = ''): string {
  return createHash('sha1')
    .update(`incident\n${splitFrom}\n${firstAlertId}`)
    .digest('hex')
    .slice(0, 24);
}
