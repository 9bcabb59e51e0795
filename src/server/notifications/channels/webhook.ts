import { z } from 'zod';
import { AlertSeverity } from '../../../core/schema/enums.ts';
import { ALERT_STATES } from '../../../core/schema/tables/alerts-table.ts';
import { postSigned } from '../outgoing-http/signed-post.ts';
import type { Channel, ChannelOptions, Message, MessageAlert } from './channel.ts';
import {
  checkUrlsAllowed,
  httpUrlSchema,
  networkFields,
  secretFileSchema,
} from './channel-fields.ts';
import { readCertificates, readSecret, readSecretUrl } from './secret-file.ts';

export const webhookConfigSchema = z
  .strictObject({
    kind: z.literal('webhook'),
    url: httpUrlSchema.optional(),
    /** Instead of `url`, where the address itself is a secret. */
    urlFile: secretFileSchema.optional(),
    /** What messages are signed with. */
    secretFile: secretFileSchema,
    ...networkFields,
  })
  .refine(({ url, urlFile }) => (url === undefined) !== (urlFile === undefined), {
    error: 'needs either `url` or `urlFile`',
    path: ['url'],
  })
  .superRefine(checkUrlsAllowed);

/** Messages as signed JSON to any address. @throws PS_CHANNEL_SECRET */
export function createWebhookChannel(
  config: z.output<typeof webhookConfigSchema>,
  { now = Date.now }: ChannelOptions,
): Channel {
  const url =
    config.urlFile === undefined ? new URL(config.url!) : readSecretUrl(config.urlFile, config);
  const secret = readSecret(config.secretFile);
  const ca = readCertificates(config.caFile);
  return {
    kind: 'webhook',
    recipient: url.host,
    deliver: (message, signal) => {
      const body = formatWebhookBody(message);
      return postSigned({ url, body, policy: config, ca, now, secret, key: message.id }, signal);
    },
  };
}

const labelsSchema = z.record(z.string(), z.string());
const timestampSchema = z.iso.datetime();

/**
 * What a webhook receives, version 1. A version only ever gets more keys; whatever else would
 * change has a new number. `docs/channels.md` shows it as a JSON schema.
 */
export const webhookBodySchema = z.object({
  version: z.literal('1'),
  id: z.string(),
  groupKey: z.string(),
  receiver: z.string(),
  kind: z.enum(['route', 'escalation', 'digest', 'test']),
  level: z.int().min(0),
  status: z.enum(['firing', 'resolved']),
  timeZone: z.string(),
  alerts: z
    .array(
      z.object({
        id: z.string(),
        rule: z.string(),
        state: z.enum(ALERT_STATES),
        severity: z.enum(AlertSeverity),
        labels: labelsSchema,
        annotations: labelsSchema,
        runbook: z.string().optional(),
        value: z.number().optional(),
        threshold: z.number().optional(),
        cause: z.string().optional(),
        author: z.string().optional(),
        comment: z.string().optional(),
        organizationId: z.string().optional(),
        propertyId: z.string().optional(),
        startedAt: timestampSchema,
        firedAt: timestampSchema.optional(),
        endedAt: timestampSchema.optional(),
        links: z.object({
          view: z.string().optional(),
          acknowledge: z.string().optional(),
          silence: z.string().optional(),
        }),
      }),
    )
    .min(1),
});

type WebhookBody = z.output<typeof webhookBodySchema>;

/** The same text for every attempt, so that a receiver can tell a repetition. */
function formatWebhookBody(message: Message): string {
  const { id, groupKey, receiver, kind, level, status, timeZone } = message;
  const body: WebhookBody = {
    version: '1',
    id,
    groupKey,
    receiver,
    kind,
    level,
    status,
    timeZone,
    alerts: message.alerts.map(toWebhookAlert),
  };
  return JSON.stringify(body);
}

function toWebhookAlert(alert: MessageAlert): WebhookBody['alerts'][number] {
  const { id, rule, state, severity, labels, annotations, runbook, cause } = alert;
  const { author, comment, organizationId, propertyId, links } = alert;
  return {
    id,
    rule,
    state,
    severity,
    labels,
    annotations,
    runbook,
    value: toFinite(alert.value),
    threshold: toFinite(alert.threshold),
    cause,
    author,
    comment,
    organizationId,
    propertyId,
    startedAt: new Date(alert.startedMs).toISOString(),
    firedAt: toIsoTime(alert.firedMs),
    endedAt: toIsoTime(alert.endedMs),
    links: { ...links },
  };
}

/** JSON would have null for what is not a number, or infinite. */
function toFinite(value: number | undefined): number | undefined {
  return Number.isFinite(value) ? value : undefined;
}

function toIsoTime(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : new Date(ms).toISOString();
}
