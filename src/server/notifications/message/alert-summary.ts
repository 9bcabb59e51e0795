import { formatDuration, formatNumber } from '../../../core/format.ts';
import type { MessageAlert } from '../channels/channel.ts';

/**
 * Returns one sentence about an alert. For a resolved alert, it ends with the worst value and the
 * duration: `shop: /rooms takes 310 ms on average (limit: 2 s) · was 6.01 s at worst, lasted 4 min`.
 */
export function formatAlertSummary(alert: MessageAlert): string {
  const summary = alert.annotations.summary || formatValue(alert);
  if (alert.state !== 'resolved') return summary;
  const duration = formatAlertDuration(alert);
  const history = [
    ...(alert.worst ? [`was ${alert.worst.text} at worst`] : []),
    ...(duration === undefined ? [] : [`lasted ${duration}`]),
  ];
  return history.length === 0 ? summary : `${summary} · ${history.join(', ')}`;
}

/** Returns how long a resolved alert fired, or undefined if it never fired or still fires. */
function formatAlertDuration({ firedMs, endedMs }: MessageAlert): string | undefined {
  if (firedMs === undefined || endedMs === undefined) return undefined;
  return formatDuration(Math.max(endedMs - firedMs, 0));
}

/** Describes an alert of a rule without a summary: `shop /rooms: my-rule is 12 (limit: 10)`. */
function formatValue({ rule, value, threshold, labels }: MessageAlert): string {
  const names = SUBJECT_LABELS.flatMap((label) => labels[label] ?? []);
  const subject = names.length === 0 ? '' : `${names.join(' ')}: `;
  const limit = threshold === undefined ? '' : ` (limit: ${formatNumber(threshold)})`;
  return `${subject}${rule}${value === undefined ? '' : ` is ${formatNumber(value)}${limit}`}`;
}

const SUBJECT_LABELS = ['service', 'queue', 'endpoint', 'host'] as const;

/** Returns `anna/north`, `anna`, or undefined if the alert belongs to no tenant. */
export function formatTenant({ organizationId, propertyId }: MessageAlert): string | undefined {
  const names = [organizationId, propertyId].filter((name) => name !== undefined);
  return names.length === 0 ? undefined : names.join('/');
}

/** Labels with their names for people, in the order of the message. */
const FACT_NAMES: Readonly<Record<string, string>> = {
  service: 'Service',
  endpoint: 'Endpoint',
  operation: 'Operation',
  queue: 'Queue',
  queueScope: 'Queue scope',
  table: 'Table',
  host: 'Host',
  instance: 'Instance',
  version: 'Version',
  environment: 'Environment',
};
/** Labels that have their own line, or that only rules use. */
const HIDDEN_LABELS: ReadonlySet<string> = new Set(['organization', 'property', 'scope']);
/** UUIDs and hashes. They mean nothing to people. */
const INTERNAL_ID = /^[0-9a-f]{16,}$|^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

/** Returns the labels that a recipient understands, by name. Other labels are in one line. */
export function formatLabels(
  labels: Readonly<Record<string, string>>,
  maxLabels: number,
): (readonly [name: string, value: string])[] {
  const facts = Object.entries(FACT_NAMES).flatMap(([label, name]) => {
    const value = labels[label];
    return value === undefined ? [] : [[name, value] as const];
  });
  const others = Object.entries(labels)
    .filter(([name]) => FACT_NAMES[name] === undefined && !HIDDEN_LABELS.has(name))
    .filter(([name, value]) => !name.startsWith('_') && !INTERNAL_ID.test(value))
    .slice(0, maxLabels)
    .map(([name, value]) => `${name}=${value}`);
  return others.length === 0 ? facts : [...facts, ['Labels', others.join(', ')]];
}

/**
 * Returns the value that all alerts share. If the values differ, returns `undefined`, so that no
 * tenant sees the value of another tenant.
 */
export function getCommonValue(
  alerts: readonly MessageAlert[],
  getValue: (alert: MessageAlert) => string | undefined,
): string | undefined {
  const [first] = alerts;
  const common = first && getValue(first);
  return alerts.every((alert) => getValue(alert) === common) ? common : undefined;
}
