import { z } from 'zod';
import { ALERT_STATES } from '../../../schema/alerts.ts';
import { AlertSeverity } from '../../../schema/metric-type.ts';
import type { Message, ToldAlert } from '../../channel.ts';

const labels = z.record(z.string(), z.string());
const time = z.iso.datetime();

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
        labels,
        annotations: labels,
        runbook: z.string().optional(),
        value: z.number().optional(),
        threshold: z.number().optional(),
        cause: z.string().optional(),
        author: z.string().optional(),
        comment: z.string().optional(),
        organizationId: z.string().optional(),
        propertyId: z.string().optional(),
        startedAt: time,
        firedAt: time.optional(),
        endedAt: time.optional(),
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
export function webhookBody(message: Message): string {
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
    alerts: message.alerts.map(alertOf),
  };
  return JSON.stringify(body);
}

function alertOf(alert: ToldAlert): WebhookBody['alerts'][number] {
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
    value: finite(alert.value),
    threshold: finite(alert.threshold),
    cause,
    author,
    comment,
    organizationId,
    propertyId,
    startedAt: new Date(alert.startedMs).toISOString(),
    firedAt: isoOf(alert.firedMs),
    endedAt: isoOf(alert.endedMs),
    links: { ...links },
  };
}

/** JSON would have null for what is not a number, or infinite. */
function finite(value: number | undefined): number | undefined {
  return Number.isFinite(value) ? value : undefined;
}

function isoOf(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : new Date(ms).toISOString();
}
