import { formatDuration } from '../../schema/format.ts';
import { type Held, isActive, matchable, type QuietAlert } from './held.ts';

export interface GroupPolicy {
  /** Alerts that agree in these labels are told together. */
  readonly groupBy: readonly string[];
  /** A new group waits for more of its alerts. */
  readonly waitMs: number;
  /** Changes of a group that was told are told at most so often. */
  readonly intervalMs: number;
  /** What goes on unchanged is told again after this time. */
  readonly repeatMs: number;
}

/** What a group of alerts has been told of. */
export interface AlertGroup {
  readonly firstMs: number;
  readonly toldMs: number | undefined;
  /** By alert id, what was said of it: state and severity. */
  readonly told: ReadonlyMap<string, string>;
}

export interface GroupStep<A extends QuietAlert> {
  /** Undefined when all that was told is over and has been told as over. */
  readonly group: AlertGroup | undefined;
  /** What to tell now: all active alerts of the group, and those that have ended since. */
  readonly tell: readonly A[];
  /** By alert id, why it is not told now. */
  readonly held: ReadonlyMap<string, Held>;
}

/** Alerts of different organizations are never in one group, whatever `groupBy` says. */
export function notificationKey(alert: QuietAlert, groupBy: readonly string[]): string {
  const labels = matchable(alert);
  const names = [...new Set([...groupBy, 'organization'])].sort();
  return JSON.stringify(Object.fromEntries(names.map((name) => [name, labels[name] ?? ''])));
}

/**
 * Decides for one group whether to tell it now. `alerts` are those of the group that no stage holds
 * back: the active ones, and resolved ones until they have been told. Pending ones are passed over.
 */
export function stepGroup<A extends QuietAlert>(
  before: AlertGroup | undefined,
  alerts: readonly A[],
  key: string,
  policy: GroupPolicy,
  now: number,
): GroupStep<A> {
  const group = before ?? { firstMs: now, toldMs: undefined, told: new Map<string, string>() };
  const held = new Map<string, Held>();
  const hold = (alert: A, reason: Held['reason'], detail: string, untilMs?: number) =>
    held.set(alert.id, { reason, by: key, detail, untilMs });
  const relevant = alerts.filter((alert) => {
    if (alert.state !== 'resolved') return isActive(alert);
    if (group.told.has(alert.id)) return true;
    hold(alert, 'never_told', 'it ended before anybody was told of it');
    return false;
  });
  if (relevant.length === 0)
    return { group: group.told.size > 0 ? group : undefined, tell: [], held };
  const changed = relevant.filter((alert) => group.told.get(alert.id) !== said(alert));
  const [reason, dueMs] = due(group, changed.length > 0, policy);
  if (now < dueMs) {
    const detail = `until ${formatDuration(dueMs - now)} from now`;
    for (const alert of relevant)
      hold(alert, changed.includes(alert) ? reason : 'duplicate', detail, dueMs);
    return { group, tell: [], held };
  }
  const active = relevant.filter(isActive);
  const told = new Map(active.map((alert) => [alert.id, said(alert)]));
  const next = active.length > 0 ? { firstMs: group.firstMs, toldMs: now, told } : undefined;
  return { group: next, tell: relevant, held };
}

function due(group: AlertGroup, changed: boolean, policy: GroupPolicy): [Held['reason'], number] {
  if (group.toldMs === undefined) return ['group_wait', group.firstMs + policy.waitMs];
  if (changed) return ['group_interval', group.toldMs + policy.intervalMs];
  return ['duplicate', group.toldMs + policy.repeatMs];
}

/** An alert that says this again says nothing new. */
function said(alert: QuietAlert): string {
  return `${alert.state} ${alert.severity}`;
}
