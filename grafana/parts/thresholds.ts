import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  type Threshold,
  type ThresholdsConfig,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { parseSettings } from '../../src/core/config/parse-settings.ts';
import type { AlertRule } from '../../src/server/alerts/rules/alert-rule.ts';
import { loadAlertRules } from '../../src/server/alerts/rules/load-alert-rules.ts';
import {
  OK_COLOR,
  SEVERITY_COLORS,
  toThresholdSteps,
} from '../../src/server/grafana/panel-thresholds.ts';

/** The built-in alert rules with their default settings. */
const BUILT_IN_RULES = new Map(
  loadAlertRules(parseSettings({}).settings).rules.map((rule) => [rule.name, rule]),
);

export function getRule(name: string): AlertRule {
  const rule = BUILT_IN_RULES.get(name);
  if (!rule) throw new TypeError(`unknown alert rule ${name}`);
  return rule;
}

/** Returns the rules that define a target. */
export function getTargetRules(): AlertRule[] {
  return [...BUILT_IN_RULES.values()].filter(({ target }) => target);
}

/** Returns the threshold of a rule's lowest severity. */
export function getLimit(name: string): number {
  return getRule(name).levels[0]!.threshold;
}

const RULE_NAMES = new WeakMap<object, string>();

/** Creates thresholds with a rule's limits and the colors of their severities. */
export function createRuleThresholds(name: string): Builder<ThresholdsConfig> {
  const rule = getRule(name);
  return {
    build: () => {
      const built = createThresholds(toThresholdSteps(rule)).build();
      RULE_NAMES.set(built, name);
      return built;
    },
  };
}

/** Returns the name of the rule that the thresholds belong to, or `undefined` if they don't belong to a rule. */
export function getRuleName(thresholds: ThresholdsConfig | undefined): string | undefined {
  return thresholds && RULE_NAMES.get(thresholds);
}

export function createThresholds(all: readonly Threshold[]): ThresholdsConfigBuilder {
  return new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps([...all]);
}

/** Creates thresholds with one neutral color for all values. */
export const createNeutralThresholds = () => createThresholds([{ value: null, color: 'blue' }]);
/** Creates thresholds that mark every value of 1 or more as critical. */
export const createZeroThresholds = () =>
  createThresholds([
    { value: null, color: OK_COLOR },
    { value: 1, color: SEVERITY_COLORS.critical },
  ]);
