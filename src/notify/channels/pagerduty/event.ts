import { createHash } from 'node:crypto';
import { AlertSeverity } from '../../../schema/metric-type.ts';
import type { Message } from '../../channel.ts';
import { plain } from '../../text/plain.ts';
import { tell } from '../../text/told.ts';

/** PagerDuty refuses events of more than 512 KB; ten alerts are some 60 KB at most. */
const MOST_ALERTS = 10;
const MOST_SOURCE = 250;

const SEVERITIES: Readonly<Record<AlertSeverity, string>> = {
  [AlertSeverity.WARNING]: 'warning',
  [AlertSeverity.MEDIUM]: 'warning',
  [AlertSeverity.HIGH]: 'error',
  [AlertSeverity.CRITICAL]: 'critical',
};

/**
 * A message as an event of the Events API v2: one incident for a group, opened, acknowledged and
 * resolved under the same `dedup_key`.
 */
export function eventOf(message: Message, routingKey: string): object {
  const { alerts, status } = message;
  const acknowledged = alerts.every(({ state }) => state === 'acknowledged');
  const told = tell(message, MOST_ALERTS);
  const common = {
    routing_key: routingKey,
    // The key itself may be longer than the 255 characters that are allowed.
    dedup_key: createHash('sha256').update(message.groupKey).digest('hex'),
  };
  if (status === 'resolved') return { ...common, event_action: 'resolve' };
  if (acknowledged) return { ...common, event_action: 'acknowledge' };
  const [worst] = alerts;
  const { labels, rule, severity, organizationId, propertyId, firedMs, startedMs } = worst!;
  return {
    ...common,
    event_action: 'trigger',
    client: 'Perfscope',
    payload: {
      summary: told.title,
      source: plain(labels.service ?? propertyId ?? organizationId ?? 'perfscope', MOST_SOURCE),
      severity: SEVERITIES[severity],
      timestamp: new Date(firedMs ?? startedMs).toISOString(),
      class: plain(rule, MOST_SOURCE),
      ...(organizationId !== undefined && { group: plain(organizationId, MOST_SOURCE) }),
      custom_details: {
        alerts: told.alerts.map(({ heading, summary, facts }) => ({
          ...Object.fromEntries(facts),
          alert: heading,
          summary,
        })),
        ...(told.omitted > 0 && { more: told.omitted }),
      },
    },
    links: (told.alerts[0]?.links ?? []).map(({ text, url }) => ({ href: url, text })),
  };
}
