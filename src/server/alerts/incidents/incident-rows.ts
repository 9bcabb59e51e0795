import { z } from 'zod';
import type { Labels } from '../../../core/alerts/alert.ts';
import {
  ALERT_SEVERITIES,
  type AlertSeverity,
  getSeverityRank,
} from '../../../core/schema/enums.ts';
import { INCIDENT_STATES, type IncidentRow } from '../../../core/schema/tables/incidents-table.ts';
import { CAUSE_KINDS } from './causes/cause.ts';
import {
  compareByStart,
  type Incident,
  type IncidentMember,
  isResolvedMember,
} from './incident.ts';

/** Limit on alerts in a row. Active alerts and the newest resolved alerts are stored first. */
const MAX_STORED_ALERTS = 100;
const MAX_STORED_TENANTS = 50;

const optionalNumberSchema = z.number().optional();
const optionalTextSchema = z.string().optional();

const memberSchema = z.object({
  id: z.string(),
  rule: z.string(),
  state: z.enum(['firing', 'acknowledged', 'resolved']),
  severity: z.enum(ALERT_SEVERITIES),
  labels: z.record(z.string(), z.string()),
  startedMs: z.number(),
  endedMs: optionalNumberSchema,
  summary: z.string(),
  threadId: z.string(),
});

const causeSchema = z.object({
  kind: z.enum(CAUSE_KINDS),
  subject: z.string(),
  service: optionalTextSchema,
  text: z.string(),
  onsetMs: z.number(),
  before: z.number(),
  now: z.number(),
  unit: z.enum(['ms', '%', '1/min', '1']),
  evidence: z.string(),
  deployId: optionalTextSchema,
});

const causesSchema = z.object({
  causes: z.array(causeSchema),
  byTenant: z.record(z.string(), z.array(causeSchema)),
});

const tenantSchema = z.object({
  organizationId: optionalTextSchema,
  propertyId: optionalTextSchema,
  requests: z.number(),
  failed: z.number(),
  averageMs: optionalNumberSchema,
});

/** Converts an incident to the row of its last change. */
export function toIncidentRow(incident: Incident): IncidentRow {
  const { members, causes, causesByTenant, tenants } = incident;
  const labelValues = (name: string) => JSON.stringify(listLabelValues(members, name));
  return {
    timestamp: incident.changedMs,
    id: incident.id,
    seq: incident.seq,
    state: incident.state,
    severity: getIncidentSeverity(incident),
    title: getIncidentTitle(incident),
    alerts: JSON.stringify(selectStoredMembers(members)),
    alertCount: members.length,
    commonLabels: JSON.stringify(getCommonLabels(members)),
    causes: JSON.stringify({ causes, byTenant: causesByTenant }),
    tenants: JSON.stringify(tenants.slice(0, MAX_STORED_TENANTS)),
    services: labelValues('service'),
    hosts: labelValues('host'),
    queues: labelValues('queue'),
    organizations: labelValues('organization'),
    startedAt: incident.startedMs,
    lastAlertAt: incident.lastAlertMs,
    resolvedAt: incident.resolvedMs,
    mergedInto: incident.mergedInto,
    splitFrom: incident.splitFrom,
    reopenedCount: incident.reopenedCount,
    author: incident.author,
    comment: incident.comment,
  };
}

/** Converts a row to the incident. Returns undefined if the row is invalid, for example if another program wrote it. */
export function parseIncidentRow(row: IncidentRow): Incident | undefined {
  const { id, seq, startedAt, lastAlertAt } = row;
  const state = INCIDENT_STATES.find((each) => each === row.state);
  const members = parseJson(z.array(memberSchema), row.alerts);
  const found = parseJson(causesSchema, row.causes);
  const tenants = parseJson(z.array(tenantSchema), row.tenants);
  if (id === undefined || seq === undefined || startedAt === undefined) return undefined;
  if (state === undefined || members === undefined || members.length === 0) return undefined;
  return {
    id,
    seq,
    state,
    changedMs: row.timestamp,
    startedMs: startedAt,
    lastAlertMs: lastAlertAt ?? startedAt,
    resolvedMs: row.resolvedAt,
    members: members
      .map((member): IncidentMember => ({ ...member, endedMs: member.endedMs }))
      .sort(compareByStart),
    mergedInto: row.mergedInto,
    splitFrom: row.splitFrom,
    reopenedCount: row.reopenedCount ?? 0,
    author: row.author,
    comment: row.comment,
    causes: (found?.causes ?? []).map((cause) => ({ ...cause, service: cause.service })),
    causesByTenant: Object.fromEntries(
      Object.entries(found?.byTenant ?? {}).map(([name, causes]) => [
        name,
        causes.map((cause) => ({ ...cause, service: cause.service })),
      ]),
    ),
    tenants: (tenants ?? []).map((tenant) => ({
      ...tenant,
      organizationId: tenant.organizationId,
      propertyId: tenant.propertyId,
      averageMs: tenant.averageMs,
    })),
  };
}

/** Returns the highest severity of the active alerts, or of all alerts after they have ended. */
export function getIncidentSeverity({ members }: Pick<Incident, 'members'>): AlertSeverity {
  const active = members.filter((member) => !isResolvedMember(member));
  const [worst] = (active.length > 0 ? active : members).toSorted(
    (a, b) => getSeverityRank(b.severity) - getSeverityRank(a.severity),
  );
  return worst!.severity;
}

/** Returns the text of the likeliest cause, or the summary of the worst alert if no cause is known. */
export function getIncidentTitle({
  causes,
  members,
}: Pick<Incident, 'causes' | 'members'>): string {
  const [worst] = members.toSorted(
    (a, b) =>
      Number(isResolvedMember(a)) - Number(isResolvedMember(b)) ||
      getSeverityRank(b.severity) - getSeverityRank(a.severity) ||
      compareByStart(a, b),
  );
  return causes[0]?.text ?? worst!.summary;
}

/** Returns the labels that all alerts share. */
export function getCommonLabels(members: readonly Pick<IncidentMember, 'labels'>[]): Labels {
  const [first] = members;
  const entries = Object.entries(first?.labels ?? {}).filter(([name, value]) =>
    members.every(({ labels }) => labels[name] === value),
  );
  return Object.fromEntries(entries);
}

/** Returns the different values of a label, sorted. */
export function listLabelValues(
  members: readonly Pick<IncidentMember, 'labels'>[],
  name: string,
): string[] {
  return [...new Set(members.flatMap(({ labels }) => labels[name] ?? []))].sort();
}

function selectStoredMembers(members: readonly IncidentMember[]): IncidentMember[] {
  if (members.length <= MAX_STORED_ALERTS) return [...members];
  return members
    .toSorted(
      (a, b) => Number(isResolvedMember(a)) - Number(isResolvedMember(b)) || compareByStart(b, a),
    )
    .slice(0, MAX_STORED_ALERTS)
    .sort(compareByStart);
}

function parseJson<T>(schema: z.ZodType<T>, text: string | undefined): T | undefined {
  try {
    return text === undefined ? undefined : schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
