import { getAlertSubjects, type ServiceRelations } from './alert-subjects.ts';
import {
  compareByStart,
  computeIncidentId,
  INCIDENT_LIMITS,
  type Incident,
  type IncidentAlert,
  type IncidentMember,
  isBudgetAlert,
  isResolvedMember,
  toRuleGroupKey,
} from './incident.ts';
import { findSeparateParts, linkAlerts } from './link-alerts.ts';

export interface IncidentUpdate {
  /** All incidents that can still change or be reopened, sorted by start. */
  readonly incidents: readonly Incident[];
  /** The incidents that changed. */
  readonly changed: readonly Incident[];
}

/** What the grouping knows about the rest of the server. */
export interface IncidentContext {
  readonly relations: ServiceRelations;
  /** IDs of threads for which no message has been sent yet. Their alerts can move to another thread. */
  readonly waitingThreads: ReadonlySet<string>;
}

/**
 * Groups the firing alerts into incidents. The result doesn't depend on the order of the arguments.
 *
 * @param before the incidents after the last call
 * @param alerts all alerts that fire or are acknowledged. An alert of an incident that is missing is resolved.
 */
export function updateIncidents(
  before: readonly Incident[],
  alerts: readonly IncidentAlert[],
  { relations, waitingThreads }: IncidentContext,
  now: number,
): IncidentUpdate {
  const live = new Map(alerts.map((alert) => [alert.id, alert]));
  const known = before.map((each) =>
    each.state === 'open' ? refreshMembers(each, live, now) : each,
  );
  const open = known.filter(({ state }) => state === 'open').toSorted(compareByStart);
  const memberIds = new Set(open.flatMap(({ members }) => members.map(({ id }) => id)));
  const added = alerts.filter(({ id }) => !memberIds.has(id)).toSorted(compareByStart);
  const next = new Map(known.map((each) => [each.id, each]));
  for (const { joining, linked } of groupByLink(added, open, relations)) {
    const reopened = reopen(joining, known, relations);
    const merged = joinIncident(joining, linked, reopened, waitingThreads);
    for (const each of merged) next.set(each.id, each);
  }
  for (const each of next.values()) {
    if (each.state !== 'open') continue;
    for (const settled of settle(each, added.length > 0, relations, next, now))
      next.set(settled.id, settled);
  }
  return finish(before, next, now);
}

/** Returns the components that contain new alerts, with the open incidents that they link. */
function groupByLink(
  added: readonly IncidentAlert[],
  open: readonly Incident[],
  relations: ServiceRelations,
): { joining: IncidentAlert[]; linked: Incident[] }[] {
  if (added.length === 0) return [];
  const sets = linkAlerts(added, open, relations);
  const groups = new Map<number, { joining: IncidentAlert[]; linked: Incident[] }>();
  for (const [i, alert] of added.entries()) {
    const root = sets.find(i);
    const group = groups.get(root);
    if (group) group.joining.push(alert);
    else groups.set(root, { joining: [alert], linked: [] });
  }
  for (const [i, incident] of open.entries())
    groups.get(sets.find(added.length + i))?.linked.push(incident);
  return [...groups.values()];
}

/**
 * Adds alerts to the oldest incident that they are linked to. The other linked incidents are merged into it. Without
 * a linked incident, reopens the incident that had the same alerts before, or creates an incident.
 *
 * @param alerts sorted by start
 * @param linked sorted by start
 * @param reopened the resolved incident that the alerts reopen
 */
function joinIncident(
  alerts: readonly IncidentAlert[],
  linked: readonly Incident[],
  reopened: Incident | undefined,
  waitingThreads: ReadonlySet<string>,
): Incident[] {
  const base = linked[0] ?? reopened ?? createIncident(alerts[0]!);
  const others = linked.slice(1);
  const moved = others
    .flatMap(({ members }) => members)
    .map((member) =>
      waitingThreads.has(member.threadId) ? { ...member, threadId: base.id } : member,
    );
  const joined = alerts.map((alert) => ({ ...alert, endedMs: undefined, threadId: base.id }));
  const members = sortMembers([...base.members, ...moved, ...joined]);
  const survivor: Incident = {
    ...base,
    members,
    startedMs: members[0]!.startedMs,
    lastAlertMs: members.at(-1)!.startedMs,
    reopenedCount: base.reopenedCount + others.reduce((sum, each) => sum + each.reopenedCount, 0),
  };
  const merged = others.map(
    (each): Incident => ({ ...each, state: 'merged', mergedInto: base.id }),
  );
  return [survivor, ...merged];
}

function createIncident(first: IncidentAlert): Incident {
  return {
    id: computeIncidentId(first.id),
    seq: 0,
    state: 'open',
    changedMs: first.startedMs,
    startedMs: first.startedMs,
    lastAlertMs: first.startedMs,
    resolvedMs: undefined,
    members: [],
    mergedInto: undefined,
    splitFrom: undefined,
    reopenedCount: 0,
    author: undefined,
    comment: undefined,
    causes: [],
    causesByTenant: {},
    tenants: [],
  };
}

/**
 * Returns the last resolved incident that contained one of the alerts' rule groups, as an open incident. An alert about
 * an error budget also reopens an incident about the same service or queue, because it reports the same failures.
 */
function reopen(
  alerts: readonly IncidentAlert[],
  known: readonly Incident[],
  relations: ServiceRelations,
): Incident | undefined {
  const listKeys = (alert: IncidentAlert, withSubjects: boolean) => [
    toRuleGroupKey(alert),
    ...(withSubjects ? getAlertSubjects(alert, relations).direct : []),
  ];
  const keys = new Map(
    alerts.flatMap((alert) =>
      listKeys(alert, isBudgetAlert(alert)).map((key) => [key, alert.startedMs] as const),
    ),
  );
  const hasSubjects = alerts.some(isBudgetAlert);
  const [last] = known
    .filter(({ state, members, resolvedMs = Number.NEGATIVE_INFINITY }) => {
      if (state !== 'resolved') return false;
      return members
        .flatMap((member) => listKeys(member, hasSubjects))
        .some((key) => {
          const startedMs = keys.get(key);
          return startedMs !== undefined && startedMs - resolvedMs <= INCIDENT_LIMITS.reopenMs;
        });
    })
    .sort((a, b) => b.resolvedMs! - a.resolvedMs! || (a.id < b.id ? -1 : 1));
  return (
    last && {
      ...last,
      state: 'open',
      resolvedMs: undefined,
      reopenedCount: last.reopenedCount + 1,
      author: undefined,
      comment: undefined,
    }
  );
}

/** Updates the states of the alerts. Alerts that no longer fire are resolved. */
function refreshMembers(
  incident: Incident,
  live: ReadonlyMap<string, IncidentAlert>,
  now: number,
): Incident {
  let hasChanged = false;
  const members = incident.members.map((member): IncidentMember => {
    const alert = live.get(member.id);
    if (alert === undefined) {
      if (isResolvedMember(member)) return member;
      hasChanged = true;
      return { ...member, state: 'resolved', endedMs: now };
    }
    if (alert.state === member.state && alert.severity === member.severity) return member;
    hasChanged = true;
    const { state, severity, summary } = alert;
    return { ...member, state, severity, summary, endedMs: undefined };
  });
  return hasChanged ? { ...incident, members } : incident;
}

/** Resolves an incident whose alerts have ended, or splits an incident whose parts have nothing in common. */
function settle(
  incident: Incident,
  hasNewAlerts: boolean,
  relations: ServiceRelations,
  known: ReadonlyMap<string, Incident>,
  now: number,
): Incident[] {
  const { resolveMs, splitMs } = INCIDENT_LIMITS;
  const { members } = incident;
  const active = members.filter((member) => !isResolvedMember(member));
  const lastEndMs = Math.max(...members.map(({ endedMs = Number.NEGATIVE_INFINITY }) => endedMs));
  if (active.length === 0) {
    return now - lastEndMs >= resolveMs
      ? [{ ...incident, state: 'resolved', resolvedMs: now }]
      : [];
  }
  const isQuiet = now - Math.max(lastEndMs, incident.lastAlertMs) >= splitMs;
  // The alert that connected the parts must have ended. Otherwise, the parts only started together.
  const wasConnected = Number.isFinite(lastEndMs);
  if (!isQuiet || !wasConnected || hasNewAlerts) return [];
  const [, ...separate] = findSeparateParts(active, relations);
  if (separate.length === 0) return [];
  const separateIds = new Set(separate.flat().map(({ id }) => id));
  const rest = members.filter(({ id }) => !separateIds.has(id));
  return [withMembers(incident, rest), ...separate.map((part) => splitOff(incident, part, known))];
}

function splitOff(
  parent: Incident,
  members: readonly IncidentMember[],
  known: ReadonlyMap<string, Incident>,
): Incident {
  const [first] = members;
  let id = computeIncidentId(first!.id, parent.id);
  while (known.has(id)) id = computeIncidentId(first!.id, id);
  return withMembers({ ...createIncident(first!), id, splitFrom: parent.id }, members);
}

function withMembers(incident: Incident, members: readonly IncidentMember[]): Incident {
  const sorted = sortMembers(members);
  const { startedMs } = sorted[0]!;
  return { ...incident, members: sorted, startedMs, lastAlertMs: sorted.at(-1)!.startedMs };
}

function sortMembers(members: readonly IncidentMember[]): IncidentMember[] {
  return members.toSorted(compareByStart);
}

/** Resolved and merged incidents are kept for this time, so that the alerts of the last day have an incident. */
const KEPT_MS = 24 * 3_600_000;

/** Numbers the changes and removes old incidents. */
function finish(
  before: readonly Incident[],
  next: ReadonlyMap<string, Incident>,
  now: number,
): IncidentUpdate {
  const earlier = new Map(before.map((each) => [each.id, each]));
  const changed: Incident[] = [];
  const incidents: Incident[] = [];
  for (const each of [...next.values()].toSorted(compareByStart)) {
    const isUnchanged = earlier.get(each.id) === each;
    const updated = isUnchanged ? each : toNextVersion(each, now);
    if (!isUnchanged) changed.push(updated);
    if (updated.state === 'open' || now - updated.changedMs < KEPT_MS) incidents.push(updated);
  }
  return { incidents, changed };
}

/** Returns the next version of an incident. Its time is never earlier than the time of the version before. */
export function toNextVersion(incident: Incident, now: number): Incident {
  const changedMs = incident.seq === 0 ? now : Math.max(now, incident.changedMs);
  return { ...incident, seq: incident.seq + 1, changedMs };
}
