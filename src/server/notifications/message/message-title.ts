import { formatDuration } from '../../../core/format.ts';
import { ALERT_SEVERITIES } from '../../../core/schema/enums.ts';
import type { Message, MessageAlert } from '../channels/channel.ts';
import { formatAlertSummary, formatTenant, getCommonValue } from './alert-summary.ts';
import { toSingleLine } from './sanitize-text.ts';

export const MAX_TITLE_LENGTH = 140;
/** A tenant's name can't take more than this share of the title. */
const MAX_TENANT_LENGTH = 40;

/**
 * Returns a title such as `[CRITICAL] shop: /rooms takes 6 s on average (limit: 5 s) · anna/north`. If
 * the title is too long, only the part about the alert is shortened.
 */
export function formatTitle(message: Message, maxLength: number = MAX_TITLE_LENGTH): string {
  const start = `${message.kind === 'test' ? '[TEST] ' : ''}[${formatTag(message)}] `;
  const tenant = getCommonValue(message.alerts, formatTenant);
  const end = tenant === undefined ? '' : ` · ${toSingleLine(tenant, MAX_TENANT_LENGTH)}`;
  const extra = formatExtra(message);
  const space = Math.max(maxLength - start.length - extra.length - end.length, 0);
  return toSingleLine(
    `${start}${toSingleLine(formatMain(message), space)}${extra}${end}`,
    maxLength,
  );
}

/** Returns the state of the message in capitals: the highest severity of the firing alerts. */
function formatTag({ kind, status, alerts }: Message): string {
  const worst = alerts[0]!;
  if (kind === 'digest') return 'DIGEST';
  if (status === 'resolved') return 'RESOLVED';
  if (alerts.every(({ state }) => state !== 'firing')) return 'ACKNOWLEDGED';
  const suffix = kind === 'escalation' ? ', not acknowledged' : '';
  return `${worst.severity.toUpperCase()}${suffix}`;
}

function formatMain(message: Message): string {
  const { kind, status, alerts } = message;
  const worst = alerts[0]!;
  if (kind === 'digest') return `${formatAlertCount(alerts.length)}: ${formatCounts(alerts)}`;
  if (alerts.length === 1) return formatAlertSummary(worst);
  if (kind === 'summary') return `${formatMoreAlerts(alerts.length)}: ${formatCounts(alerts)}`;
  if (status === 'firing') return formatAlertSummary(worst);
  const service = getCommonValue(alerts, ({ labels }) => labels.service);
  const count = formatAlertCount(alerts.length);
  return service === undefined ? count : `${service}: ${count}`;
}

/** Returns the rest of the title of a message about several alerts. It is never shortened. */
function formatExtra({ kind, status, alerts }: Message): string {
  if (kind === 'digest' || kind === 'summary' || alerts.length === 1) return '';
  if (status === 'resolved') return formatGroupDuration(alerts);
  const resolved = alerts.filter(({ state }) => state === 'resolved').length;
  const others = alerts.length - 1 - resolved;
  const parts = [
    ...(others > 0 ? [`and ${formatMoreAlerts(others)}`] : []),
    ...(resolved > 0 ? [`${resolved} resolved`] : []),
  ];
  return `, ${parts.join(', ')}`;
}

function formatGroupDuration(alerts: readonly MessageAlert[]): string {
  const startMs = Math.min(...alerts.map(({ firedMs, startedMs }) => firedMs ?? startedMs));
  const endMs = Math.max(...alerts.map(({ endedMs }) => endedMs ?? Number.NEGATIVE_INFINITY));
  return endMs >= startMs ? `, lasted ${formatDuration(endMs - startMs)}` : '';
}

/** Returns `1 critical, 3 warning, 2 resolved`. */
function formatCounts(alerts: readonly MessageAlert[]): string {
  const bySeverity = ALERT_SEVERITIES.toReversed().map((severity) => [
    alerts.filter((alert) => alert.state !== 'resolved' && alert.severity === severity).length,
    severity,
  ]);
  const resolved = [alerts.filter(({ state }) => state === 'resolved').length, 'resolved'];
  return [...bySeverity, resolved]
    .filter(([count]) => count !== 0)
    .map(([count, name]) => `${count} ${name}`)
    .join(', ');
}

function formatAlertCount(count: number): string {
  return `${count} ${count === 1 ? 'alert' : 'alerts'}`;
}

export function formatMoreAlerts(count: number): string {
  return `${count} more ${count === 1 ? 'alert' : 'alerts'}`;
}
