import type { FormattedValue, Labels } from '../../../core/alerts/alert.ts';
import { formatNumber } from '../../../core/format.ts';
import type { AlertSeverity } from '../../../core/schema/enums.ts';
import type { AlertState } from '../../../core/schema/tables/alerts-table.ts';
import type { AlertRule } from '../rules/alert-rule.ts';

/** Why an alert was resolved although its value didn't recover. Stored as the alert's cause. */
export const RESOLVE_REASONS = {
  ruleRemoved: 'the rule was removed',
  ruleDisabled: 'the rule is disabled for this tenant',
  noData: 'no data for one day',
  serviceEnded: 'the service ended normally',
  notRefreshed: 'the sender stopped sending the alert',
} as const;

const REASONS: ReadonlySet<string | undefined> = new Set(Object.values(RESOLVE_REASONS));

/** Returns whether a cause explains the end of an alert. Other causes explain its start. */
function isResolveReason(cause: string | undefined): boolean {
  return REASONS.has(cause);
}

interface AlertFields {
  readonly rule: string;
  readonly state: AlertState;
  readonly severity: AlertSeverity;
  readonly threshold: number | undefined;
  readonly cause: string | undefined;
}

/** The annotation that replaces `summary` when the alert is resolved. */
const RESOLVED_ANNOTATION = 'resolved';

/**
 * Renders the annotations of an alert. The summary of a resolved alert describes the situation after
 * its end.
 *
 * @param labels labels that the readers of the alert can see
 * @param rule undefined if the rule has been removed
 * @param value the value to show, or undefined if it is unknown
 * @param recovered the newest value, if it isn't beyond the threshold
 */
export function renderAnnotations(
  { rule: name, state, severity, threshold, cause }: AlertFields,
  labels: Labels,
  rule: AlertRule | undefined,
  value: number | undefined,
  recovered?: number,
): Labels {
  const data = { rule: name, severity, value, threshold, labels };
  const { [RESOLVED_ANNOTATION]: resolved, ...templates } = rule?.annotations ?? {};
  const rendered = Object.fromEntries(
    Object.entries(templates).map(([key, template]) => [key, template(data)]),
  );
  if (state !== 'resolved') {
    const { summary } = rendered;
    const current = formatRuleValue(rule, recovered)?.text;
    if (summary === undefined || current === undefined) return rendered;
    return { ...rendered, summary: `${summary}; recovering, now ${current}` };
  }
  if (isResolveReason(cause)) return { ...rendered, summary: formatEnd(name, labels, cause) };
  if (resolved) return { ...rendered, summary: resolved(data) };
  if (value === undefined) return { ...rendered, summary: formatEnd(name, labels, 'no new data') };
  return rendered;
}

function formatEnd(rule: string, labels: Labels, reason = ''): string {
  return `${formatSubject(labels)}${rule} ended (${reason})`;
}

/** The labels that identify the subject of an alert, from the most general to the most specific. */
const SUBJECT_LABELS = [
  'service',
  'queue',
  'operation',
  'endpoint',
  'host',
  'instance',
  'table',
] as const;

function formatSubject(labels: Labels): string {
  const names = SUBJECT_LABELS.flatMap((name) => labels[name] ?? []);
  return names.length === 0 ? '' : `${names.join(' ')}: `;
}

/**
 * Formats a value of a rule in the unit of its summary. Returns undefined if the summary shows no
 * value, because a number such as 1 for "unreachable" has no meaning for people.
 */
export function formatRuleValue(
  rule: AlertRule | undefined,
  value: number | undefined,
): FormattedValue | undefined {
  if (value === undefined || !rule) return undefined;
  const { summary } = rule.annotations;
  const format = summary ? summary.formatValue : formatNumber;
  return format && { value, text: format(value) };
}
