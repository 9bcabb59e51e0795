import {
  type Threshold,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { loadRules } from '../../src/alerts/rules/load.ts';
import type { Rule } from '../../src/alerts/rules/rule.ts';
import { parseSettings } from '../../src/config/settings.ts';
import type { AlertSeverity } from '../../src/schema/metric-type.ts';

const GOOD = 'green';
/** Named colours of Grafana: they are readable in both of its themes. */
const COLORS: Readonly<Record<AlertSeverity, string>> = {
  warning: 'yellow',
  medium: 'orange',
  high: 'semi-dark-orange',
  critical: 'red',
};

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

/** The rule's thresholds, in the colours of their severities. */
export function thresholdsOf(name: string): ThresholdsConfigBuilder {
  const { levels, direction } = ruleNamed(name);
  if (direction === 'above') {
    return steps([
      { value: null, color: GOOD },
      ...levels.map(({ severity, threshold }) => ({ value: threshold, color: COLORS[severity] })),
    ]);
  }
  const worst = levels.at(-1)!;
  const milder = levels.toReversed();
  return steps([
    { value: null, color: COLORS[worst.severity] },
    ...milder.map(({ threshold }, i) => ({
      value: threshold,
      color: milder[i + 1] ? COLORS[milder[i + 1]!.severity] : GOOD,
    })),
  ]);
}

export function steps(all: Threshold[]): ThresholdsConfigBuilder {
  return new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(all);
}

/** No value is good or bad. */
export const PLAIN = () => steps([{ value: null, color: 'blue' }]);
/** Anything above nothing is bad. */
export const NOTHING = () =>
  steps([
    { value: null, color: GOOD },
    { value: 1, color: COLORS.critical },
  ]);
