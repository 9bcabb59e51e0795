import type { Labels } from '../../../core/alerts/alert.ts';
import { ALERT_SEVERITIES, type AlertSeverity } from '../../../core/schema/enums.ts';
import { getZoneOffsetMs } from '../../../core/time-zone.ts';
import type { TimeRange } from '../../../storage/queries/time-range.ts';
import type { Target } from '../../notifications/routing/notification-target.ts';
import type { ReplayedMessage } from '../replay/notification-replay.ts';
import { type AlertSpan, getFiringMs, parseSpanLabels } from './alert-spans.ts';

/** A message at or after the first hour, or before the last hour, is at night. */
const NIGHT_HOURS = { from: 22, to: 7 } as const;
/** Channels that wake people up. */
const PAGE_CHANNELS: ReadonlySet<string> = new Set(['sms', 'pagerduty']);
const MAX_EXAMPLES = 5;

interface RecipientCount {
  /** Name of a receiver, a person, or a role. */
  readonly name: string;
  readonly messages: number;
}

/** An alert as an example. Times are in ms since the epoch. */
interface ExampleAlert {
  readonly labels: Labels;
  readonly severity: AlertSeverity;
  readonly value: number | undefined;
  readonly firedMs: number;
  readonly endedMs: number | undefined;
}

/** What a rule did, or would have done, in a range. */
export interface RuleReport {
  /** Number of alerts that fired. */
  readonly fired: number;
  /** Number of these alerts that still fire at the end. */
  readonly stillFiring: number;
  /** Total time of these alerts, in ms. */
  readonly firingMs: number;
  /** Median time of an alert, in ms. Undefined without alerts. */
  readonly medianMs: number | undefined;
  readonly severities: Readonly<Partial<Record<AlertSeverity, number>>>;
  /** Number of messages that contain an alert of the rule. */
  readonly messages: number;
  readonly receivers: readonly RecipientCount[];
  readonly people: readonly RecipientCount[];
  /** Number of messages by local hour. */
  readonly hours: readonly number[];
  /** Number of messages from 22:00 to 07:00. */
  readonly nightMessages: number;
  /** Number of these messages by SMS or PagerDuty. */
  readonly nightPages: number;
  /** The first alerts and the longest alerts. */
  readonly examples: readonly ExampleAlert[];
}

/** Summarizes the alerts and messages of one rule. @param timeZone IANA name of the zone for hours */
export function createRuleReport(
  rule: string,
  spans: readonly AlertSpan[],
  messages: readonly ReplayedMessage[],
  range: TimeRange,
  timeZone: string,
): RuleReport {
  const fired = spans.filter(({ firedMs }) => firedMs >= range.fromMs && firedMs <= range.toMs);
  const lengths = fired.map((span) => getFiringMs(span, range)).sort((a, b) => a - b);
  const own = messages.filter(
    ({ rules, atMs }) => rules.includes(rule) && atMs >= range.fromMs && atMs <= range.toMs,
  );
  const hours = Array<number>(24).fill(0);
  let nightMessages = 0;
  let nightPages = 0;
  for (const { atMs, target } of own) {
    const hour = getLocalHour(atMs, timeZone);
    hours[hour]! += 1;
    if (!isNightHour(hour)) continue;
    nightMessages += 1;
    if (PAGE_CHANNELS.has(target.kind)) nightPages += 1;
  }
  const severities = ALERT_SEVERITIES.map(
    (severity) => [severity, fired.filter((span) => span.severity === severity).length] as const,
  ).filter(([, count]) => count > 0);
  return {
    fired: fired.length,
    stillFiring: fired.filter(({ endedMs }) => endedMs === undefined).length,
    firingMs: lengths.reduce((sum, ms) => sum + ms, 0),
    medianMs: computeMedian(lengths),
    severities: Object.fromEntries(severities),
    messages: own.length,
    receivers: countBy(own, ({ target }) => target.receiver),
    people: countBy(own, ({ target }) => toRecipientName(target)),
    hours,
    nightMessages,
    nightPages,
    examples: pickExamples(fired, range),
  };
}

/** Returns the local hour of a time, from 0 to 23. */
export function getLocalHour(ms: number, timeZone: string): number {
  return new Date(ms + getZoneOffsetMs(ms, timeZone)).getUTCHours();
}

export function isNightHour(hour: number): boolean {
  return hour >= NIGHT_HOURS.from || hour < NIGHT_HOURS.to;
}

/** Returns whether messages over a channel wake people up. */
export function isPageChannel(channel: string): boolean {
  return PAGE_CHANNELS.has(channel);
}

/** Returns the median of sorted numbers. */
export function computeMedian(sorted: readonly number[]): number | undefined {
  if (sorted.length === 0) return undefined;
  const middle = (sorted.length - 1) / 2;
  return (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2;
}

function toRecipientName({ person, role }: Target): string | undefined {
  return person ?? role;
}

function countBy(
  messages: readonly ReplayedMessage[],
  toName: (message: ReplayedMessage) => string | undefined,
): RecipientCount[] {
  const counts = new Map<string, number>();
  for (const message of messages) {
    const name = toName(message);
    if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts]
    .map(([name, count]) => ({ name, messages: count }))
    .sort((a, b) => b.messages - a.messages || (a.name < b.name ? -1 : 1));
}

function pickExamples(fired: readonly AlertSpan[], range: TimeRange): ExampleAlert[] {
  const longest = fired.toSorted((a, b) => getFiringMs(b, range) - getFiringMs(a, range));
  const first = fired.slice(0, Math.ceil(MAX_EXAMPLES / 2));
  const chosen = [...new Set([...first, ...longest])].slice(0, MAX_EXAMPLES);
  return chosen
    .sort((a, b) => a.firedMs - b.firedMs)
    .map((span) => ({
      labels: parseSpanLabels(span),
      severity: span.severity,
      value: span.value,
      firedMs: span.firedMs,
      endedMs: span.endedMs,
    }));
}
