import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  type Threshold,
  type ThresholdsConfig,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { loadRules } from '../../src/alerts/rules/load.ts';
import type { Rule } from '../../src/alerts/rules/rule.ts';
import { parseSettings } from '../../src/config/settings.ts';
import { COLORS, GOOD, stepsOf } from '../../src/grafana/thresholds.ts';

/** The built-in rules, as a server without settings of its own has them. */
const RULES = new Map(loadRules(parseSettings({}).settings).rules.map((rule) => [rule.name, rule]));

export function ruleNamed(name: string): Rule {
  const rule = RULES.get(name);
  if (!rule) throw new TypeError(`there is no rule ${name}`);
  return rule;
}

/** The targets among the rules. */
export function targets(): Rule[] {
  return [...RULES.values()].filter(({ target }) => target);
}

/** The first threshold of a rule. */
export function limitOf(name: string): number {
  return ruleNamed(name).levels[0]!.threshold;
}

const RULE_OF = new WeakMap<object, string>();

/** The rule's thresholds, in the colours of their severities. */
export function thresholdsOf(name: string): Builder<ThresholdsConfig> {
  const rule = ruleNamed(name);
  return {
    build: () => {
      const built = steps(stepsOf(rule)).build();
      RULE_OF.set(built, name);
      return built;
    },
  };
}

/** The name of the rule that these are thresholds of. */
export function ruleOf(thresholds: ThresholdsConfig | undefined): string | undefined {
  return thresholds && RULE_OF.get(thresholds);
}

export function steps(all: readonly Threshold[]): ThresholdsConfigBuilder {
  return new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps([...all]);
}

/** No value is good or bad. */
export const PLAIN = () => steps([{ value: null, color: 'blue' }]);
/** Anything above nothing is bad. */
export const NOTHING = () =>
  steps([
    { value: null, color: GOOD },
    { value: 1, color: COLORS.critical },
  ]);
