import { createHash } from 'node:crypto';
import type { Alert } from '../../../core/alerts/alert.ts';
import { EventFeed } from '../../../core/event-feed.ts';
import type { AddRows } from '../../../core/schema/table-registry.ts';
import type { NotificationRow } from '../../../core/schema/tables/notifications-table.ts';
import type { Message, MessageAlert } from '../channels/channel.ts';
import type { Delivery } from '../delivery/delivery.ts';
import type { NotificationContent } from '../notification-views.ts';

/** Alerts of a message that its row names one by one. */
const MAX_NAMED_ALERTS = 20;
const MAX_TEXT_LENGTH = 500;

/** What became of one attempt, or of a delivery as a whole. */
export interface AttemptResult {
  readonly status: NonNullable<NotificationRow['status']>;
  readonly reason: string;
  readonly detail: string | undefined;
  readonly recipient: string;
  readonly atMs: number;
}

/** The same delivery, attempt and time always give the same row. */
export function toDeliveryRow(delivery: Delivery, happened: AttemptResult): NotificationRow {
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
    detail: detail === undefined ? undefined : truncate(detail),
    receiver: target.receiver,
    channel: target.kind,
    kind: message.kind,
    level: message.level,
    groupKey: truncate(message.groupKey),
    alertId: message.alerts[0]?.id,
    content: JSON.stringify(toContent(message)),
    organizationId: getCommonValue(message.alerts, ({ organizationId }) => organizationId),
    propertyId: getCommonValue(message.alerts, ({ propertyId }) => propertyId),
  };
}

/** Why nobody, or not everybody, is told of an alert now. */
export function toSuppressionRow(
  alert: Alert,
  why: { reason: string; detail: string; receiver?: string | undefined },
  seq: number,
  now: number,
): NotificationRow {
  const { organization: organizationId, property: propertyId } = alert.labels;
  const { reason, receiver } = why;
  const content: NotificationContent = {
    status: alert.state === 'resolved' ? 'resolved' : 'firing',
    total: 1,
    alerts: [toContentAlert(alert)],
  };
  return {
    timestamp: now,
    id: computeSuppressionId(alert.id),
    seq,
    alertId: alert.id,
    status: 'suppressed',
    reason,
    detail: truncate(why.detail),
    receiver,
    attempt: 0,
    content: JSON.stringify(content),
    organizationId,
    propertyId,
  };
}

function computeSuppressionId(alertId: string): string {
  return createHash('sha256').update(`suppressed\n${alertId}`).digest('hex').slice(0, 32);
}

function toContent({ status, alerts }: Message): NotificationContent {
  const named = alerts.slice(0, MAX_NAMED_ALERTS).map(toContentAlert);
  return { status, total: alerts.length, alerts: named };
}

function toContentAlert(alert: Alert | MessageAlert): NotificationContent['alerts'][number] {
  const { id, rule, state, severity, annotations } = alert;
  return { id, rule, state, severity, summary: truncate(annotations.summary ?? rule) };
}

/** What all have in common; undefined where they differ, so that no tenant sees another's. */
function getCommonValue(
  alerts: readonly MessageAlert[],
  name: (alert: MessageAlert) => string | undefined,
): string | undefined {
  const [first] = alerts;
  const common = first && name(first);
  return alerts.every((alert) => name(alert) === common) ? common : undefined;
}

function truncate(text: string): string {
  return text.length > MAX_TEXT_LENGTH ? `${text.slice(0, MAX_TEXT_LENGTH - 1)}…` : text;
}

export interface NotificationRecorderOptions {
  readonly add: AddRows;
  /** Puts what was added on disk, and sends it. */
  readonly flush: () => Promise<void>;
}

/** Writes what became of messages as rows of `notifications`, and tells whoever listens. */
export class NotificationRecorder {
  readonly feed = new EventFeed<NotificationRow>();
  readonly #options: NotificationRecorderOptions;
  #running: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;

  constructor(options: NotificationRecorderOptions) {
    this.#options = options;
  }

  record(row: NotificationRow): void {
    this.#options.add('notifications', [row]);
    this.feed.publish(row);
    void this.flush();
  }

  /** Resolves when all that was noted is stored, or safe in the spool. Never rejects. */
  flush(): Promise<void> {
    // One at a time, and one more for all that is noted meanwhile: while QuestDB is away each takes long.
    this.#next ??= this.#running
      .then(() => new Promise<void>((resolve) => setImmediate(resolve)))
      .then(() => {
        this.#next = undefined;
        this.#running = this.#options.flush().catch(() => {});
        return this.#running;
      });
    return this.#next;
  }
}
