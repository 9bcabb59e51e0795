import type { Labels } from '../../../core/alerts/alert.ts';
import { isPlainObject } from '../../../core/config-files/yaml-source.ts';
import { ALERT_SEVERITIES, getSeverityRank, isAlertSeverity } from '../../../core/schema/enums.ts';
import {
  ALERT_STATES,
  type AlertRow,
  type AlertState,
} from '../../../core/schema/tables/alerts-table.ts';
import { createNextTransition, type Transition } from './alert-transition.ts';
import type { RuleStates } from './evaluate-alert-rule.ts';
import { createGroupState, type GroupState, hasReported, type Latches } from './group-state.ts';
import { toLabelsKey } from './observation.ts';

export interface RebuiltStates {
  /** By rule name. */
  readonly states: ReadonlyMap<string, RuleStates>;
  /** Transitions to write. They resolve alerts that a later alert of the same group replaces. */
  readonly transitions: readonly Transition[];
}

/**
 * Rebuilds the states from rows of `alerts`. For each alert, the row with the greatest (timestamp,
 * seq) wins. Rows can be in any order. Only the last row of each alert is needed, and alerts that
 * were resolved more than a day ago can be omitted. For levels above the alert's severity, `for`
 * starts again.
 *
 * @param evaluatedMs time of the last evaluation, if known. A longer pause since then doesn't count
 *   toward `for`.
 */
export function rebuildStates(
  rows: readonly AlertRow[],
  now: number,
  evaluatedMs?: number,
): RebuiltStates {
  const last = new Map<string, Transition>();
  for (const row of rows) {
    const transition = parseTransition(row);
    const known = transition && last.get(transition.id);
    if (transition && (!known || isLater(transition, known))) last.set(transition.id, transition);
  }
  const states = new Map<string, Map<string, GroupState>>();
  const transitions: Transition[] = [];
  for (const alert of [...last.values()].sort((a, b) => (isLater(a, b) ? -1 : 1))) {
    const labels = parseLabels(alert);
    const groups = states.get(alert.rule) ?? new Map<string, GroupState>();
    states.set(alert.rule, groups);
    const key = toLabelsKey(labels);
    const { startedAt } = alert;
    const known = groups.get(key);
    const startedMs = Math.max(startedAt, known?.startedMs ?? startedAt);
    if (alert.state === 'resolved') {
      groups.set(key, { ...(known ?? createGroupState(labels)), startedMs });
    } else if (known?.alert) {
      const { severity, value, threshold } = alert;
      const cause = 'replaced by a later alert of the same group';
      const change = { state: 'resolved', severity, value, threshold, cause } as const;
      transitions.push(createNextTransition(alert, now, change));
    } else {
      groups.set(key, { ...toGroupState(alert, labels), evaluatedMs, startedMs });
    }
  }
  return { states, transitions };
}

/** A group that sent data within the last day. */
export interface ReportedGroup {
  readonly labels: Labels;
  readonly firstSeenMs: number;
  readonly lastSeenMs: number;
}

/**
 * Adds groups that sent data before this process started, so that rules with `noData: alert` notice
 * when these groups stop sending data. Groups with a known state don't change.
 *
 * @param absentSinceMs time from which missing data of these groups counts. After a restart, services need time to
 *   send the rows of their spools.
 */
export function addReportedGroups(
  states: RuleStates,
  groups: readonly ReportedGroup[],
  absentSinceMs?: number,
): RuleStates {
  const next = new Map(states);
  for (const { labels, firstSeenMs, lastSeenMs } of groups) {
    const key = toLabelsKey(labels);
    const state = next.get(key) ?? createGroupState(labels);
    if (!hasReported(state)) {
      next.set(key, { ...state, clockMs: lastSeenMs, sinceMs: firstSeenMs, absentSinceMs });
    }
  }
  return next;
}

function isLater(a: Transition, b: Transition): boolean {
  if (a.timestamp !== b.timestamp) return a.timestamp > b.timestamp;
  return a.seq !== b.seq ? a.seq > b.seq : a.id > b.id;
}

function toGroupState(alert: Transition, labels: Labels): GroupState {
  const pending = alert.state === 'pending';
  const missing = !pending && alert.value === undefined && alert.threshold === undefined;
  const reached = ALERT_SEVERITIES.filter(
    (severity) => getSeverityRank(severity) <= getSeverityRank(alert.severity),
  );
  const levels = reached.map((severity, i) => {
    // A pending alert starts at its lowest level. Higher levels were breached later.
    const sinceMs = pending && i > 0 ? alert.timestamp : alert.startedAt;
    return [severity, { breached: true, sinceMs, active: !pending }];
  });
  return {
    ...createGroupState(labels),
    alert,
    missing,
    value: alert.value,
    latches: missing ? {} : (Object.fromEntries(levels) as Latches),
  };
}

function parseLabels({ labels }: Transition): Labels {
  const entries = Object.entries(JSON.parse(labels) as object);
  return Object.fromEntries(entries.map(([name, value]) => [name, String(value)]));
}

/**
 * Returns `undefined` for an invalid row, for example from a later version. Annotations that aren't an object are
 * omitted.
 */
export function parseTransition(row: AlertRow): Transition | undefined {
  const { id, seq, rule, severity, labels = '{}', startedAt } = row;
  if (!isObjectText(labels)) return undefined;
  const state = ALERT_STATES.find((known): known is AlertState => known === row.state);
  if (id === undefined || seq === undefined || rule === undefined) return undefined;
  if (state === undefined || !isAlertSeverity(severity) || startedAt === undefined)
    return undefined;
  const { timestamp, value, threshold, cause, author, comment } = row;
  const { service, organizationId, propertyId, firedAt, annotations, endsAt } = row;
  return {
    timestamp,
    id,
    seq,
    rule,
    state,
    severity,
    value,
    threshold,
    labels,
    cause,
    author,
    comment,
    service,
    organizationId,
    propertyId,
    startedAt,
    firedAt,
    ...(annotations !== undefined && isObjectText(annotations) && { annotations, endsAt }),
  };
}

function isObjectText(text: string): boolean {
  try {
    return isPlainObject(JSON.parse(text));
  } catch {
    return false;
  }
}
