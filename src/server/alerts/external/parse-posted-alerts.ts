import { createHash } from 'node:crypto';
import type { Labels } from '../../../core/alerts/alert.ts';
import { EXTERNAL_RULE_PREFIX } from '../../../core/alerts/external-alert.ts';
import { redactAttribute } from '../../../core/redact.ts';
import type { AlertSeverity } from '../../../core/schema/enums.ts';
import { mapExternalSeverity, normalizeExternalLabels } from './external-alert-labels.ts';

/** One alert of a request to `/api/v2/alerts`. Times are in ms since the epoch. */
export interface PostedAlert {
  /** `alertmanager:` and the posted `alertname`. */
  readonly rule: string;
  /** The labels of the group. They identify the alert within its rule. */
  readonly labels: Labels;
  readonly severity: AlertSeverity;
  readonly annotations: Labels;
  readonly startsMs: number | undefined;
  readonly endsMs: number | undefined;
}

export interface ParsedAlerts {
  readonly alerts: readonly PostedAlert[];
  /** Number of alerts that Perfscope raised itself. They are ignored. */
  readonly ownCount: number;
  /** One message for each invalid alert, such as `alert 3: …`. At most 10. */
  readonly problems: readonly string[];
}

const MAX_ALERTS = 5000;
const MAX_LABELS = 64;
const MAX_ANNOTATIONS = 32;
const MAX_NAME_LENGTH = 100;
const MAX_LABEL_LENGTH = 256;
const MAX_ANNOTATION_LENGTH = 2000;
const MAX_PROBLEMS = 10;
const LABEL_NAME = /^[a-zA-Z_]\w*$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;
/** Control characters, and invisible characters that can hide a part of a name. */
const HIDDEN_CHARACTERS = /[\p{C}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0]+/gu;

/**
 * Parses the body of a request to `/api/v2/alerts`: an array of `postableAlert` objects
 * (Alertmanager's `api/v2/openapi.yaml`). Removes hidden characters and secrets, and shortens texts.
 *
 * @param organization organization of the API key. If undefined, the label `organization` selects it.
 * @returns the valid alerts. As in Alertmanager, an invalid alert doesn't affect other alerts.
 * @throws RangeError if the body isn't an array, or has more than 5,000 alerts
 */
export function parsePostedAlerts(body: unknown, organization: string | undefined): ParsedAlerts {
  if (!Array.isArray(body)) throw new RangeError('the body must be an array of alerts');
  if (body.length > MAX_ALERTS) {
    throw new RangeError(`the body has ${body.length} alerts; the limit is ${MAX_ALERTS}`);
  }
  const alerts: PostedAlert[] = [];
  const problems: string[] = [];
  let ownCount = 0;
  for (const [i, entry] of body.entries()) {
    try {
      const alert = parsePostedAlert(entry, organization);
      if (alert === 'own') ownCount += 1;
      else alerts.push(alert);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      if (problems.length < MAX_PROBLEMS) problems.push(`alert ${i + 1}: ${error.message}`);
    }
  }
  return { alerts, ownCount, problems };
}

function parsePostedAlert(entry: unknown, organization: string | undefined): PostedAlert | 'own' {
  if (!isRecord(entry)) throw new RangeError('an alert must be an object');
  const { alertname, ...posted } = parseTexts(entry.labels, 'labels', MAX_LABELS);
  const annotations = parseTexts(entry.annotations ?? {}, 'annotations', MAX_ANNOTATIONS);
  if (isOwnAlert(posted, annotations)) return 'own';
  if (alertname === undefined) throw new RangeError('the label alertname is missing');
  const labels = Object.fromEntries(
    // Prometheus reserves names that start with two underscores for its own use.
    Object.entries(posted).flatMap(([name, value]) =>
      name.startsWith('__') ? [] : [[name, cleanLabel(value)]],
    ),
  );
  const startsMs = parseTime(entry.startsAt, 'startsAt');
  const endsMs = parseTime(entry.endsAt, 'endsAt');
  if (startsMs !== undefined && endsMs !== undefined && endsMs < startsMs) {
    throw new RangeError('endsAt is before startsAt');
  }
  return {
    rule: `${EXTERNAL_RULE_PREFIX}${cleanLabel(alertname)}`,
    labels: normalizeExternalLabels(labels, organization),
    severity: mapExternalSeverity(posted.severity),
    annotations: cleanAnnotations(annotations, entry.generatorURL),
    startsMs,
    endsMs,
  };
}

/**
 * Returns whether Perfscope raised the alert. Either its Alertmanager channel sent the alert, or a
 * Prometheus rule raised it from Perfscope's `ALERTS`, as in `deploy/prometheus/rules.yml`.
 */
function isOwnAlert({ raised_by, alertstate }: Labels, { perfscope_id }: Labels): boolean {
  const isFromMetrics = raised_by === 'prometheus' && alertstate !== undefined;
  return raised_by === 'perfscope' || isFromMetrics || perfscope_id !== undefined;
}

/** Parses a map of texts. As in Alertmanager, empty texts are removed. */
function parseTexts(value: unknown, field: string, limit: number): Record<string, string> {
  if (!isRecord(value)) throw new RangeError(`${field} must be an object of strings`);
  const names = Object.keys(value);
  if (names.length > limit) throw new RangeError(`${field} has more than ${limit} entries`);
  const entries: [string, string][] = [];
  for (const name of names) {
    const text = value[name];
    const isValid = name.length <= MAX_NAME_LENGTH && LABEL_NAME.test(name);
    if (!isValid) throw new RangeError(`${field} has an invalid name`);
    if (typeof text !== 'string') throw new RangeError(`${field}.${name} must be a string`);
    if (text !== '') entries.push([name, text]);
  }
  return Object.fromEntries(entries);
}

/** Returns a label without hidden characters and secrets. Long values stay different from each other. */
function cleanLabel(value: string): string {
  const visible = value.slice(0, 4 * MAX_LABEL_LENGTH).toWellFormed();
  const text = redactAttribute(visible.replace(HIDDEN_CHARACTERS, ' ').trim(), MAX_LABEL_LENGTH);
  if (value.length <= MAX_LABEL_LENGTH) return text;
  const hash = createHash('sha256').update(value).digest('hex').slice(0, 8);
  return `${text.slice(0, MAX_LABEL_LENGTH - 9)} ${hash}`.trim();
}

/** Annotations that hold the address of a web page. Other protocols, such as `javascript:`, are removed. */
const URL_ANNOTATIONS: ReadonlySet<string> = new Set([
  'runbook_url',
  'runbook',
  'dashboard_url',
  'generator_url',
]);
/** Annotations that can replace a missing `summary`. */
const SUMMARY_SOURCES = ['title', 'message', 'description'] as const;

function cleanAnnotations(annotations: Labels, generatorUrl: unknown): Labels {
  const all = {
    ...annotations,
    ...(typeof generatorUrl === 'string' && { generator_url: generatorUrl }),
  };
  const entries = Object.entries(all).flatMap(([name, value]): [string, string][] => {
    const text = cleanAnnotation(value);
    const isDangerous = URL_ANNOTATIONS.has(name) && !isWebAddress(text);
    return text === '' || isDangerous ? [] : [[name, text]];
  });
  const cleaned = new Map(entries);
  const summary = SUMMARY_SOURCES.map((name) => cleaned.get(name)).find(Boolean);
  if (!cleaned.has('summary') && summary !== undefined) cleaned.set('summary', summary);
  return Object.fromEntries(cleaned);
}

function cleanAnnotation(value: string): string {
  const visible = value.slice(0, 4 * MAX_ANNOTATION_LENGTH).toWellFormed();
  return redactAttribute(visible.replace(HIDDEN_CHARACTERS, ' ').trim(), MAX_ANNOTATION_LENGTH);
}

function isWebAddress(text: string): boolean {
  return /^https?:\/\//i.test(text) && URL.canParse(text);
}

/** Go programs send the year 1 for a time that isn't set. */
function parseTime(value: unknown, field: string): number | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  const ms = typeof value === 'string' && TIME.test(value) ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(ms)) throw new RangeError(`${field} must be an RFC 3339 time`);
  return ms <= 0 ? undefined : ms;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
