import { MINUTE_MS } from '../../../core/duration.ts';
import { formatNumber } from '../../../core/format.ts';
import type { AlertRule } from '../../alerts/rules/alert-rule.ts';
import { type AlertSpan, parseSpanLabels } from '../report/alert-spans.ts';

/** A changed rule that can be quieter. */
export interface RuleCandidate {
  /** Short text of the change, such as `for: 5m`. */
  readonly change: string;
  readonly rule: AlertRule;
  /** The keys to set in the rules file. */
  readonly keys: Readonly<Record<string, unknown>>;
}

/** A candidate with the alerts that it raised in a backtest. */
export interface ReplayedCandidate {
  readonly candidate: RuleCandidate;
  readonly spans: readonly AlertSpan[];
}

const FOR_MS = [2, 5, 10, 15, 30].map((minutes) => minutes * MINUTE_MS);
const FACTORS = [1.1, 1.25, 1.5, 2];
/** A change that avoids a smaller share of the alerts isn't worth it. */
const MIN_REDUCTION = 0.2;

/**
 * Lists changes of a rule, the smallest first: a longer `for`, other thresholds, and a coarser grouping.
 *
 * @param data the keys of the rule in its file
 */
export function listRuleCandidates(
  rule: AlertRule,
  data: Readonly<Record<string, unknown>>,
): RuleCandidate[] {
  return [
    ...listForCandidates(rule),
    ...listThresholdCandidates(rule, data),
    ...listGroupingCandidates(rule, data),
  ];
}

function listForCandidates(rule: AlertRule): RuleCandidate[] {
  return FOR_MS.filter((forMs) => forMs > rule.forMs).map((forMs) => {
    const text = `${forMs / MINUTE_MS}m`;
    return { change: `for: ${text}`, rule: { ...rule, forMs }, keys: { for: text } };
  });
}

function listThresholdCandidates(
  rule: AlertRule,
  { recovery }: Readonly<Record<string, unknown>>,
): RuleCandidate[] {
  // Thresholds of tenants and an absolute recovery must fit the new thresholds, so a person has to choose them.
  if (rule.tenants.length > 0 || typeof recovery === 'number') return [];
  if (rule.levels.some(({ threshold }) => threshold <= 0)) return [];
  return FACTORS.map((factor) => {
    const scale = (value: number) =>
      Number((rule.direction === 'above' ? value * factor : value / factor).toPrecision(3));
    const levels = rule.levels.map((level) => ({ ...level, threshold: scale(level.threshold) }));
    const thresholds = Object.fromEntries(
      levels.map(({ severity, threshold }) => [severity, threshold]),
    );
    const texts = levels.map(
      ({ severity, threshold }) => `${severity}: ${formatNumber(threshold)}`,
    );
    return {
      change: `thresholds: ${texts.join(', ')}`,
      rule: { ...rule, levels, recovery: rule.recovery && scale(rule.recovery) },
      keys: { thresholds },
    };
  });
}

function listGroupingCandidates(
  rule: AlertRule,
  { measure }: Readonly<Record<string, unknown>>,
): RuleCandidate[] {
  const { source } = rule;
  if (source.kind !== 'measure' || source.groupBy.length < 2) return [];
  const groupBy = source.groupBy.slice(0, -1);
  // A tenant's people must still receive only their own alerts.
  if (source.groupBy.at(-1) === 'organization' || source.groupBy.at(-1) === 'property') return [];
  return [
    {
      change: `groupBy: ${groupBy.join(', ')}`,
      rule: { ...rule, source: { ...source, groupBy } },
      keys: { measure: { ...(measure as object), groupBy } },
    },
  ];
}

/**
 * Returns the candidate that raises the fewest alerts. It must raise an alert during each acknowledged alert.
 *
 * @param acknowledged stored alerts that a person acknowledged
 * @param currentFired number of alerts that the current rule raised in the same backtest
 * @param candidates the smallest change first
 * @returns undefined if no candidate is quieter without missing an acknowledged alert
 */
export function chooseSuggestion(
  acknowledged: readonly AlertSpan[],
  currentFired: number,
  candidates: readonly ReplayedCandidate[],
): ReplayedCandidate | undefined {
  const maxFired = currentFired * (1 - MIN_REDUCTION);
  const [best] = candidates
    .filter(({ spans }) => spans.length <= maxFired)
    .filter(({ spans }) => acknowledged.every((span) => isCovered(span, spans)))
    .toSorted((a, b) => a.spans.length - b.spans.length);
  return best;
}

/** Returns whether one of the alerts fires during an acknowledged alert, about the same or a coarser group. */
export function isCovered(acknowledged: AlertSpan, spans: readonly AlertSpan[]): boolean {
  const { firedMs, endedMs = Number.POSITIVE_INFINITY } = acknowledged;
  const labels = parseSpanLabels(acknowledged);
  return spans.some((span) => {
    if (span.firedMs > endedMs || (span.endedMs ?? Number.POSITIVE_INFINITY) < firedMs)
      return false;
    return Object.entries(parseSpanLabels(span)).every(([name, text]) => labels[name] === text);
  });
}
