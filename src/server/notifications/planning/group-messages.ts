import { createHash } from 'node:crypto';
import {
  type Alert,
  type AlertGroup,
  isActive,
  toAlertStateKey,
} from '../../../core/alerts/alert.ts';
import { getSeverityRank } from '../../../core/schema/enums.ts';
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
  readonly message: Message;
  readonly thread: NotificationThread;
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
 */
export function planGroupMessages(
  { key, alerts }: AlertGroup,
  routed: readonly TargetAlerts[],
  threads: readonly NotificationThread[],
  repeatMs: number,
  { now, timeZone }: { now: number; timeZone: string },
): PlannedMessage[] {
  const active = alerts.filter(isActive);
  const resolved = alerts.filter((alert) => !isActive(alert));
  const threadByTarget = new Map(threads.map((thread) => [toTargetKey(thread.target), thread]));
  const routedByTarget = new Map(routed.map((each) => [toTargetKey(each.target), each]));
  const planned: PlannedMessage[] = [];
  for (const targetKey of new Set([...routedByTarget.keys(), ...threadByTarget.keys()])) {
    const thread = threadByTarget.get(targetKey);
    const target = routedByTarget.get(targetKey)?.target ?? thread?.target;
    if (!target) continue;
    const notified = thread?.notified ?? {};
    const current = routedByTarget.get(targetKey)?.alerts ?? [];
    const newlyResolved = resolved.filter(({ id }) => isOngoing(notified[id]));
    const newlyAcknowledged = active.filter(
      (a) => notified[a.id] && a.state === 'acknowledged' && hasNewState(a, notified),
    );
    const hasNews =
      current.some((a) => hasNewState(a, notified)) ||
      newlyResolved.length > 0 ||
      newlyAcknowledged.length > 0;
    const isRepeatDue = current.length > 0 && now - (thread?.lastMessageMs ?? 0) >= repeatMs;
    if (!hasNews && !isRepeatDue) continue;
    const earlier = active.filter(({ id }) => notified[id] !== undefined);
    const included = [...new Set([...current, ...earlier, ...newlyResolved])];
    const context = { kind: 'route', level: 0, timeZone, now } as const;
    planned.push(createPlannedMessage(target, key, included, thread, context));
  }
  return planned;
}

/** Creates a message about `alerts`, and the updated thread. @param before the thread so far */
export function createPlannedMessage(
  target: Target,
  groupKey: string,
  alerts: readonly Alert[],
  before: NotificationThread | undefined,
  { kind, level, timeZone, now }: MessageContext,
): PlannedMessage {
  const messages = (before?.messageCount ?? 0) + 1;
  const sorted = sortWorstFirst(alerts);
  const states = sorted.map((alert) => `${alert.id} ${toAlertStateKey(alert)}`);
  // Servers that plan the same message create the same ID.
  const identity = [toTargetKey(target), groupKey, kind, level, messages, ...states.toSorted()];
  const id = createHash('sha256').update(JSON.stringify(identity)).digest('hex').slice(0, 32);
  const notified = alerts.map((alert): [string, NotifiedState] => {
    const attempted = before?.notified[alert.id]?.attempted ?? false;
    return [alert.id, { stateKey: toAlertStateKey(alert), attempted }];
  });
  return {
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
      notified: { ...before?.notified, ...Object.fromEntries(notified) },
    },
  };
}

function hasNewState(alert: Alert, notified: NotificationThread['notified']): boolean {
  return notified[alert.id]?.stateKey !== toAlertStateKey(alert);
}

const NO_LINKS = { view: undefined, acknowledge: undefined, silence: undefined };

/** Converts an alert for a message. Links are added when the message is sent. */
function toMessageAlert({ changedMs, ...alert }: Alert): MessageAlert {
  const { organization: organizationId, property: propertyId } = alert.labels;
  const endedMs = alert.state === 'resolved' ? changedMs : undefined;
  return { ...alert, endedMs, organizationId, propertyId, links: NO_LINKS };
}

/** Sorts active alerts before resolved alerts, and by severity, highest first. */
function sortWorstFirst(alerts: readonly Alert[]): Alert[] {
  const resolvedRank = ({ state }: Alert) => (state === 'resolved' ? 1 : 0);
  return alerts.toSorted(
    (a, b) =>
      resolvedRank(a) - resolvedRank(b) ||
      getSeverityRank(b.severity) - getSeverityRank(a.severity) ||
      (a.id < b.id ? -1 : 1),
  );
}

function computeMessageStatus(alerts: readonly Alert[]): Message['status'] {
  return alerts.every(({ state }) => state === 'resolved') ? 'resolved' : 'firing';
}
