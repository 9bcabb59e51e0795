import { formatDuration, formatNumber } from '../../../core/format.ts';
import type { AlertLinks, Message, MessageAlert } from '../channels/channel.ts';
import { toSingleLine } from './sanitize-text.ts';

/** What a message says, as single lines of plain text that no medium has escaped yet. */
export interface MessageContent {
  readonly title: string;
  /** Why these people hear of it, where it isn't the usual reason. */
  readonly note: string | undefined;
  readonly alerts: readonly AlertContent[];
  /** Alerts that are not among them. */
  readonly omitted: number;
}

export interface AlertContent {
  readonly heading: string;
  readonly summary: string;
  /** Name and value. */
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly links: readonly MessageLink[];
}

/** `url` begins with http:// or https://. */
export interface MessageLink {
  readonly text: string;
  readonly url: string;
}

const MAX_TITLE_LENGTH = 140;
const MAX_SUMMARY_LENGTH = 500;
const MAX_VALUE_LENGTH = 300;
const MAX_LABELS = 12;
/** Longer addresses are not links any more, they are an attack on who reads them. */
const MAX_URL_LENGTH = 2000;

const LINK_TEXTS: readonly (readonly [keyof AlertLinks, string])[] = [
  ['view', 'View'],
  ['acknowledge', 'Acknowledge'],
  ['silence', 'Silence'],
];

const NOTES_BY_KIND: Readonly<Record<Message['kind'], (message: Message) => string | undefined>> = {
  route: () => undefined,
  escalation: ({ level }) => `Nobody has acknowledged this yet (level ${level}).`,
  digest: () => 'A digest of what is not urgent.',
  test: () => 'This is a test. Nothing has happened.',
};

/** @param most alerts that are told in full */
export function toMessageContent(message: Message, most: number): MessageContent {
  const { alerts } = message;
  return {
    title: formatTitle(message),
    note: NOTES_BY_KIND[message.kind](message),
    alerts: alerts.slice(0, most).map((alert) => toAlertContent(alert, message.timeZone)),
    omitted: Math.max(alerts.length - most, 0),
  };
}

/** `[FIRING:2] critical: response-time, grand-hotel`. */
export function formatTitle({ alerts, status, kind }: Message): string {
  const worst = alerts[0]!;
  const state = alerts.every((alert) => alert.state === 'acknowledged') ? 'acknowledged' : status;
  const count = alerts.length > 1 ? `:${alerts.length}` : '';
  const place = worst.propertyId ?? worst.organizationId ?? worst.labels.service;
  const about = [worst.rule, ...(place ? [place] : [])].join(', ');
  const test = kind === 'test' ? '[TEST] ' : '';
  return toSingleLine(
    `${test}[${state.toUpperCase()}${count}] ${worst.severity}: ${about}`,
    MAX_TITLE_LENGTH,
  );
}

function toAlertContent(alert: MessageAlert, timeZone: string): AlertContent {
  const { annotations, cause, author, comment, organizationId, propertyId } = alert;
  const facts: [string, string | undefined][] = [
    ['State', formatState(alert)],
    ['Organization', organizationId],
    ['Property', propertyId],
    ['Cause', cause],
    ['Description', annotations.description],
    ['Acknowledged by', author],
    ['Comment', comment],
    ['Since', formatTime(alert.firedMs ?? alert.startedMs, timeZone)],
    ['Until', alert.endedMs === undefined ? undefined : formatTime(alert.endedMs, timeZone)],
    ['Labels', formatLabels(alert)],
  ];
  return {
    heading: toSingleLine(`${alert.severity}: ${alert.rule}`, MAX_TITLE_LENGTH),
    summary: toSingleLine(annotations.summary || formatValue(alert), MAX_SUMMARY_LENGTH),
    facts: facts.flatMap(([name, value]) => {
      const shown = toSingleLine(value ?? '', MAX_VALUE_LENGTH);
      return shown === '' ? [] : [[name, shown] as const];
    }),
    links: toMessageLinks(alert),
  };
}

function formatState({ state, firedMs, endedMs }: MessageAlert): string {
  if (firedMs === undefined || endedMs === undefined) return state;
  return `${state} after ${formatDuration(endedMs - firedMs)}`;
}

function formatValue({ rule, value, threshold }: MessageAlert): string {
  const limit = threshold === undefined ? '' : ` (limit ${formatNumber(threshold)})`;
  return value === undefined ? rule : `${rule} is ${formatNumber(value)}${limit}`;
}

function formatLabels({ labels }: MessageAlert): string {
  return Object.entries(labels)
    .slice(0, MAX_LABELS)
    .map(([name, value]) => `${name}=${value}`)
    .join(', ');
}

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

/** The address in its normal form, which has no space, quote or angle bracket. */
export function normalizeHttpUrl(url: string | undefined): string | undefined {
  const parsed = url !== undefined && URL.canParse(url) ? new URL(url) : undefined;
  if (!parsed || !/^https?:$/.test(parsed.protocol)) return undefined;
  // What the URL standard leaves as it is, and Slack and others give a meaning.
  const address = parsed.href.replace(/[|'`*()[\]{}\\^~]/g, percentEncode);
  return address.length <= MAX_URL_LENGTH ? address : undefined;
}

function percentEncode(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}
