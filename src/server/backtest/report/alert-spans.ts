import type { Labels } from '../../../core/alerts/alert.ts';
import { type AlertSeverity, getSeverityRank } from '../../../core/schema/enums.ts';
import type { TimeRange } from '../../../storage/queries/time-range.ts';
import type { Transition } from '../../alerts/evaluation/alert-transition.ts';

/** The time in which one alert fired. Times are in ms since the epoch. */
export interface AlertSpan {
  readonly id: string;
  readonly rule: string;
  /** JSON of the group's labels, from `toLabelsKey`. */
  readonly key: string;
  readonly firedMs: number;
  /** Undefined if the alert still fires. */
  readonly endedMs: number | undefined;
  /** The highest severity. */
  readonly severity: AlertSeverity;
  /** The value with which the alert fired. */
  readonly value: number | undefined;
  readonly acknowledgedMs: number | undefined;
  /** Whether the alert ended because the service ended, the rule changed, or data is missing. */
  readonly endCause: string | undefined;
}

/** Returns the spans of all alerts that fired, sorted by time. Pending alerts that never fired are omitted. */
export function toAlertSpans(transitions: readonly Transition[]): AlertSpan[] {
  const sorted = transitions.toSorted((a, b) => a.timestamp - b.timestamp || a.seq - b.seq);
  const spans = new Map<string, AlertSpan>();
  for (const transition of sorted) {
    const { id, firedAt, state } = transition;
    if (firedAt === undefined) continue;
    const span = spans.get(id) ?? toSpan(transition, firedAt);
    spans.set(id, updateSpan(span, transition, state));
  }
  return [...spans.values()].sort((a, b) => a.firedMs - b.firedMs || (a.key < b.key ? -1 : 1));
}

function toSpan({ id, rule, labels, severity, value }: Transition, firedMs: number): AlertSpan {
  return {
    id,
    rule,
    key: labels,
    firedMs,
    endedMs: undefined,
    severity,
    value,
    acknowledgedMs: undefined,
    endCause: undefined,
  };
}

function updateSpan(
  span: AlertSpan,
  { severity, timestamp, cause, value }: Transition,
  state: Transition['state'],
): AlertSpan {
  const isWorse = getSeverityRank(severity) > getSeverityRank(span.severity);
  const worst = isWorse ? { severity, value: value ?? span.value } : {};
  if (state === 'resolved') return { ...span, ...worst, endedMs: timestamp, endCause: cause };
  const isAcknowledged = state === 'acknowledged' && span.acknowledgedMs === undefined;
  return { ...span, ...worst, ...(isAcknowledged && { acknowledgedMs: timestamp }) };
}

/** Returns how long an alert fired in a range, in ms. */
export function getFiringMs({ firedMs, endedMs }: AlertSpan, { fromMs, toMs }: TimeRange): number {
  return Math.max(0, Math.min(endedMs ?? toMs, toMs) - Math.max(firedMs, fromMs));
}

export function parseSpanLabels({ key }: AlertSpan): Labels {
  return JSON.parse(key) as Labels;
}
