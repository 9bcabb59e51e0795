import { createHash } from 'node:crypto';
import type { AlertBase } from '../../../core/alerts/alert.ts';
import { EventFeed } from '../../../core/event-feed.ts';
import { startTask } from '../../../core/guard.ts';
import type { AddRows } from '../../../core/schema/table-registry.ts';
import type { NotificationRow } from '../../../core/schema/tables/notifications-table.ts';
import type { Message } from '../channels/channel.ts';
import { formatTenant, getCommonValue } from '../message/alert-summary.ts';
import { truncateText } from '../message/sanitize-text.ts';
import type { NotificationContent } from '../notification-views.ts';
import type { Target } from '../routing/notification-target.ts';
import type { Delivery } from './delivery-record.ts';

/** Maximum number of alerts to list in a row. */
const MAX_LISTED_ALERTS = 20;
const MAX_TEXT_LENGTH = 500;

/** The result of one attempt, or the final result of a delivery. */
export interface AttemptResult {
  readonly status: NonNullable<NotificationRow['status']>;
  readonly reason: string;
  readonly detail: string | undefined;
  readonly recipient: string;
  readonly atMs: number;
}

/** Converts a result to a row. Equal arguments return equal rows, so duplicates can be removed. */
export function toDeliveryRow(delivery: Delivery, result: AttemptResult): NotificationRow {
  const { id, target, message, attempt, rows } = delivery;
  const { status, reason, detail, recipient, atMs } = result;
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
    content: JSON.stringify(toContent(delivery)),
    organizationId: getCommonValue(message.alerts, ({ organizationId }) => organizationId),
    propertyId: getCommonValue(message.alerts, ({ propertyId }) => propertyId),
  };
}

/** Creates the row that explains why an alert is not sent, or not to all receivers. */
function toSuppressionRow(
  alert: AlertBase,
  suppression: { reason: string; detail: string; receiver?: string | undefined },
  seq: number,
  now: number,
): NotificationRow {
  const { organization: organizationId, property: propertyId } = alert.labels;
  const { reason, receiver } = suppression;
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
    detail: truncate(suppression.detail),
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

function toContent({ message, target }: Delivery): NotificationContent {
  const { status, alerts } = message;
  const listed = alerts
    .slice(0, MAX_LISTED_ALERTS)
    .map((alert) => ({ ...toContentAlert(alert), tenant: formatTenant(alert) }));
  return {
    status,
    total: alerts.length,
    alerts: listed,
    incident: toContentIncident(message, target),
  };
}

/**
 * Returns the incident of a message. Callers who are limited to a tenant can read the rows about only their alerts.
 * Therefore, such a row contains a cause only if the recipient is limited to the same tenant.
 */
function toContentIncident(
  { alerts, incident, status }: Message,
  { organization, property }: Target,
): NotificationContent['incident'] {
  if (incident === undefined) return undefined;
  const ofOrganization = getCommonValue(alerts, ({ organizationId }) => organizationId);
  const ofProperty = getCommonValue(alerts, ({ propertyId }) => propertyId);
  const isOfRecipient =
    ofOrganization === undefined || (ofOrganization === organization && ofProperty === property);
  const { id, cause } = incident;
  const isShown = cause !== undefined && status === 'firing' && isOfRecipient;
  return { id, cause: isShown ? truncate(cause) : undefined };
}

function toContentAlert(alert: AlertBase): NotificationContent['alerts'][number] {
  const { id, rule, state, severity, annotations } = alert;
  return { id, rule, state, severity, summary: truncate(annotations.summary ?? rule) };
}

function truncate(text: string): string {
  return truncateText(text, MAX_TEXT_LENGTH, '…');
}

export interface NotificationRecorderOptions {
  readonly add: AddRows;
  /** Writes added rows to disk and sends them. */
  readonly flush: () => Promise<void>;
}

/** Writes rows to `notifications` and publishes them to subscribers. */
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
    startTask('the storage of notifications', () => this.flush());
  }

  /** Resolves when all recorded rows are in QuestDB or in the spool. Never rejects. */
  flush(): Promise<void> {
    // Run one flush at a time, then one more for all rows recorded in the meantime. While QuestDB
    // is unreachable, each flush takes a long time.
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

interface SuppressionReason {
  readonly reason: string;
  readonly detail: string;
  readonly receiver?: string | undefined;
}

/** Records why alerts are not sent, each time the reason changes. */
export class SuppressionRecorder {
  readonly #recorder: NotificationRecorder;
  /** Last recorded reasons, as JSON, by alert ID and stage. */
  readonly #last = new Map<string, Map<string, string>>();
  #seq = 0;

  constructor(recorder: NotificationRecorder) {
    this.#recorder = recorder;
  }

  /**
   * Records the current reasons of one stage. Only new reasons write a row.
   *
   * @param stage where the alert was suppressed; each call replaces the stage's earlier reasons
   * @param reasons empty if the stage doesn't suppress the alert
   */
  record(
    alert: AlertBase,
    stage: string,
    reasons: readonly SuppressionReason[],
    now: number,
  ): void {
    const byStage = this.#last.get(alert.id) ?? new Map<string, string>();
    // Fast path: this is called for every alert each second, and most are not suppressed.
    if (reasons.length === 0 && !byStage.has(stage)) return;
    const text = JSON.stringify(reasons.map(({ reason, receiver }) => [reason, receiver ?? null]));
    const before = byStage.get(stage);
    if (before === text) return;
    const recorded = new Set(
      before === undefined ? [] : (JSON.parse(before) as unknown[]).map(String),
    );
    for (const reason of reasons) {
      if (recorded.has(String([reason.reason, reason.receiver ?? null]))) continue;
      this.#seq += 1;
      this.#recorder.record(toSuppressionRow(alert, reason, this.#seq, now));
    }
    this.#last.set(alert.id, byStage.set(stage, text));
  }

  /** Removes all alerts except these. */
  forgetAllExcept(ids: ReadonlySet<string>): void {
    for (const id of this.#last.keys()) if (!ids.has(id)) this.#last.delete(id);
  }
}
