import { z } from 'zod';
import { normalizeHttpUrl } from '../message/message-content.ts';
import { toSingleLine } from '../message/sanitize-text.ts';
import { deliverByHttp } from '../outgoing-http/http-delivery.ts';
import type { Channel, ChannelOptions, DeliveryOutcome, Message, MessageAlert } from './channel.ts';
import {
  checkUrlsAllowed,
  durationSchema,
  httpUrlSchema,
  lineSchema,
  networkFields,
  secretFileSchema,
} from './channel-fields.ts';
import { readCertificates, readSecret } from './secret-file.ts';

export const alertmanagerConfigSchema = z
  .strictObject({
    kind: z.literal('alertmanager'),
    /** Every member of one cluster: all of them are told, and they agree on who tells people. */
    urls: z.array(httpUrlSchema).min(1).max(10),
    user: lineSchema(200).optional(),
    passwordFile: secretFileSchema.optional(),
    /** Bearer token, instead of user and password. */
    tokenFile: secretFileSchema.optional(),
    /**
     * After how long without another message a firing alert counts as over. It must be longer than
     * the interval in which messages are repeated.
     */
    endsAfter: durationSchema.default(21_600_000),
    ...networkFields,
  })
  .refine(({ user, passwordFile }) => (user === undefined) === (passwordFile === undefined), {
    error: '`user` and `passwordFile` go together',
    path: ['user'],
  })
  .refine(({ user, tokenFile }) => user === undefined || tokenFile === undefined, {
    error: 'excludes `user` and `passwordFile`',
    path: ['tokenFile'],
  })
  .superRefine(checkUrlsAllowed);

type AlertmanagerConfig = z.output<typeof alertmanagerConfigSchema>;

/**
 * Prometheus' Alertmanager, one or a cluster. As Prometheus does, every member is told, and the
 * message is delivered when one of them took it: the cluster shares the rest.
 *
 * @throws PS_CHANNEL_SECRET
 */
export function createAlertmanagerChannel(
  config: AlertmanagerConfig,
  { now = Date.now }: ChannelOptions,
): Channel {
  const urls = config.urls.map(toAlertsEndpoint);
  const authorization = createAuthorizationHeader(config);
  const ca = readCertificates(config.caFile);
  const alerts = new PostableAlertTracker(config.endsAfter);
  const secrets = authorization === undefined ? [] : authorization.split(' ');
  const headers = {
    'content-type': 'application/json',
    ...(authorization !== undefined && { authorization }),
  };
  return {
    kind: 'alertmanager',
    recipient: urls.map(({ host }) => host).join(', '),
    deliver: async (message, signal) => {
      const body = JSON.stringify(alerts.toPostableAlerts(message, now()));
      const common = { body, headers, policy: config, ca, confidential: true, secrets, now };
      const outcomes = await Promise.all(
        urls.map((url) => deliverByHttp({ url, ...common }, signal)),
      );
      const outcome = combineOutcomes(outcomes);
      if (outcome.status === 'delivered') alerts.markDelivered(message, now());
      return outcome;
    },
  };
}

/** Below whatever path the address has, as with `--web.route-prefix`. */
function toAlertsEndpoint(address: string): URL {
  const url = new URL(address);
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/api/v2/alerts`;
  return url;
}

function createAuthorizationHeader({
  user,
  passwordFile,
  tokenFile,
}: AlertmanagerConfig): string | undefined {
  if (tokenFile !== undefined) return `Bearer ${readSecret(tokenFile)}`;
  if (passwordFile === undefined) return undefined;
  const pair = Buffer.from(`${user}:${readSecret(passwordFile)}`).toString('base64');
  return `Basic ${pair}`;
}

function combineOutcomes(outcomes: readonly DeliveryOutcome[]): DeliveryOutcome {
  const failed = outcomes.filter((outcome) => outcome.status !== 'delivered');
  const reason = failed.map((outcome) => outcome.reason).join('; ');
  if (failed.length < outcomes.length) {
    return { status: 'delivered', ...(failed.length > 0 && { detail: reason }) };
  }
  const again = failed.filter((outcome) => outcome.status === 'retryable');
  if (again.length === 0) return { status: 'permanent', reason };
  const waits = again.flatMap(({ retryAfterMs }) => retryAfterMs ?? []);
  const retryAfterMs = waits.length === again.length ? Math.min(...waits) : undefined;
  return { status: 'retryable', reason, ...(retryAfterMs !== undefined && { retryAfterMs }) };
}

const MAX_ANNOTATION_LENGTH = 2000;

/** One entry of `POST /api/v2/alerts` (Alertmanager's api/v2/openapi.yaml, `postableAlert`). */
export interface PostableAlert {
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly startsAt: string;
  readonly endsAt: string;
  readonly generatorURL?: string;
}

/** Most alerts whose last labels are remembered. */
const MAX_TRACKED_ALERTS = 10_000;

/** Makes Alertmanager's alerts of messages, and ends what an alert was before it changed. */
class PostableAlertTracker {
  readonly #endsAfterMs: number;
  /** By id: labels identify an alert there, and the severity is one of them. */
  readonly #last = new Map<string, PostableAlert>();

  constructor(endsAfterMs: number) {
    this.#endsAfterMs = endsAfterMs;
  }

  toPostableAlerts(message: Message, nowMs: number): PostableAlert[] {
    return message.alerts.flatMap((alert) => {
      const now = toPostableAlert(alert, nowMs, this.#endsAfterMs);
      const before = this.#last.get(alert.id);
      const changed = before && JSON.stringify(before.labels) !== JSON.stringify(now.labels);
      const ended = changed ? [{ ...before, endsAt: new Date(nowMs).toISOString() }] : [];
      return [...ended, now];
    });
  }

  /** The message has been delivered. */
  markDelivered(message: Message, nowMs: number): void {
    for (const alert of message.alerts) {
      this.#last.delete(alert.id);
      if (alert.state !== 'resolved') {
        this.#last.set(alert.id, toPostableAlert(alert, nowMs, this.#endsAfterMs));
      }
    }
    for (const id of this.#last.keys()) {
      if (this.#last.size <= MAX_TRACKED_ALERTS) break;
      this.#last.delete(id);
    }
  }
}

function toPostableAlert(alert: MessageAlert, nowMs: number, endsAfterMs: number): PostableAlert {
  const resolved = alert.state === 'resolved';
  // An end that a clock which is ahead has seen would not be one yet.
  const endsMs = resolved ? Math.min(alert.endedMs ?? nowMs, nowMs) : nowMs + endsAfterMs;
  const generator = normalizeHttpUrl(alert.links.view);
  const { annotations, runbook, cause, comment, author } = alert;
  const texts = {
    ...annotations,
    runbook_url: normalizeHttpUrl(runbook),
    cause,
    perfscope_id: alert.id,
    acknowledged_by: author,
    acknowledge_comment: comment,
  };
  return {
    labels: toPrometheusLabels(alert),
    annotations: Object.fromEntries(
      Object.entries(texts).flatMap(([name, value]) => {
        const shown = toSingleLine(value ?? '', MAX_ANNOTATION_LENGTH);
        return shown === '' ? [] : [[name.replace(/[^a-zA-Z0-9_]/g, '_'), shown]];
      }),
    ),
    startsAt: new Date(alert.firedMs ?? alert.startedMs).toISOString(),
    endsAt: new Date(endsMs).toISOString(),
    ...(generator !== undefined && { generatorURL: generator }),
  };
}

type Labels = Readonly<Record<string, string>>;

const MAX_LABEL_VALUE_LENGTH = 1000;

/**
 * What identifies an alert in Prometheus' form: names of letters, digits and `_`, no empty values.
 * The same alert has the same labels whichever server sends it.
 */
export function toPrometheusLabels(alert: MessageAlert): Labels {
  const labels = new Map<string, string>();
  const own: [string, string | undefined][] = [
    ['alertname', alert.rule],
    ['severity', alert.severity],
    ['organization', alert.organizationId],
    ['property', alert.propertyId],
  ];
  for (const [name, value] of own) {
    const shown = toSingleLine(value ?? '', MAX_LABEL_VALUE_LENGTH);
    if (shown !== '') labels.set(name, shown);
  }
  const ours = new Set(labels.keys());
  for (const name of Object.keys(alert.labels).sort()) {
    const shown = toSingleLine(alert.labels[name]!, MAX_LABEL_VALUE_LENGTH);
    if (shown !== '' && !ours.has(name)) labels.set(toUniqueName(labels, toLabelName(name)), shown);
  }
  return Object.fromEntries(labels);
}

/** Prometheus' label names (https://prometheus.io/docs/concepts/data_model/). */
function toLabelName(name: string): string {
  const clean = name.slice(0, 100).replace(/[^a-zA-Z0-9_]/g, '_');
  // Two underscores at the beginning are Prometheus' own.
  return /^[a-zA-Z]|^_(?!_)/.test(clean) ? clean : `label_${clean}`;
}

/** Two names may become one. */
function toUniqueName(labels: ReadonlyMap<string, string>, name: string): string {
  let candidate = name;
  for (let i = 2; labels.has(candidate); i++) candidate = `${name}_${i}`;
  return candidate;
}
