import { z } from 'zod';
import { normalizeHttpUrl } from '../message/message-content.ts';
import { toSingleLine } from '../message/sanitize-text.ts';
import { deliverByHttp } from '../outgoing-http/http-delivery.ts';
import { findAlertmanagerFailure } from '../outgoing-http/response-failures.ts';
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
    /**
     * Every member of one cluster. All members receive the alerts, and the cluster deduplicates
     * them.
     */
    urls: z.array(httpUrlSchema).min(1).max(10),
    user: lineSchema(200).optional(),
    passwordFile: secretFileSchema.optional(),
    /** File that contains a bearer token. Alternative to `user` and `passwordFile`. */
    tokenFile: secretFileSchema.optional(),
    /**
     * Time after the last message, in ms, at which Alertmanager resolves a firing alert. Must be
     * longer than the interval at which messages are repeated. Default: 6 h.
     */
    endsAfter: durationSchema.default(21_600_000),
    ...networkFields,
  })
  .refine(({ user, passwordFile }) => (user === undefined) === (passwordFile === undefined), {
    error: 'must be set together with `passwordFile`',
    path: ['user'],
  })
  .refine(({ user, tokenFile }) => user === undefined || tokenFile === undefined, {
    error: 'cannot be combined with `user` and `passwordFile`',
    path: ['tokenFile'],
  })
  .superRefine(checkUrlsAllowed);

type AlertmanagerConfig = z.output<typeof alertmanagerConfigSchema>;

/**
 * Creates a channel for Prometheus Alertmanager, either one instance or a cluster. Like Prometheus, it
 * sends alerts to every member. The message is delivered if at least one member accepts it, because
 * the members share their notification state.
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
      const common = {
        ...{ body, headers, policy: config, ca, confidential: true, secrets, now },
        findFailure: findAlertmanagerFailure,
      };
      const outcomes = await Promise.all(
        urls.map((url) => deliverByHttp({ url, ...common }, signal)),
      );
      const outcome = combineOutcomes(outcomes);
      if (outcome.status === 'delivered') alerts.markDelivered(message, now());
      return outcome;
    },
  };
}

/** Appends the API path to the URL's path, which can contain a prefix (`--web.route-prefix`). */
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
  const retryable = failed.filter((outcome) => outcome.status === 'retryable');
  if (retryable.length === 0) return { status: 'permanent', reason };
  const delays = retryable.flatMap(({ retryAfterMs }) => retryAfterMs ?? []);
  const retryAfterMs = delays.length === retryable.length ? Math.min(...delays) : undefined;
  return { status: 'retryable', reason, ...(retryAfterMs !== undefined && { retryAfterMs }) };
}

const MAX_ANNOTATION_LENGTH = 2000;

/** One entry of `POST /api/v2/alerts` (Alertmanager's api/v2/openapi.yaml, `postableAlert`). */
interface PostableAlert {
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly startsAt: string;
  readonly endsAt: string;
  readonly generatorURL?: string;
}

/** Maximum number of alerts to track. */
const MAX_TRACKED_ALERTS = 10_000;

/**
 * Converts messages to Alertmanager's alerts. Alertmanager identifies an alert by its labels, so a
 * change in severity creates another alert. The tracker resolves the alert with the earlier labels.
 */
class PostableAlertTracker {
  readonly #endsAfterMs: number;
  /** The last delivered version of each alert, by ID. */
  readonly #last = new Map<string, PostableAlert>();

  constructor(endsAfterMs: number) {
    this.#endsAfterMs = endsAfterMs;
  }

  toPostableAlerts(message: Message, nowMs: number): PostableAlert[] {
    return message.alerts.flatMap((alert) => {
      const current = toPostableAlert(alert, nowMs, this.#endsAfterMs);
      const last = this.#last.get(alert.id);
      const hasNewLabels = last && JSON.stringify(last.labels) !== JSON.stringify(current.labels);
      const resolved = hasNewLabels ? [{ ...last, endsAt: new Date(nowMs).toISOString() }] : [];
      return [...resolved, current];
    });
  }

  /** Records that the alerts of `message` were delivered. */
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
  // If another clock is ahead, the end would be in the future and the alert would still fire.
  const endsMs = resolved ? Math.min(alert.endedMs ?? nowMs, nowMs) : nowMs + endsAfterMs;
  const generatorURL = normalizeHttpUrl(alert.links.view);
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
        const cleanValue = toSingleLine(value ?? '', MAX_ANNOTATION_LENGTH);
        return cleanValue === '' ? [] : [[name.replace(/[^a-zA-Z0-9_]/g, '_'), cleanValue]];
      }),
    ),
    startsAt: new Date(alert.firedMs ?? alert.startedMs).toISOString(),
    endsAt: new Date(endsMs).toISOString(),
    ...(generatorURL !== undefined && { generatorURL }),
  };
}

type Labels = Readonly<Record<string, string>>;

const MAX_LABEL_VALUE_LENGTH = 1000;

/**
 * Returns the labels that identify an alert in Alertmanager. Names contain only letters, digits, and
 * `_`, and no value is empty. Every server returns the same labels for an alert.
 */
export function toPrometheusLabels(alert: MessageAlert): Labels {
  const labels = new Map<string, string>();
  const builtIn: [string, string | undefined][] = [
    ['alertname', alert.rule],
    ['severity', alert.severity],
    ['organization', alert.organizationId],
    ['property', alert.propertyId],
  ];
  for (const [name, value] of builtIn) {
    const cleanValue = toSingleLine(value ?? '', MAX_LABEL_VALUE_LENGTH);
    if (cleanValue !== '') labels.set(name, cleanValue);
  }
  const builtInNames = new Set(labels.keys());
  for (const name of Object.keys(alert.labels).sort()) {
    const cleanValue = toSingleLine(alert.labels[name]!, MAX_LABEL_VALUE_LENGTH);
    if (cleanValue === '' || builtInNames.has(name)) continue;
    labels.set(toUniqueName(labels, toLabelName(name)), cleanValue);
  }
  return Object.fromEntries(labels);
}

/** Converts a name to a valid label name (https://prometheus.io/docs/concepts/data_model/). */
function toLabelName(name: string): string {
  const clean = name.slice(0, 100).replace(/[^a-zA-Z0-9_]/g, '_');
  // Names that begin with two underscores are reserved for Prometheus.
  return /^[a-zA-Z]|^_(?!_)/.test(clean) ? clean : `label_${clean}`;
}

/** Appends a number if another label was converted to the same name. */
function toUniqueName(labels: ReadonlyMap<string, string>, name: string): string {
  let candidate = name;
  for (let i = 2; labels.has(candidate); i++) candidate = `${name}_${i}`;
  return candidate;
}
