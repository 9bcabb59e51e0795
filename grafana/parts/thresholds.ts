import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  type Threshold,
  type ThresholdsConfig,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from '@grafana/grafana-foundation-sdk/dashboard';
import {
  OK_COLOR,
  SEVERITY_COLORS,
  toThresholdSteps,
} from '../../src/server/grafana/panel-thresholds.ts';
import { getRule } from './built-in-rules.ts';

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

/** Options of a column with a number that should be 0. */
export const createZeroColors = () => [{ id: 'thresholds', value: createZeroThresholds().build() }];

/** Creates thresholds for the share of requests that clients aborted, in percent. No alert rule checks it. */
export const createAbortedThresholds = () =>
  createThresholds([
    { value: null, color: OK_COLOR },
    { value: 1, color: SEVERITY_COLORS.warning },
    { value: 5, color: SEVERITY_COLORS.medium },
    { value: 20, color: SEVERITY_COLORS.critical },
  ]);

/** Creates thresholds for the share of failed statements, in percent. No alert rule checks it. */
export const createFailedThresholds = () =>
  createThresholds([
    { value: null, color: OK_COLOR },
    { value: 0.1, color: SEVERITY_COLORS.warning },
    { value: 1, color: SEVERITY_COLORS.medium },
    { value: 5, color: SEVERITY_COLORS.critical },
  ]);

/** Creates thresholds for the Apdex. The limits are from the Apdex standard. */
export const createApdexThresholds = () =>
  createThresholds([
    { value: null, color: SEVERITY_COLORS.critical },
    { value: 0.5, color: SEVERITY_COLORS.medium },
    { value: 0.7, color: SEVERITY_COLORS.warning },
    { value: 0.85, color: OK_COLOR },
  ]);

/** Creates thresholds for the remaining error budget, in percent. */
export const createBudgetThresholds = () =>
  createThresholds([
    { value: null, color: SEVERITY_COLORS.critical },
    { value: 0, color: SEVERITY_COLORS.warning },
    { value: 25, color: OK_COLOR },
  ]);
