import type { AlertSeverity } from '../../core/schema/enums.ts';

/** What a rule says of its figure. */
export interface RuleThresholds {
  readonly name: string;
  readonly direction: 'above' | 'below';
  /** The mildest first. */
  readonly levels: readonly { readonly severity: AlertSeverity; readonly threshold: number }[];
}

/** From `value` on, in the panel's unit, the colour is this; `null` is where the axis begins. */
export interface ThresholdStep {
  readonly value: number | null;
  readonly color: string;
}

/** The rule whose thresholds a panel draws: by the dashboard's uid, and the panel's id. */
export type PanelRules = Readonly<Record<string, Readonly<Record<string, string>>>>;

export const OK_COLOR = 'green';
/** Named colours of Grafana: they are readable in both of its themes. */
export const SEVERITY_COLORS: Readonly<Record<AlertSeverity, string>> = {
  warning: 'yellow',
  medium: 'orange',
  high: 'semi-dark-orange',
  critical: 'red',
};

/** A rule's thresholds, in the colours of their severities. */
export function toThresholdSteps({ direction, levels }: RuleThresholds): ThresholdStep[] {
  const found = levels.map(({ severity, threshold }) => ({
    value: threshold,
    color: SEVERITY_COLORS[severity],
  }));
  if (direction === 'above') return [{ value: null, color: OK_COLOR }, ...found];
  const milder = found.toReversed();
  return [
    { value: null, color: milder[0]?.color ?? OK_COLOR },
    ...milder.map(({ value }, i) => ({ value, color: milder[i + 1]?.color ?? OK_COLOR })),
  ];
}

interface DashboardPanel {
  readonly id: number;
  readonly fieldConfig: { readonly defaults: { readonly thresholds: object } };
}

/** A dashboard whose panels draw the thresholds of `rules`; what is no rule any more, they draw no limit of. */
export function applyRuleThresholds<D extends { readonly uid: string }>(
  dashboard: D,
  drawn: PanelRules,
  rules: readonly RuleThresholds[],
): D {
  const { panels = [] } = dashboard as { readonly panels?: readonly DashboardPanel[] };
  const changed = panels.map((panel) => {
    const name = drawn[dashboard.uid]?.[panel.id];
    if (name === undefined) return panel;
    const rule = rules.find((each) => each.name === name);
    const steps = rule ? toThresholdSteps(rule) : [{ value: null, color: OK_COLOR }];
    const { fieldConfig } = panel;
    const thresholds = { ...fieldConfig.defaults.thresholds, steps };
    const defaults = { ...fieldConfig.defaults, thresholds };
    return { ...panel, fieldConfig: { ...fieldConfig, defaults } };
  });
  return { ...dashboard, panels: changed };
}
