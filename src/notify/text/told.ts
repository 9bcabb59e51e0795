import { formatDuration, formatNumber } from '../../schema/format.ts';
import type { AlertLinks, Message, ToldAlert } from '../channel.ts';
import { plain } from './plain.ts';

/** What a message says, as single lines of plain text that no medium has escaped yet. */
export interface Told {
  readonly title: string;
  /** Why these people hear of it, where it isn't the usual reason. */
  readonly note: string | undefined;
  readonly alerts: readonly ToldLines[];
  /** Alerts that are not among them. */
  readonly omitted: number;
}

export interface ToldLines {
  readonly heading: string;
  readonly summary: string;
  /** Name and value. */
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly links: readonly ToldLink[];
}

/** `url` begins with http:// or https://. */
export interface ToldLink {
  readonly text: string;
  readonly url: string;
}

const MOST_TITLE = 140;
const MOST_SUMMARY = 500;
const MOST_VALUE = 300;
const MOST_LABELS = 12;
/** Longer addresses are not links any more, they are an attack on who reads them. */
const MOST_URL = 2000;

const LINKS: readonly (readonly [keyof AlertLinks, string])[] = [
  ['view', 'View'],
  ['acknowledge', 'Acknowledge'],
  ['silence', 'Silence'],
];

const NOTES: Readonly<Record<Message['kind'], (message: Message) => string | undefined>> = {
  route: () => undefined,
  escalation: ({ level }) => `Nobody has acknowledged this yet (level ${level}).`,
  digest: () => 'A digest of what is not urgent.',
  test: () => 'This is a test. Nothing has happened.',
};

/** @param most alerts that are told in full */
export function tell(message: Message, most: number): Told {
  const { alerts } = message;
  return {
    title: titleOf(message),
    note: NOTES[message.kind](message),
    alerts: alerts.slice(0, most).map((alert) => linesOf(alert, message.timeZone)),
    omitted: Math.max(alerts.length - most, 0),
  };
}

/** `[FIRING:2] critical: response-time, grand-hotel`. */
export function titleOf({ alerts, status, kind }: Message): string {
  const worst = alerts[0]!;
  const state = alerts.every((alert) => alert.state === 'acknowledged') ? 'acknowledged' : status;
  const count = alerts.length > 1 ? `:${alerts.length}` : '';
  const place = worst.propertyId ?? worst.organizationId ?? worst.labels.service;
  const about = [worst.rule, ...(place ? [place] : [])].join(', ');
  const test = kind === 'test' ? '[TEST] ' : '';
  return plain(`${test}[${state.toUpperCase()}${count}] ${worst.severity}: ${about}`, MOST_TITLE);
}

function linesOf(alert: ToldAlert, timeZone: string): ToldLines {
  const { annotations, cause, author, comment, organizationId, propertyId } = alert;
  const facts: [string, string | undefined][] = [
    ['State', stateOf(alert)],
    ['Organization', organizationId],
    ['Property', propertyId],
    ['Cause', cause],
    ['Description', annotations.description],
    ['Acknowledged by', author],
    ['Comment', comment],
    ['Since', timeOf(alert.firedMs ?? alert.startedMs, timeZone)],
    ['Until', alert.endedMs === undefined ? undefined : timeOf(alert.endedMs, timeZone)],
    ['Labels', labelsOf(alert)],
  ];
  return {
    heading: plain(`${alert.severity}: ${alert.rule}`, MOST_TITLE),
    summary: plain(annotations.summary || figuresOf(alert), MOST_SUMMARY),
    facts: facts.flatMap(([name, value]) => {
      const shown = plain(value ?? '', MOST_VALUE);
      return shown === '' ? [] : [[name, shown] as const];
    }),
    links: linksOf(alert),
  };
}

function stateOf({ state, firedMs, endedMs }: ToldAlert): string {
  if (firedMs === undefined || endedMs === undefined) return state;
  return `${state} after ${formatDuration(endedMs - firedMs)}`;
}

function figuresOf({ rule, value, threshold }: ToldAlert): string {
  const limit = threshold === undefined ? '' : ` (limit ${formatNumber(threshold)})`;
  return value === undefined ? rule : `${rule} is ${formatNumber(value)}${limit}`;
}

function labelsOf({ labels }: ToldAlert): string {
  return Object.entries(labels)
    .slice(0, MOST_LABELS)
    .map(([name, value]) => `${name}=${value}`)
    .join(', ');
}

function timeOf(ms: number, timeZone: string): string {
  return new Intl.DateTimeFormat('en-GB', {
    dateStyle: 'medium',
    timeStyle: 'long',
    timeZone,
  }).format(ms);
}

function linksOf({ links, runbook }: ToldAlert): ToldLink[] {
  const named = [...LINKS.map(([name, text]) => [text, links[name]]), ['Runbook', runbook]];
  return named.flatMap(([text, url]) => {
    const safe = webAddress(url);
    return safe === undefined ? [] : [{ text: text!, url: safe }];
  });
}

/** The address in its normal form, which has no space, quote or angle bracket. */
export function webAddress(url: string | undefined): string | undefined {
  const parsed = url !== undefined && URL.canParse(url) ? new URL(url) : undefined;
  if (!parsed || !/^https?:$/.test(parsed.protocol)) return undefined;
  // What the URL standard leaves as it is, and Slack and others give a meaning.
  const address = parsed.href.replace(/[|'`*()[\]{}\\^~]/g, percentEncoded);
  return address.length <= MOST_URL ? address : undefined;
}

function percentEncoded(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}
