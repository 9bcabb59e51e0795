/**
 * Start of the rule name of each alert that another system evaluates, such as
 * `alertmanager:HighErrorRate`. Names of Perfscope's own rules contain no colon.
 */
export const EXTERNAL_RULE_PREFIX = 'alertmanager:';

/** Returns whether another system evaluates the alerts with this rule name. */
export function isExternalRule(rule: string): boolean {
  return rule.startsWith(EXTERNAL_RULE_PREFIX);
}
