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

/** A message, and what its target has been told after it. */
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
 * What a group's change says to each target: those that routes lead to now, and those that were told
 * of an alert that has been taken on, or has ended. Nothing to whom it says nothing new, unless
 * `repeatMs` have passed.
 */
export function planGroupMessages(
  { key, alerts }: AlertGroup,
  wanted: readonly TargetAlerts[],
  threads: readonly NotificationThread[],
  repeatMs: number,
  { now, timeZone }: { now: number; timeZone: string },
): PlannedMessage[] {
  const active = alerts.filter(isActive);
  const over = alerts.filter((alert) => !isActive(alert));
  const known = new Map(threads.map((thread) => [toTargetKey(thread.target), thread]));
  const routed = new Map(wanted.map((each) => [toTargetKey(each.target), each]));
  const decided: PlannedMessage[] = [];
  for (const name of new Set([...routed.keys(), ...known.keys()])) {
    const thread = known.get(name);
    const target = routed.get(name)?.target ?? thread?.target;
    if (!target) continue;
    const told = thread?.told ?? {};
    const news = routed.get(name)?.alerts ?? [];
    const ended = over.filter(({ id }) => isOngoing(told[id]));
    const taken = active.filter(
      (a) => told[a.id] && a.state === 'acknowledged' && hasNewState(a, told),
    );
    const isRepeat = news.length > 0 && now - (thread?.toldMs ?? 0) >= repeatMs;
    if (!news.some((a) => hasNewState(a, told)) && ended.length + taken.length === 0 && !isRepeat)
      continue;
    const others = active.filter(({ id }) => told[id] !== undefined);
    const said = [...new Set([...news, ...others, ...ended])];
    const occasion = { kind: 'route', level: 0, timeZone, now } as const;
    decided.push(createPlannedMessage(target, key, said, thread, occasion));
  }
  return decided;
}

/** A message of `alerts` to a target, whatever it was told before. */
export function createPlannedMessage(
  target: Target,
  groupKey: string,
  alerts: readonly Alert[],
  before: NotificationThread | undefined,
  { kind, level, timeZone, now }: MessageContext,
): PlannedMessage {
  const messages = (before?.messages ?? 0) + 1;
  const sorted = sortWorstFirst(alerts);
  const said = sorted.map((alert) => `${alert.id} ${toAlertStateKey(alert)}`);
  const identity = [toTargetKey(target), groupKey, kind, level, messages, ...said.toSorted()];
  const id = createHash('sha256').update(JSON.stringify(identity)).digest('hex').slice(0, 32);
  const states = alerts.map((alert): [string, NotifiedState] => {
    const reached = before?.told[alert.id]?.reached ?? false;
    return [alert.id, { said: toAlertStateKey(alert), reached }];
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
      messages,
      toldMs: now,
      told: { ...before?.told, ...Object.fromEntries(states) },
    },
  };
}

function hasNewState(alert: Alert, told: NotificationThread['told']): boolean {
  return told[alert.id]?.said !== toAlertStateKey(alert);
}

const NO_LINKS = { view: undefined, acknowledge: undefined, silence: undefined };

/** Converts an alert for a message. Links are added when the message is sent. */
function toMessageAlert({ changedMs, ...alert }: Alert): MessageAlert {
  const { organization: organizationId, property: propertyId } = alert.labels;
  const endedMs = alert.state === 'resolved' ? changedMs : undefined;
  return { ...alert, endedMs, organizationId, propertyId, links: NO_LINKS };
}

/** Sorts active alerts before resolved ones, and by severity, highest first. */
function sortWorstFirst(alerts: readonly Alert[]): Alert[] {
  const over = ({ state }: Alert) => (state === 'resolved' ? 1 : 0);
  return alerts.toSorted(
    (a, b) =>
      over(a) - over(b) ||
      getSeverityRank(b.severity) - getSeverityRank(a.severity) ||
      (a.id < b.id ? -1 : 1),
  );
}

function computeMessageStatus(alerts: readonly Alert[]): Message['status'] {
  return alerts.every(({ state }) => state === 'resolved') ? 'resolved' : 'firing';
}
