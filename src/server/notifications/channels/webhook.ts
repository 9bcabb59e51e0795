import { z } from 'zod';
import { AlertSeverity } from '../../../core/schema/enums.ts';
import { ALERT_STATES } from '../../../core/schema/tables/alerts-table.ts';
import { normalizeHttpUrl } from '../message/message-content.ts';
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
    /** Alternative to `url`, for a URL that is a secret. */
    urlFile: secretFileSchema.optional(),
    /** File that contains the secret for the signature. */
    secretFile: secretFileSchema,
    ...networkFields,
  })
  .refine(({ url, urlFile }) => (url === undefined) !== (urlFile === undefined), {
    error: 'exactly one of `url` and `urlFile` must be set',
    path: ['url'],
  })
  .superRefine(checkUrlsAllowed);

/** Creates a channel that posts signed JSON to a URL. @throws PS_CHANNEL_SECRET */
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
 * The body of a webhook request, version 1. New keys can be added to a version. Any other change
 * requires a new version. `docs/channels.md` contains the JSON schema.
 */
export const webhookBodySchema = z.object({
  version: z.literal('1'),
  id: z.string(),
  groupKey: z.string(),
  receiver: z.string(),
  kind: z.enum(['route', 'escalation', 'digest', 'summary', 'test']),
  level: z.int().min(0),
  status: z.enum(['firing', 'resolved']),
  timeZone: z.string(),
  incident: z
    .object({
      id: z.string(),
      url: z.string().optional(),
      cause: z.string().optional(),
      tenants: z.array(
        z.object({
          organizationId: z.string().optional(),
          propertyId: z.string().optional(),
          requests: z.number(),
          failed: z.number(),
        }),
      ),
    })
    .optional(),
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

/** Returns the same text for every attempt, so that the receiver can detect duplicates. */
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
    incident: toWebhookIncident(message),
    alerts: message.alerts.map(toWebhookAlert),
  };
  return JSON.stringify(body);
}

function toWebhookIncident({ incident }: Message): WebhookBody['incident'] {
  if (!incident) return undefined;
  const { id, url, cause, tenants } = incident;
  return {
    ...{ id, url, cause },
    tenants: tenants.map(({ organizationId, propertyId, requests, failed }) => ({
      ...{ organizationId, propertyId, requests, failed },
    })),
  };
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
    runbook: normalizeHttpUrl(runbook),
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

/** Omits NaN and infinite values, which JSON would serialize as `null`. */
function toFinite(value: number | undefined): number | undefined {
  return Number.isFinite(value) ? value : undefined;
}

function toIsoTime(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : new Date(ms).toISOString();
}
