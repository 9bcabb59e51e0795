import { createHash } from 'node:crypto';
import {
  type Alert,
  type AlertGroup,
  isActive,
  toAlertStateKey,
} from '../../../core/alerts/alert.ts';
import { AlertSeverity, getSeverityRank } from '../../../core/schema/enums.ts';
import type { Message, MessageAlert } from '../channels/channel.ts';
import { type Target, toTargetKey } from '../routing/notification-target.ts';
import type { TargetAlerts } from '../routing/route-alerts.ts';
import {
  isOngoing,
  type NotificationThread,
  type NotifiedState,
} from './notification-thread-store.ts';

/** A message, and the state of its thread after the message. */
export interface PlannedMessage {
  readonly target: Target;
  readonly message: Message;
  /** Undefined if the message belongs to no thread. */
  readonly thread: NotificationThread | undefined;
}

/** A message of a thread. */
export interface PlannedThreadMessage extends PlannedMessage {
  readonly thread: NotificationThread;
}

export interface GroupPlan {
  readonly messages: readonly PlannedThreadMessage[];
  /** Threads that change without a message. */
  readonly threads: readonly NotificationThread[];
}

interface MessageContext {
  readonly kind: Message['kind'];
  readonly level: number;
  readonly timeZone: string;
  readonly now: number;
}

/**
 * Plans the messages for a changed group. The messages go to the targets of the current routes, and
 * to earlier targets if an alert was acknowledged or resolved. A target receives a message only if
 * it contains something new for the target, or if `repeatMs` have passed since the last message.
 *
 * People receive one message when the whole group is resolved. Until then, resolved alerts wait in
 * the thread for its next message.
 *
 * @param missed targets of resolved alerts that were never sent; their next message lists these alerts
 */
export function planGroupMessages(
  { key, alerts }: AlertGroup,
  routed: readonly TargetAlerts[],
  threads: readonly NotificationThread[],
  repeatMs: number,
  { now, timeZone }: { now: number; timeZone: string },
  missed: readonly TargetAlerts[] = [],
): GroupPlan {
  const active = alerts.filter(isActive);
  const resolved = alerts.filter((alert) => !isActive(alert));
  const threadByTarget = new Map(threads.map((thread) => [toTargetKey(thread.target), thread]));
  const routedByTarget = new Map(routed.map((each) => [toTargetKey(each.target), each]));
  const missedByTarget = new Map(missed.map((each) => [toTargetKey(each.target), each.alerts]));
  const messages: PlannedThreadMessage[] = [];
  const changedThreads: NotificationThread[] = [];
  for (const targetKey of new Set([...routedByTarget.keys(), ...threadByTarget.keys()])) {
    const before = threadByTarget.get(targetKey);
    const thread = before && addMissedAlerts(before, missedByTarget.get(targetKey) ?? []);
    const target = routedByTarget.get(targetKey)?.target ?? thread?.target;
    if (!target) continue;
    const notified = thread?.notified ?? {};
    const current = routedByTarget.get(targetKey)?.alerts ?? [];
    const newlyResolved = resolved.filter(({ id }) => isOngoing(notified[id]));
    const waiting = Object.values(thread?.resolved ?? {});
    const ended = [...newlyResolved, ...waiting];
    const newlyAcknowledged = active.filter(
      (a) => notified[a.id] && a.state === 'acknowledged' && hasNewState(a, notified),
    );
    const earlier = active.filter(({ id }) => notified[id] !== undefined);
    const ongoing = [...new Set([...current, ...earlier])];
    const isGroupEnd = ended.length > 0 && endsGroup(target, ended, ongoing);
    const hasNews =
      current.some((a) => hasNewState(a, notified)) || isGroupEnd || newlyAcknowledged.length > 0;
    const isRepeatDue = current.length > 0 && now - (thread?.lastMessageMs ?? 0) >= repeatMs;
    if (hasNews || isRepeatDue) {
      const context = { kind: 'route', level: 0, timeZone, now } as const;
      messages.push(createPlannedMessage(target, key, [...ongoing, ...ended], thread, context));
    } else if (thread && (newlyResolved.length > 0 || thread !== before)) {
      changedThreads.push(addResolvedAlerts(thread, newlyResolved));
    }
  }
  return { messages, threads: changedThreads };
}

/** Channels that people read. Other channels receive each resolution immediately. */
const PEOPLE_CHANNELS: ReadonlySet<string> = new Set(['email', 'sms', 'slack', 'teams', 'inApp']);

/**
 * Returns whether to send the resolutions now. They are sent if no alert of the group is left, or if
 * only less severe alerts are left.
 */
function endsGroup(target: Target, ended: readonly Alert[], ongoing: readonly Alert[]): boolean {
  if (!PEOPLE_CHANNELS.has(target.kind) || ongoing.length === 0) return true;
  const endedRank = getHighestRank(ended);
  return endedRank >= getSeverityRank(AlertSeverity.HIGH) && endedRank > getHighestRank(ongoing);
}

function getHighestRank(alerts: readonly Alert[]): number {
  return Math.max(...alerts.map(({ severity }) => getSeverityRank(severity)));
}

/** Adds alerts that were resolved before a message about them, so that people read about them later. */
function addMissedAlerts(thread: NotificationThread, alerts: readonly Alert[]): NotificationThread {
  const missed = alerts.filter(({ id }) => thread.notified[id] === undefined);
  if (missed.length === 0 || !PEOPLE_CHANNELS.has(thread.target.kind)) return thread;
  const added = addResolvedAlerts(thread, missed);
  // The deliverer omits resolved alerts without an earlier attempt.
  const attempted = missed.map(({ id }) => [id, { ...added.notified[id], attempted: true }]);
  return { ...added, notified: { ...added.notified, ...Object.fromEntries(attempted) } };
}

function addResolvedAlerts(
  thread: NotificationThread,
  alerts: readonly Alert[],
): NotificationThread {
  const added = Object.fromEntries(alerts.map((alert) => [alert.id, alert]));
  return {
    ...thread,
    notified: { ...thread.notified, ...toNotifiedStates(alerts, thread) },
    resolved: { ...thread.resolved, ...added },
  };
}

/** Creates a message about `alerts`, and the updated thread. @param before the thread so far */
export function createPlannedMessage(
  target: Target,
  groupKey: string,
  alerts: readonly Alert[],
  before: NotificationThread | undefined,
  { kind, level, timeZone, now }: MessageContext,
): PlannedThreadMessage {
  const messages = (before?.messageCount ?? 0) + 1;
  const sorted = sortWorstFirst(alerts);
  const states = sorted.map((alert) => `${alert.id} ${toAlertStateKey(alert)}`);
  // Servers that plan the same message create the same ID.
  const identity = [toTargetKey(target), groupKey, kind, level, messages, ...states.toSorted()];
  const id = hashIdentity(identity);
  return {
    target,
    message: {
      id,
      groupKey,
      receiver: target.receiver,
      kind,
      level,
      timeZone,
      status: computeMessageStatus(sorted),
      alerts: sorted.map(toMessageAlert),
    },
    thread: {
      target,
      groupKey,
      messageCount: messages,
      lastMessageMs: now,
      notified: { ...before?.notified, ...toNotifiedStates(alerts, before) },
      resolved: {},
    },
  };
}

/** Creates a message about alerts that were held back. It belongs to no thread. */
export function createSummaryMessage(
  target: Target,
  alerts: readonly MessageAlert[],
  { timeZone, now }: { timeZone: string; now: number },
): PlannedMessage {
  const sorted = sortWorstFirst(alerts);
  const groupKey = JSON.stringify({ summary: now });
  const states = sorted.map((alert) => `${alert.id} ${toAlertStateKey(alert)}`);
  return {
    target,
    message: {
      id: hashIdentity([toTargetKey(target), groupKey, ...states]),
      groupKey,
      receiver: target.receiver,
      kind: 'summary',
      level: 0,
      timeZone,
      status: computeMessageStatus(sorted),
      alerts: sorted,
    },
    thread: undefined,
  };
}

function hashIdentity(identity: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(identity)).digest('hex').slice(0, 32);
}

function toNotifiedStates(
  alerts: readonly Alert[],
  before: NotificationThread | undefined,
): Readonly<Record<string, NotifiedState>> {
  const states = alerts.map((alert): [string, NotifiedState] => {
    const attempted = before?.notified[alert.id]?.attempted ?? false;
    return [alert.id, { stateKey: toAlertStateKey(alert), attempted }];
  });
  return Object.fromEntries(states);
}

function hasNewState(alert: Alert, notified: NotificationThread['notified']): boolean {
  return notified[alert.id]?.stateKey !== toAlertStateKey(alert);
}

const NO_LINKS = { view: undefined, acknowledge: undefined, silence: undefined };

/** Converts an alert for a message. Links are added when the message is sent. */
export function toMessageAlert({ changedMs, ...alert }: Alert): MessageAlert {
  const { organization: organizationId, property: propertyId } = alert.labels;
  const endedMs = alert.state === 'resolved' ? changedMs : undefined;
  return { ...alert, endedMs, organizationId, propertyId, links: NO_LINKS };
}

/** Sorts active alerts before resolved alerts, by severity, highest first, and newest first. */
function sortWorstFirst<
  A extends Pick<Alert, 'id' | 'state' | 'severity' | 'firedMs' | 'startedMs'>,
>(alerts: readonly A[]): A[] {
  const resolvedRank = ({ state }: A) => (state === 'resolved' ? 1 : 0);
  return alerts.toSorted(
    (a, b) =>
      resolvedRank(a) - resolvedRank(b) ||
      getSeverityRank(b.severity) - getSeverityRank(a.severity) ||
      (b.firedMs ?? b.startedMs) - (a.firedMs ?? a.startedMs) ||
      (a.id < b.id ? -1 : 1),
  );
}

function computeMessageStatus(alerts: readonly Pick<Alert, 'state'>[]): Message['status'] {
  return alerts.every(({ state }) => state === 'resolved') ? 'resolved' : 'firing';
}
