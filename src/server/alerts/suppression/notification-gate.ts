import {
  type Alert,
  type AlertGroup,
  type AlertSummary,
  type EvaluatedAlert,
  getMatchLabels,
  isActive,
  type Suppression,
  toAlertStateKey,
} from '../../../core/alerts/alert.ts';
import { formatDuration } from '../../../core/format.ts';
import type { Transition } from '../evaluation/alert-transition.ts';
import type { AlertRuleSet } from '../rules/load-alert-rules.ts';
import type { Silence } from './silence.ts';
import {
  EMPTY_FLAP_HISTORY,
  evaluateSuppressions,
  type FlapHistory,
  recordFlap,
  toFlapKey,
} from './suppression-stages.ts';

/** Decides which alerts are told, and keeps why the others are not. */
export class NotificationGate {
  readonly #flapHistories = new Map<string, FlapHistory>();
  readonly #groups = new Map<string, AlertGroupState>();
  /** Resolved alerts until they have been told. */
  readonly #ended = new Map<string, Alert>();
  #suppressions: ReadonlyMap<string, readonly Suppression[]> = new Map();
  #evaluated: readonly Alert[] = [];

  /** Notes what an alert did, for flapping and for telling its end. */
  recordTransition(
    transition: Transition,
    alert: Alert,
    set: Pick<AlertRuleSet, 'flapping'>,
  ): void {
    this.restoreTransition(transition, alert, set);
    if (hasStoppedFiring(transition)) this.#ended.set(transition.id, alert);
  }

  /** Notes what an alert did before the start: the oldest first, and before anything of `note`. */
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

  /** @returns what is to be told now; all else is held for a reason that `heldOf` gives */
  evaluate(
    live: readonly Alert[],
    set: AlertRuleSet,
    silences: readonly Silence[],
    now: number,
  ): AlertGroup[] {
    const { inhibit, maintenance, flapping, notifications } = set;
    const context = { inhibit, maintenance, flapping, silences, flaps: this.#flapHistories };
    const verdicts = evaluateSuppressions([...live, ...this.#ended.values()], context, now);
    const held = new Map(verdicts.map((verdict) => [verdict.alert.id, verdict.suppressions]));
    const free = verdicts.filter((verdict) => verdict.suppressions.length === 0);
    const groups = Map.groupBy(free, ({ alert }) =>
      toNotificationGroupKey(alert, notifications.groupBy),
    );
    const tellings: AlertGroup[] = [];
    for (const key of new Set([...groups.keys(), ...this.#groups.keys()])) {
      const alerts = (groups.get(key) ?? []).map(({ alert }) => alert);
      const step = updateAlertGroup(this.#groups.get(key), alerts, key, notifications, now);
      if (step.group) this.#groups.set(key, step.group);
      else this.#groups.delete(key);
      for (const [id, reason] of step.suppressed) {
        held.set(id, [reason]);
        if (reason.reason === 'never_told') this.#ended.delete(id);
      }
      for (const { id, state } of step.toNotify) if (state === 'resolved') this.#ended.delete(id);
      if (step.toNotify.length > 0) tellings.push({ key, alerts: step.toNotify });
    }
    this.#suppressions = held;
    this.#evaluated = verdicts.map(({ alert }) => alert).filter(({ state }) => state !== 'pending');
    this.#removeExpired(now - flapping.windowMs);
    return tellings;
  }

  /** Why an alert was not told when it was looked at last; nothing: it was. */
  getSuppressions(id: string): readonly Suppression[] {
    return this.#suppressions.get(id) ?? [];
  }

  /** All alerts that were looked at last, with why they are not told now. */
  *listEvaluated(): Iterable<EvaluatedAlert> {
    for (const alert of this.#evaluated)
      yield { alert, suppressions: this.getSuppressions(alert.id) };
  }

  #removeExpired(beforeMs: number): void {
    for (const [key, { timesMs }] of this.#flapHistories) {
      if ((timesMs.at(-1) ?? 0) < beforeMs) this.#flapHistories.delete(key);
    }
    for (const [id, { changedMs }] of this.#ended) {
      // What is silenced when it ends is not told of long after.
      if (changedMs < beforeMs) this.#ended.delete(id);
    }
  }
}

/** An acknowledged alert that fires again because it became worse has not begun anew. */
function hasStartedFiring({ state, timestamp, firedAt }: Transition): boolean {
  return state === 'firing' && firedAt === timestamp;
}

/** A pending alert that is over has never been one that fires. */
function hasStoppedFiring({ state, firedAt }: Transition): boolean {
  return state === 'resolved' && firedAt !== undefined;
}

export interface GroupingOptions {
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
export interface AlertGroupState {
  readonly firstMs: number;
  readonly notifiedMs: number | undefined;
  /** By alert id, what was said of it: state and severity. */
  readonly notified: ReadonlyMap<string, string>;
}

export interface GroupDecision<A extends AlertSummary> {
  /** Undefined when all that was told is over and has been told as over. */
  readonly group: AlertGroupState | undefined;
  /** What to tell now: all active alerts of the group, and those that have ended since. */
  readonly toNotify: readonly A[];
  /** By alert id, why it is not told now. */
  readonly suppressed: ReadonlyMap<string, Suppression>;
}

/** Alerts of different organizations are never in one group, whatever `groupBy` says. */
export function toNotificationGroupKey(alert: AlertSummary, groupBy: readonly string[]): string {
  const labels = getMatchLabels(alert);
  const names = [...new Set([...groupBy, 'organization'])].sort();
  return JSON.stringify(Object.fromEntries(names.map((name) => [name, labels[name] ?? ''])));
}

/**
 * Decides for one group whether to tell it now. `alerts` are those of the group that no stage holds
 * back: the active ones, and resolved ones until they have been told. Pending ones are passed over.
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
  };
  const held = new Map<string, Suppression>();
  const hold = (alert: A, reason: Suppression['reason'], detail: string, untilMs?: number) =>
    held.set(alert.id, { reason, by: key, detail, untilMs });
  const relevant = alerts.filter((alert) => {
    if (alert.state !== 'resolved') return isActive(alert);
    if (group.notified.has(alert.id)) return true;
    hold(alert, 'never_told', 'it ended before anybody was told of it');
    return false;
  });
  if (relevant.length === 0)
    return { group: group.notified.size > 0 ? group : undefined, toNotify: [], suppressed: held };
  const changed = relevant.filter(
    (alert) => group.notified.get(alert.id) !== toAlertStateKey(alert),
  );
  const [reason, dueMs] = getDueTime(group, changed.length > 0, policy);
  if (now < dueMs) {
    const detail = `until ${formatDuration(dueMs - now)} from now`;
    for (const alert of relevant)
      hold(alert, changed.includes(alert) ? reason : 'duplicate', detail, dueMs);
    return { group, toNotify: [], suppressed: held };
  }
  const active = relevant.filter(isActive);
  const told = new Map(active.map((alert) => [alert.id, toAlertStateKey(alert)]));
  const next =
    active.length > 0 ? { firstMs: group.firstMs, notifiedMs: now, notified: told } : undefined;
  return { group: next, toNotify: relevant, suppressed: held };
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
