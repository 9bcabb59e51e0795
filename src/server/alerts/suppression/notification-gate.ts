import {
  type Alert,
  type AlertGroup,
  type AlertSummary,
  type EvaluatedAlert,
  getMatchLabels,
  isActive,
  type Labels,
  type Suppression,
  toAlertStateKey,
} from '../../../core/alerts/alert.ts';
import { formatDuration } from '../../../core/format.ts';
import { AlertSeverity } from '../../../core/schema/enums.ts';
import type { Transition } from '../evaluation/alert-transition.ts';
import type { AlertRuleSet } from '../rules/load-alert-rules.ts';
import {
  EMPTY_FLAP_HISTORY,
  evaluateSuppressions,
  type FlapHistory,
  recordFlap,
  toFlapKey,
} from './evaluate-suppressions.ts';
import { HeldAlerts } from './held-alerts.ts';
import type { Silence } from './silence.ts';

/** Decides which alerts are sent, and keeps the reasons why the others aren't. */
export class NotificationGate {
  readonly #flapHistories = new Map<string, FlapHistory>();
  readonly #groups = new Map<string, AlertGroupState>();
  /** Resolved alerts that haven't been sent. */
  readonly #resolved = new Map<string, Alert>();
  readonly #held = new HeldAlerts();
  #suppressions: ReadonlyMap<string, readonly Suppression[]> = new Map();
  #evaluated: readonly Alert[] = [];

  /** Records a transition in the flap history, and keeps a resolved alert until it is sent. */
  recordTransition(
    transition: Transition,
    alert: Alert,
    set: Pick<AlertRuleSet, 'flapping'>,
  ): void {
    this.restoreTransition(transition, alert, set);
    if (hasStoppedFiring(transition)) this.#resolved.set(transition.id, alert);
  }

  /**
   * Adds a transition from before the restart to the flap history. Call it with the oldest
   * transition first, and before any call to `recordTransition`.
   */
  restoreTransition(
    transition: Transition,
    alert: Pick<Alert, 'rule' | 'labels'>,
    { flapping }: Pick<AlertRuleSet, 'flapping'>,
  ): void {
    if (!hasStartedFiring(transition) && !hasStoppedFiring(transition)) return;
    const key = toFlapKey(alert);
    const before = this.#flapHistories.get(key) ?? EMPTY_FLAP_HISTORY;
    this.#flapHistories.set(key, recordFlap(before, transition.timestamp, flapping));
  }

  /**
   * Evaluates all suppression stages and groups.
   *
   * @param breaches time of the last evaluation in which the value was beyond a threshold, by alert ID
   * @param getIncident returns the ID of the incident whose thread contains an alert. Default: no incidents.
   * @returns the groups to send now. `getSuppressions` returns why other alerts aren't sent.
   */
  evaluate(
    live: readonly Alert[],
    set: AlertRuleSet,
    silences: readonly Silence[],
    now: number,
    breaches: ReadonlyMap<string, number | undefined>,
    getIncident: (alertId: string) => string | undefined = () => undefined,
  ): AlertGroup[] {
    const { inhibit, maintenance, flapping, notifications } = set;
    const context = { inhibit, maintenance, flapping, silences, flaps: this.#flapHistories };
    const all = [...live, ...this.#resolved.values()];
    const results = this.#held.update(evaluateSuppressions(all, context, now), breaches, now);
    const suppressions = new Map(results.map((result) => [result.alert.id, result.suppressions]));
    const unsuppressed = results.filter((result) => result.suppressions.length === 0);
    const alertsByGroup = Map.groupBy(unsuppressed, ({ alert }) =>
      toNotificationGroupKey(alert, notifications.groupBy, getIncident(alert.id)),
    );
    const dueGroups: AlertGroup[] = [];
    for (const key of new Set([...alertsByGroup.keys(), ...this.#groups.keys()])) {
      const alerts = (alertsByGroup.get(key) ?? []).map(({ alert }) => alert);
      const decision = updateAlertGroup(this.#groups.get(key), alerts, key, notifications, now);
      if (decision.group) this.#groups.set(key, decision.group);
      else this.#groups.delete(key);
      for (const [id, suppression] of decision.suppressed) {
        suppressions.set(id, [suppression]);
        if (suppression.reason === 'never_told') this.#resolved.delete(id);
      }
      for (const { id, state } of decision.toNotify)
        if (state === 'resolved') this.#resolved.delete(id);
      if (decision.toNotify.length > 0) dueGroups.push({ key, alerts: decision.toNotify });
    }
    this.#suppressions = suppressions;
    this.#evaluated = results.map(({ alert }) => alert).filter(({ state }) => state !== 'pending');
    this.#removeExpired(now - flapping.windowMs);
    return dueGroups;
  }

  /** Returns why an alert wasn't sent after the last evaluation. Empty if it was sent. */
  getSuppressions(id: string): readonly Suppression[] {
    return this.#suppressions.get(id) ?? [];
  }

  /** IDs of the incidents for which no message has been sent since the process started. */
  get waitingIncidents(): ReadonlySet<string> {
    const ids = new Set<string>();
    for (const [key, { notifiedMs }] of this.#groups) {
      const { [INCIDENT_GROUP]: id } = JSON.parse(key) as Labels;
      if (id !== undefined && notifiedMs === undefined) ids.add(id);
    }
    return ids;
  }

  /** Lists the alerts of the last evaluation, with the reasons why they aren't sent. */
  *listEvaluated(): Iterable<EvaluatedAlert> {
    for (const alert of this.#evaluated)
      yield { alert, suppressions: this.getSuppressions(alert.id) };
  }

  #removeExpired(beforeMs: number): void {
    for (const [key, { timesMs }] of this.#flapHistories) {
      if ((timesMs.at(-1) ?? 0) < beforeMs) this.#flapHistories.delete(key);
    }
    for (const [id, { changedMs }] of this.#resolved) {
      // If a silence suppressed the resolved alert for a long time, the alert's message is
      // outdated.
      if (changedMs < beforeMs) this.#resolved.delete(id);
    }
  }
}

/** Returns whether an alert started firing. A higher severity after an acknowledgment doesn't count. */
function hasStartedFiring({ state, timestamp, firedAt }: Transition): boolean {
  return state === 'firing' && firedAt === timestamp;
}

/** Returns whether a firing alert was resolved. Pending alerts don't count. */
function hasStoppedFiring({ state, firedAt }: Transition): boolean {
  return state === 'resolved' && firedAt !== undefined;
}

export interface GroupingOptions {
  /** Alerts with the same values of these labels are sent together. */
  readonly groupBy: readonly string[];
  /** Time for which a new group waits for more alerts, in ms. */
  readonly waitMs: number;
  /** Minimum time between two messages about changes of a group, in ms. */
  readonly intervalMs: number;
  /** Time after which an unchanged group is sent again, in ms. */
  readonly repeatMs: number;
}

/** The alert states that have been sent for a group. */
export interface AlertGroupState {
  readonly firstMs: number;
  readonly notifiedMs: number | undefined;
  /** Last sent state and severity, by alert ID. */
  readonly notified: ReadonlyMap<string, string>;
  /** IDs of firing alerts that wait for the group's next message. */
  readonly waiting: ReadonlySet<string>;
}

export interface GroupDecision<A extends AlertSummary> {
  /** Undefined if all alerts are resolved and the resolved messages were sent. */
  readonly group: AlertGroupState | undefined;
  /**
   * Alerts to send now: all active alerts, and alerts that were resolved since the last message.
   */
  readonly toNotify: readonly A[];
  /** Why an alert isn't sent now, by alert ID. */
  readonly suppressed: ReadonlyMap<string, Suppression>;
}

/** The name in `groupBy` that groups alerts by incident. */
const INCIDENT_GROUP = 'incident';

/**
 * Returns the key of an alert's group. A group of labels never contains alerts of two organizations. The group of an
 * incident can contain them, because the recipients of its messages are chosen for each alert.
 *
 * @param incident ID of the alert's incident. Without it, the alert is a separate group.
 */
export function toNotificationGroupKey(
  alert: AlertSummary,
  groupBy: readonly string[],
  incident: string = alert.id,
): string {
  const isByIncident = groupBy.includes(INCIDENT_GROUP);
  const labels: Labels = {
    ...getMatchLabels(alert),
    ...(isByIncident && { [INCIDENT_GROUP]: incident }),
  };
  const names = [...new Set([...groupBy, ...(isByIncident ? [] : ['organization'])])].sort();
  return JSON.stringify(Object.fromEntries(names.map((name) => [name, labels[name] ?? ''])));
}

/**
 * Decides whether to send one group now.
 *
 * @param alerts unsuppressed alerts of the group: active alerts, and resolved alerts that haven't
 *   been sent. Pending alerts are ignored.
 */
export function updateAlertGroup<A extends AlertSummary>(
  before: AlertGroupState | undefined,
  alerts: readonly A[],
  key: string,
  policy: GroupingOptions,
  now: number,
): GroupDecision<A> {
  const group = before ?? {
    firstMs: now,
    notifiedMs: undefined,
    notified: new Map<string, string>(),
    waiting: new Set<string>(),
  };
  const isNotified = group.notifiedMs !== undefined;
  const suppressed = new Map<string, Suppression>();
  const suppress = (alert: A, reason: Suppression['reason'], detail: string, untilMs?: number) =>
    suppressed.set(alert.id, { reason, by: key, detail, untilMs });
  const relevant = alerts.filter((alert) => {
    if (alert.state !== 'resolved') return isActive(alert);
    // The next message also contains the alerts that ended while they waited for it.
    if (group.notified.has(alert.id) || (isNotified && group.waiting.has(alert.id))) return true;
    suppress(alert, 'never_told', 'resolved before the first notification');
    return false;
  });
  if (relevant.length === 0)
    return { group: group.notified.size > 0 ? group : undefined, toNotify: [], suppressed };
  const changed = relevant.filter(
    (alert) => group.notified.get(alert.id) !== toAlertStateKey(alert),
  );
  const hasCritical = changed.some(({ state, severity }) => isUrgent(state, severity));
  const [reason, dueMs] = hasCritical
    ? (['group_wait', now] as const)
    : getDueTime(group, changed.length > 0, policy);
  if (now < dueMs) {
    const wait = formatDuration(dueMs - now);
    for (const alert of relevant) {
      if (changed.includes(alert)) suppress(alert, reason, `due in ${wait}`, dueMs);
      else suppress(alert, 'duplicate', `already sent, next message in ${wait}`, dueMs);
    }
    const waitingIds = changed.filter(isActive).map(({ id }) => id);
    const waiting = new Set([...group.waiting, ...waitingIds]);
    return { group: { ...group, waiting }, toNotify: [], suppressed };
  }
  const active = relevant.filter(isActive);
  const notified = new Map(active.map((alert) => [alert.id, toAlertStateKey(alert)]));
  const next =
    active.length > 0
      ? { firstMs: group.firstMs, notifiedMs: now, notified, waiting: new Set<string>() }
      : undefined;
  return { group: next, toNotify: relevant, suppressed };
}

/** A critical alert doesn't wait for other alerts, or for the next message of its group. */
function isUrgent(state: AlertSummary['state'], severity: AlertSummary['severity']): boolean {
  return state === 'firing' && severity === AlertSeverity.CRITICAL;
}

function getDueTime(
  group: AlertGroupState,
  changed: boolean,
  policy: GroupingOptions,
): [Suppression['reason'], number] {
  if (group.notifiedMs === undefined) return ['group_wait', group.firstMs + policy.waitMs];
  if (changed) return ['group_interval', group.notifiedMs + policy.intervalMs];
  return ['duplicate', group.notifiedMs + policy.repeatMs];
}
