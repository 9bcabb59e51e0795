import { createHash } from 'node:crypto';
import { z } from 'zod';
import { createError } from '../../../core/perfscope-error.ts';
import { AlertSeverity } from '../../../core/schema/enums.ts';
import { formatTenant } from '../message/alert-summary.ts';
import { toMessageContent } from '../message/message-content.ts';
import { formatTitle } from '../message/message-title.ts';
import { toSingleLine } from '../message/sanitize-text.ts';
import { deliverByHttp } from '../outgoing-http/http-delivery.ts';
import { findPagerdutyFailure } from '../outgoing-http/response-failures.ts';
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
    /** File that contains the integration key (32 characters) of an Events API v2 integration. */
    routingKeyFile: secretFileSchema,
    /** Accounts in the EU region use `https://events.eu.pagerduty.com/v2/enqueue`. */
    url: httpUrlSchema.default('https://events.pagerduty.com/v2/enqueue'),
    ...networkFields,
  })
  .superRefine(checkUrlsAllowed);

/** Creates a channel for PagerDuty's Events API v2. @throws PS_CHANNEL_SECRET */
export function createPagerdutyChannel(
  config: z.output<typeof pagerdutyConfigSchema>,
  { now = Date.now }: ChannelOptions,
): Channel {
  const file = config.routingKeyFile;
  const key = readSecret(file);
  if (!/^[\w-]{32}$/.test(key)) {
    throw createError('PS_CHANNEL_SECRET', {
      file,
      reason: 'an integration key must have 32 characters',
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
      const secrets = [key];
      const request = { url, body, headers, policy: config, ca, confidential: true, secrets, now };
      return deliverByHttp({ ...request, findFailure: findPagerdutyFailure }, signal);
    },
  };
}

/** PagerDuty rejects events of more than 512 KB. Ten alerts take at most about 60 KB. */
const MAX_ALERTS = 10;
const MAX_SOURCE_LENGTH = 250;
/** PagerDuty's limit for the summary. */
const MAX_SUMMARY_LENGTH = 1024;

const PAGERDUTY_SEVERITIES: Readonly<Record<AlertSeverity, string>> = {
  [AlertSeverity.WARNING]: 'warning',
  [AlertSeverity.MEDIUM]: 'warning',
  [AlertSeverity.HIGH]: 'error',
  [AlertSeverity.CRITICAL]: 'critical',
};

/** Omits infinite values, which JSON would serialize as `null`. */
function toFinite(value: number | undefined): number | undefined {
  return Number.isFinite(value) ? value : undefined;
}

/**
 * Converts a message to an event of the Events API v2. Each group of alerts is one incident: all its
 * events have the same `dedup_key`.
 */
export function toPagerdutyEvent(message: Message, routingKey: string): object {
  const { alerts, status } = message;
  const acknowledged = alerts.every(({ state }) => state === 'acknowledged');
  const content = toMessageContent(message, MAX_ALERTS);
  const common = {
    routing_key: routingKey,
    // Hash the key, because PagerDuty allows at most 255 characters.
    dedup_key: createHash('sha256').update(message.groupKey).digest('hex'),
  };
  if (status === 'resolved') return { ...common, event_action: 'resolve' };
  if (acknowledged) return { ...common, event_action: 'acknowledge' };
  const worst = alerts[0]!;
  const { labels, rule, severity, firedMs, startedMs } = worst;
  const component = labels.endpoint ?? labels.queue ?? labels.instance ?? labels.table;
  const tenant = formatTenant(worst);
  return {
    ...common,
    event_action: 'trigger',
    client: 'Perfscope',
    payload: {
      summary: formatTitle(message, MAX_SUMMARY_LENGTH),
      source: toSingleLine(
        labels.service ?? labels.host ?? labels.queue ?? tenant ?? 'perfscope',
        MAX_SOURCE_LENGTH,
      ),
      severity: PAGERDUTY_SEVERITIES[severity],
      timestamp: new Date(firedMs ?? startedMs).toISOString(),
      class: toSingleLine(rule, MAX_SOURCE_LENGTH),
      ...(component !== undefined && { component: toSingleLine(component, MAX_SOURCE_LENGTH) }),
      ...(tenant !== undefined && { group: toSingleLine(tenant, MAX_SOURCE_LENGTH) }),
      custom_details: {
        value: toFinite(worst.value),
        limit: toFinite(worst.threshold),
        alerts: content.alerts.map(({ heading, summary, facts }) => ({
          ...Object.fromEntries(facts),
          alert: heading,
          summary,
        })),
        ...(content.omitted > 0 && { more: content.omitted }),
      },
    },
    links: (content.alerts[0]?.links ?? []).map(({ text, url }) => ({ href: url, text })),
  };
}
