import { createHash } from 'node:crypto';
import { z } from 'zod';
import { createError } from '../../../core/errors.ts';
import { AlertSeverity } from '../../../core/schema/enums.ts';
import { toMessageContent } from '../message/message-content.ts';
import { toSingleLine } from '../message/sanitize-text.ts';
import { deliverByHttp } from '../outgoing-http/http-delivery.ts';
import type { Channel, ChannelOptions, Message } from './channel.ts';
import {
  checkUrlsAllowed,
  httpUrlSchema,
  networkFields,
  secretFileSchema,
} from './channel-fields.ts';
import { readCertificates, readSecret } from './secret-file.ts';

export const pagerdutyConfigSchema = z
  .strictObject({
    kind: z.literal('pagerduty'),
    /** Holds the integration key (32 characters) of a service's Events API v2. */
    routingKeyFile: secretFileSchema,
    /** `https://events.eu.pagerduty.com/v2/enqueue` for accounts of the EU's region. */
    url: httpUrlSchema.default('https://events.pagerduty.com/v2/enqueue'),
    ...networkFields,
  })
  .superRefine(checkUrlsAllowed);

/** PagerDuty's Events API v2. @throws PS_CHANNEL_SECRET */
export function createPagerdutyChannel(
  config: z.output<typeof pagerdutyConfigSchema>,
  { now = Date.now }: ChannelOptions,
): Channel {
  const file = config.routingKeyFile;
  const key = readSecret(file);
  if (!/^[\w-]{32}$/.test(key)) {
    throw createError('PS_CHANNEL_SECRET', {
      file,
      reason: 'an integration key has 32 characters',
    });
  }
  const url = new URL(config.url);
  const ca = readCertificates(config.caFile);
  const headers = { 'content-type': 'application/json' };
  return {
    kind: 'pagerduty',
    recipient: url.host,
    deliver: (message, signal) => {
      const body = JSON.stringify(toPagerdutyEvent(message, key));
      return deliverByHttp(
        { url, body, headers, policy: config, ca, confidential: true, secrets: [key], now },
        signal,
      );
    },
  };
}

/** PagerDuty refuses events of more than 512 KB; ten alerts are some 60 KB at most. */
const MAX_ALERTS = 10;
const MAX_SOURCE_LENGTH = 250;

const PAGERDUTY_SEVERITIES: Readonly<Record<AlertSeverity, string>> = {
  [AlertSeverity.WARNING]: 'warning',
  [AlertSeverity.MEDIUM]: 'warning',
  [AlertSeverity.HIGH]: 'error',
  [AlertSeverity.CRITICAL]: 'critical',
};

/**
 * A message as an event of the Events API v2: one incident for a group, opened, acknowledged and
 * resolved under the same `dedup_key`.
 */
function toPagerdutyEvent(message: Message, routingKey: string): object {
  const { alerts, status } = message;
  const acknowledged = alerts.every(({ state }) => state === 'acknowledged');
  const told = toMessageContent(message, MAX_ALERTS);
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
      source: toSingleLine(
        labels.service ?? propertyId ?? organizationId ?? 'perfscope',
        MAX_SOURCE_LENGTH,
      ),
      severity: PAGERDUTY_SEVERITIES[severity],
      timestamp: new Date(firedMs ?? startedMs).toISOString(),
      class: toSingleLine(rule, MAX_SOURCE_LENGTH),
      ...(organizationId !== undefined && {
        group: toSingleLine(organizationId, MAX_SOURCE_LENGTH),
      }),
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
