import type { ReportProblem } from '../../../core/config-files/config-validation.ts';
import { formatSuggestion } from '../../../core/config-files/format-suggestion.ts';
import type { Matcher } from '../../../core/config-files/matcher.ts';
import { findClosestMatch } from '../../../core/did-you-mean.ts';
import { ALERT_SEVERITIES } from '../../../core/schema/enums.ts';
import type { MergedConfig } from './environment-thresholds.ts';

/** A matcher that compares a name with `=` or `!=`. */
const COMPARISON = /^\s*(alertname|severity)\s*!?=\s*(?:"([^"\\]*)"|([^"\s~]+))\s*$/;

/**
 * Reports matchers that compare with an unknown severity, and matchers whose alert name is almost the name
 * of a rule. Other unknown alert names are valid, because alerts can come from other systems.
 *
 * @param ruleNames names of all rules, including disabled rules
 */
export function checkMatchers(
  matchers: readonly Matcher[],
  ruleNames: readonly string[],
  report: ReportProblem,
): void {
  for (const [i, { text }] of matchers.entries()) {
    const [, label, quoted, unquoted] = COMPARISON.exec(text) ?? [];
    const value = quoted ?? unquoted ?? '';
    if (label === undefined || value === '') continue;
    if (label === 'severity' && !(ALERT_SEVERITIES as readonly string[]).includes(value)) {
      report([i], `\`${value}\` is not a severity; ${formatSuggestion(value, ALERT_SEVERITIES)}`);
    }
    const closest = ruleNames.includes(value) ? undefined : findClosestMatch(value, ruleNames);
    if (label === 'alertname' && closest !== undefined) {
      report([i], `there is no rule \`${value}\`; did you mean \`${closest}\`?`);
    }
  }
}

/**
 * Reports an entry that disables an unknown name if it is almost a known name. Other unknown names are
 * valid, because an earlier version might have had a built-in entry with the name.
 *
 * @param names names of all entries of the list
 */
export function checkDisabledName(
  { name, isInherited, report }: MergedConfig,
  names: readonly string[],
): void {
  if (isInherited) return;
  const closest = findClosestMatch(
    name,
    names.filter((other) => other !== name),
  );
  if (closest === undefined) return;
  report(['name'], `there is no entry \`${name}\` to disable; did you mean \`${closest}\`?`);
}
