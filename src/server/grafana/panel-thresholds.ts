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

/**
 * The rule whose thresholds a panel or a column of a table shows, by dashboard UID and panel ID. The key of a column is
 * the panel ID, a slash, and the name of the column.
 */
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
  readonly fieldConfig: {
    readonly defaults: { readonly thresholds: object };
    readonly overrides?: readonly ColumnOverride[];
  };
}

interface ColumnOverride {
  readonly matcher?: { readonly options?: unknown };
  readonly properties: readonly { readonly id: string; readonly value: unknown }[];
}

/**
 * Returns the dashboard with the thresholds of `rules`. A panel or column whose rule was removed shows
 * no thresholds.
 */
export function applyRuleThresholds<D extends { readonly uid: string }>(
  dashboard: D,
  panelRules: PanelRules,
  rules: readonly RuleThresholds[],
): D {
  const { panels = [] } = dashboard as { readonly panels?: readonly DashboardPanel[] };
  const findSteps = (key: string) => {
    const name = panelRules[dashboard.uid]?.[key];
    if (name === undefined) return undefined;
    const rule = rules.find((each) => each.name === name);
    return rule ? toThresholdSteps(rule) : [{ value: null, color: OK_COLOR }];
  };
  const updatedPanels = panels.map((panel) => {
    const { id, fieldConfig } = panel;
    if (!fieldConfig) return panel;
    const { defaults, overrides = [] } = fieldConfig;
    const steps = findSteps(String(id));
    const updatedDefaults = steps
      ? { ...defaults, thresholds: { ...defaults.thresholds, steps } }
      : defaults;
    const updatedOverrides = overrides.map((override) =>
      applyColumnThresholds(override, findSteps(`${id}/${override.matcher?.options}`)),
    );
    return {
      ...panel,
      fieldConfig: { ...fieldConfig, defaults: updatedDefaults, overrides: updatedOverrides },
    };
  });
  return { ...dashboard, panels: updatedPanels };
}

function applyColumnThresholds(
  override: ColumnOverride,
  steps: readonly ThresholdStep[] | undefined,
): ColumnOverride {
  if (!steps) return override;
  const properties = override.properties.map(({ id, value }) =>
    id === 'thresholds' ? { id, value: { ...(value as object), steps } } : { id, value },
  );
  return { ...override, properties };
}
