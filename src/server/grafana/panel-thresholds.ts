import type { AlertSeverity } from '../../core/schema/enums.ts';

/** The thresholds of an alert rule. */
export interface RuleThresholds {
  readonly name: string;
  readonly direction: 'above' | 'below';
  /** Levels, from lowest to highest severity. */
  readonly levels: readonly { readonly severity: AlertSeverity; readonly threshold: number }[];
}

/** The color of values at or above `value`, in the panel's unit. `null` means no lower limit. */
export interface ThresholdStep {
  readonly value: number | null;
  readonly color: string;
}

/** The rule whose thresholds a panel shows, by dashboard UID and panel ID. */
export type PanelRules = Readonly<Record<string, Readonly<Record<string, string>>>>;

export const OK_COLOR = 'green';
/** Named Grafana colors, which are readable in the light and dark themes. */
export const SEVERITY_COLORS: Readonly<Record<AlertSeverity, string>> = {
  warning: 'yellow',
  medium: 'orange',
  high: 'semi-dark-orange',
  critical: 'red',
};

/** Returns a rule's thresholds, with the colors of their severities. */
export function toThresholdSteps({ direction, levels }: RuleThresholds): ThresholdStep[] {
  const steps = levels.map(({ severity, threshold }) => ({
    value: threshold,
    color: SEVERITY_COLORS[severity],
  }));
  if (direction === 'above') return [{ value: null, color: OK_COLOR }, ...steps];
  const descending = steps.toReversed();
  return [
    { value: null, color: descending[0]?.color ?? OK_COLOR },
    ...descending.map(({ value }, i) => ({ value, color: descending[i + 1]?.color ?? OK_COLOR })),
  ];
}

interface DashboardPanel {
  readonly id: number;
  readonly fieldConfig: { readonly defaults: { readonly thresholds: object } };
}

/**
 * Returns the dashboard with the thresholds of `rules`. A panel whose rule was removed shows no
 * thresholds.
 */
export function applyRuleThresholds<D extends { readonly uid: string }>(
  dashboard: D,
  panelRules: PanelRules,
  rules: readonly RuleThresholds[],
): D {
  const { panels = [] } = dashboard as { readonly panels?: readonly DashboardPanel[] };
  const updatedPanels = panels.map((panel) => {
    const name = panelRules[dashboard.uid]?.[panel.id];
    if (name === undefined) return panel;
    const rule = rules.find((each) => each.name === name);
    const steps = rule ? toThresholdSteps(rule) : [{ value: null, color: OK_COLOR }];
    const { fieldConfig } = panel;
    const thresholds = { ...fieldConfig.defaults.thresholds, steps };
    const defaults = { ...fieldConfig.defaults, thresholds };
    return { ...panel, fieldConfig: { ...fieldConfig, defaults } };
  });
  return { ...dashboard, panels: updatedPanels };
}
