import { toReadableLabels } from '../../../core/alerts/alert.ts';
import type { AlertLinks, Message, MessageAlert, MessageIncident } from '../channels/channel.ts';
import { formatAlertSummary, formatLabels } from './alert-summary.ts';
import { formatTenants } from './format-affected-tenants.ts';
import { formatMoreAlerts, formatTitle, MAX_TITLE_LENGTH } from './message-title.ts';
import { toSingleLine } from './sanitize-text.ts';

/**
 * The message text, as single lines of plain text. Each channel escapes the lines for its format.
 */
export interface MessageContent {
  readonly title: string;
  /** Explains why the message is sent. Undefined for messages from a route. */
  readonly note: string | undefined;
  readonly alerts: readonly AlertContent[];
  /** Number of alerts that didn't fit into `alerts`. */
  readonly omitted: number;
}

export interface AlertContent {
  readonly heading: string;
  readonly summary: string;
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly links: readonly MessageLink[];
}

export interface MessageLink {
  readonly text: string;
  /** An http or https URL. */
  readonly url: string;
}

const MAX_SUMMARY_LENGTH = 500;
const MAX_VALUE_LENGTH = 300;
const MAX_LABELS = 12;
/** Longer URLs are omitted, because they could bury the rest of the message. */
const MAX_URL_LENGTH = 2000;

const LINK_TEXTS: readonly (readonly [keyof AlertLinks, string])[] = [
  ['view', 'View'],
  ['acknowledge', 'Acknowledge'],
  ['silence', 'Silence'],
];

const NOTES_BY_KIND: Readonly<Record<Message['kind'], (message: Message) => string | undefined>> = {
  route: () => undefined,
  escalation: ({ level }) => `Not acknowledged yet (escalation level ${level}).`,
  digest: () => 'Digest of non-urgent alerts.',
  summary: () => 'These alerts were held back, because you received many messages.',
  test: () => 'This is a test. No action is needed.',
};

/**
 * Formats a message for people.
 *
 * @param maxAlerts number of alerts to include; the others are only counted
 */
export function toMessageContent(message: Message, maxAlerts: number): MessageContent {
  const { alerts, incident } = message;
  const contents = alerts
    .slice(0, maxAlerts)
    .map((alert) => toAlertContent(alert, message.timeZone));
  const [first, ...others] = contents;
  return {
    title: formatTitle(message),
    note: NOTES_BY_KIND[message.kind](message),
    // The incident is part of the first alert, because every channel shows the first alert.
    alerts: first && incident ? [addIncident(first, incident, message), ...others] : contents,
    omitted: Math.max(alerts.length - maxAlerts, 0),
  };
}

/** Adds the likely cause, the affected tenants, and the link of the incident before the facts of an alert. */
function addIncident(
  content: AlertContent,
  incident: MessageIncident,
  { status }: Message,
): AlertContent {
  const { cause, url } = incident;
  const facts: [string, string | undefined][] = [
    // The resolved message is about the good values.
    ['Likely cause', status === 'resolved' ? undefined : cause],
    ['Affected tenants', formatTenants(incident)],
  ];
  const link = normalizeHttpUrl(url);
  return {
    ...content,
    facts: [...toCleanFacts(facts), ...content.facts],
    links: [...(link === undefined ? [] : [{ text: 'Incident', url: link }]), ...content.links],
  };
}

/** Returns the last line of a message that doesn't show all alerts. */
export function formatOmittedCount(count: number): string {
  return `And ${formatMoreAlerts(count)}.`;
}

function toAlertContent(alert: MessageAlert, timeZone: string): AlertContent {
  const { annotations, author, comment, organizationId, propertyId, rule, severity } = alert;
  const isResolved = alert.state === 'resolved';
  const summary = formatAlertSummary(alert);
  const facts: [string, string | undefined][] = [
    ['State', isResolved ? undefined : alert.state],
    ...(isResolved ? [] : formatChangedValues(alert, summary)),
    // The cause explains the bad value. The resolved message is about the good value.
    ['Cause', isResolved ? undefined : alert.cause],
    ['Description', annotations.description],
    ['Organization', organizationId],
    ['Property', propertyId],
    ...formatLabels(toReadableLabels(alert.labels), MAX_LABELS).map(
      ([name, value]): [string, string] => [name, value],
    ),
    ['Acknowledged by', author],
    ['Comment', comment],
    ['Started', formatTime(alert.firedMs ?? alert.startedMs, timeZone)],
    ['Ended', alert.endedMs === undefined ? undefined : formatTime(alert.endedMs, timeZone)],
  ];
  return {
    heading: toSingleLine(`${isResolved ? 'resolved' : severity}: ${rule}`, MAX_TITLE_LENGTH),
    summary: toSingleLine(summary, MAX_SUMMARY_LENGTH),
    facts: toCleanFacts(facts),
    links: toMessageLinks(alert),
  };
}

/** Returns the facts that have a value, as single lines. */
function toCleanFacts(
  facts: readonly [string, string | undefined][],
): (readonly [name: string, value: string])[] {
  return facts.flatMap(([name, value]) => {
    const cleanValue = toSingleLine(value ?? '', MAX_VALUE_LENGTH);
    return cleanValue === '' ? [] : [[name, cleanValue] as const];
  });
}

/** Returns the newest and the worst value, unless the summary already shows them. */
function formatChangedValues(
  { current, worst }: MessageAlert,
  summary: string,
): [string, string | undefined][] {
  const isNew = (text: string | undefined) => text !== undefined && !summary.includes(text);
  return [
    ['Now', isNew(current?.text) ? current?.text : undefined],
    ['Worst', isNew(worst?.text) && worst?.text !== current?.text ? worst?.text : undefined],
  ];
}

/** Uses the `en-GB` format, because a 24-hour clock with the time zone's name is unambiguous. */
function formatTime(ms: number, timeZone: string): string {
  return new Intl.DateTimeFormat('en-GB', {
    dateStyle: 'medium',
    timeStyle: 'long',
    timeZone,
  }).format(ms);
}

function toMessageLinks({ links, runbook }: MessageAlert): MessageLink[] {
  const named = [...LINK_TEXTS.map(([name, text]) => [text, links[name]]), ['Runbook', runbook]];
  return named.flatMap(([text, url]) => {
    const safe = normalizeHttpUrl(url);
    return safe === undefined ? [] : [{ text: text!, url: safe }];
  });
}

/**
 * Normalizes an http or https URL, so that it contains no space, quote, or bracket. Returns
 * `undefined` for any other text and for URLs that are too long.
 */
export function normalizeHttpUrl(url: string | undefined): string | undefined {
  const parsed = url !== undefined && URL.canParse(url) ? new URL(url) : undefined;
  if (!parsed || !/^https?:$/.test(parsed.protocol)) return undefined;
  // The URL parser keeps these characters, but Slack and other clients interpret them.
  const normalized = parsed.href.replace(/[|'`*()[\]{}\\^~]/g, percentEncode);
  return normalized.length <= MAX_URL_LENGTH ? normalized : undefined;
}

function percentEncode(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}
