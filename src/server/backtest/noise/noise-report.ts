import { MINUTE_MS } from '../../../core/duration.ts';
import type { TimeRange } from '../../../storage/queries/time-range.ts';
import { type AlertSpan, getFiringMs } from '../report/alert-spans.ts';
import { computeMedian, getLocalHour, isNightHour, isPageChannel } from '../report/rule-report.ts';

/** An alert that ends by itself after a shorter time didn't need a person. */
const SHORT_ALERT_MS = 10 * MINUTE_MS;
/** An alert of the same group that fires again after a shorter time is flapping. */
const FLAP_MS = 30 * MINUTE_MS;

/** A delivered message about an alert. */
export interface SentMessage {
  readonly atMs: number;
  readonly alertId: string;
  readonly receiver: string;
  readonly channel: string;
}

interface ReceiverNoise {
  readonly name: string;
  readonly messages: number;
  /** Messages from 22:00 to 07:00. */
  readonly nightMessages: number;
}

/** How noisy a rule was in a range. */
export interface NoiseRule {
  readonly name: string;
  /** Number of alerts that fired. */
  readonly fired: number;
  /** Total time of these alerts, in ms. */
  readonly firingMs: number;
  readonly medianMs: number | undefined;
  readonly acknowledged: number;
  readonly unacknowledged: number;
  /** Alerts without an acknowledgment that ended within 10 minutes. */
  readonly short: number;
  /** Alerts that fired again within 30 minutes after the last alert of their group. */
  readonly flapping: number;
  /** Messages by SMS or PagerDuty from 22:00 to 07:00. */
  readonly nightPages: number;
  readonly receivers: readonly ReceiverNoise[];
}

/**
 * Summarizes the noise of each rule that fired, the noisiest first.
 *
 * @param spans alerts of all rules
 * @param timeZone IANA name of the zone for nights
 */
export function createNoiseReport(
  spans: readonly AlertSpan[],
  messages: readonly SentMessage[],
  range: TimeRange,
  timeZone: string,
): NoiseRule[] {
  const fired = spans.filter(({ firedMs }) => firedMs >= range.fromMs && firedMs < range.toMs);
  const ruleById = new Map(spans.map(({ id, rule }) => [id, rule]));
  const messagesByRule = Map.groupBy(messages, ({ alertId }) => ruleById.get(alertId));
  return [...Map.groupBy(fired, ({ rule }) => rule)]
    .map(([name, own]) => toNoiseRule(name, own, messagesByRule.get(name) ?? [], range, timeZone))
    .sort((a, b) => b.unacknowledged - a.unacknowledged || b.fired - a.fired);
}

function toNoiseRule(
  name: string,
  spans: readonly AlertSpan[],
  messages: readonly SentMessage[],
  range: TimeRange,
  timeZone: string,
): NoiseRule {
  const lengths = spans.map((span) => getFiringMs(span, range)).sort((a, b) => a - b);
  const acknowledged = spans.filter(({ acknowledgedMs }) => acknowledgedMs !== undefined).length;
  const isAtNight = ({ atMs }: SentMessage) => isNightHour(getLocalHour(atMs, timeZone));
  const night = messages.filter(isAtNight);
  return {
    name,
    fired: spans.length,
    firingMs: lengths.reduce((sum, ms) => sum + ms, 0),
    medianMs: computeMedian(lengths),
    acknowledged,
    unacknowledged: spans.length - acknowledged,
    short: spans.filter(isShort).length,
    flapping: countFlapping(spans),
    nightPages: night.filter(({ channel }) => isPageChannel(channel)).length,
    receivers: [...Map.groupBy(messages, ({ receiver }) => receiver)]
      .map(([receiver, own]) => ({
        name: receiver,
        messages: own.length,
        nightMessages: own.filter(isAtNight).length,
      }))
      .sort((a, b) => b.messages - a.messages || (a.name < b.name ? -1 : 1)),
  };
}

function isShort({ acknowledgedMs, endedMs, firedMs }: AlertSpan): boolean {
  return (
    acknowledgedMs === undefined && endedMs !== undefined && endedMs - firedMs <= SHORT_ALERT_MS
  );
}

function countFlapping(spans: readonly AlertSpan[]): number {
  let count = 0;
  for (const group of Map.groupBy(spans, ({ key }) => key).values()) {
    const sorted = group.toSorted((a, b) => a.firedMs - b.firedMs);
    for (const [i, span] of sorted.entries()) {
      const endedMs = sorted[i - 1]?.endedMs;
      if (endedMs !== undefined && span.firedMs - endedMs <= FLAP_MS) count += 1;
    }
  }
  return count;
}
