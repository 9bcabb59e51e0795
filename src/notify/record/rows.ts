import { createHash } from 'node:crypto';
import type { NotificationContent } from '../../schema/notification-desk.ts';
import type { NotificationRow } from '../../schema/notifications.ts';
import type { KnownAlert } from '../alert.ts';
import type { Message, ToldAlert } from '../channel.ts';
import type { Delivery } from '../deliver/delivery.ts';

/** Alerts of a message that its row names one by one. */
const MOST_NAMED = 20;
const MOST_TEXT = 500;

/** What became of one attempt, or of a delivery as a whole. */
export interface Happened {
  readonly status: NonNullable<NotificationRow['status']>;
  readonly reason: string;
  readonly detail: string | undefined;
  readonly recipient: string;
  readonly atMs: number;
}

/** The same delivery, attempt and time always give the same row. */
export function deliveryRow(delivery: Delivery, happened: Happened): NotificationRow {
  const { id, target, message, attempt, rows } = delivery;
  const { status, reason, detail, recipient, atMs } = happened;
  return {
    timestamp: atMs,
    id,
    seq: rows + 1,
    attempt,
    status,
    reason,
    recipient,
    detail: detail === undefined ? undefined : cut(detail),
    receiver: target.receiver,
    channel: target.kind,
    kind: message.kind,
    level: message.level,
    groupKey: cut(message.groupKey),
    alertId: message.alerts[0]?.id,
    content: JSON.stringify(contentOf(message)),
    organizationId: oneOf(message.alerts, ({ organizationId }) => organizationId),
    propertyId: oneOf(message.alerts, ({ propertyId }) => propertyId),
  };
}

/** Why nobody, or not everybody, is told of an alert now. */
export function suppressionRow(
  alert: KnownAlert,
  why: { reason: string; detail: string; receiver?: string | undefined },
  seq: number,
  now: number,
): NotificationRow {
  const { organization: organizationId, property: propertyId } = alert.labels;
  const { reason, receiver } = why;
  const content: NotificationContent = {
    status: alert.state === 'resolved' ? 'resolved' : 'firing',
    total: 1,
    alerts: [briefOf(alert)],
  };
  return {
    timestamp: now,
    id: suppressionId(alert.id),
    seq,
    alertId: alert.id,
    status: 'suppressed',
    reason,
    detail: cut(why.detail),
    receiver,
    attempt: 0,
    content: JSON.stringify(content),
    organizationId,
    propertyId,
  };
}

function suppressionId(alertId: string): string {
  return createHash('sha256').update(`suppressed\n${alertId}`).digest('hex').slice(0, 32);
}

function contentOf({ status, alerts }: Message): NotificationContent {
  const named = alerts.slice(0, MOST_NAMED).map(briefOf);
  return { status, total: alerts.length, alerts: named };
}

function briefOf(alert: KnownAlert | ToldAlert): NotificationContent['alerts'][number] {
  const { id, rule, state, severity, annotations } = alert;
  return { id, rule, state, severity, summary: cut(annotations.summary ?? rule) };
}

/** What all have in common; undefined where they differ, so that no tenant sees another's. */
function oneOf(
  alerts: readonly ToldAlert[],
  name: (alert: ToldAlert) => string | undefined,
): string | undefined {
  const [first] = alerts;
  const common = first && name(first);
  return alerts.every((alert) => name(alert) === common) ? common : undefined;
}

function cut(text: string): string {
  return text.length > MOST_TEXT ? `${text.slice(0, MOST_TEXT - 1)}…` : text;
}
