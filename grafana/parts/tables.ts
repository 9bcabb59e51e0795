import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import type {
  DynamicConfigValue,
  ThresholdsConfig,
  ValueMapping,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { PanelBuilder as TableBuilder } from '@grafana/grafana-foundation-sdk/table';
import type { CellLink } from './cell-links.ts';
import { type AnyPanel, applySpec, type PanelSpec } from './panels.ts';
import { createNeutralThresholds, createRuleThresholds } from './thresholds.ts';
import {
  ALERT_STATE_MAPPING,
  FORECAST_STATUS_MAPPING,
  HEALTH_MAPPING,
  INCIDENT_STATE_MAPPING,
  SEVERITY_MAPPING,
} from './value-mappings.ts';

/** How a table shows a column. */
export interface Column {
  /** Width in pixels. */
  readonly width?: number;
  /** Minimum width in pixels, for columns that share the remaining width. */
  readonly minWidth?: number;
  /** Shows long texts in several lines, and the full text in a tooltip. */
  readonly wrap?: boolean;
  /** Offers to open the full text of a cell. */
  readonly inspect?: boolean;
  readonly unit?: string;
  readonly decimals?: number;
  readonly links?: readonly CellLink[];
  readonly mappings?: readonly ValueMapping[];
  readonly thresholds?: Builder<ThresholdsConfig>;
  /** Hides the column. Links can use its values. */
  readonly isHidden?: boolean;
}

/** A column with short texts. */
export const text = (width: number, more: Column = {}): Column => ({
  width,
  inspect: true,
  ...more,
});
/** A column with long texts. It uses the remaining width. */
export const longText = (minWidth: number, more: Column = {}): Column => ({
  minWidth,
  wrap: true,
  inspect: true,
  ...more,
});
export const number = (width = 80, unit = 'short', more: Column = {}): Column => ({
  width,
  unit,
  ...more,
});
export const duration = (width = 80, more: Column = {}): Column => number(width, 'ms', more);
export const percent = (width = 75, more: Column = {}): Column =>
  number(width, 'percent', { decimals: 1, ...more });
/** Colors a column with the thresholds of an alert rule. */
export const ruleColors = (rule: string): Column => ({ thresholds: createRuleThresholds(rule) });
/** A time without milliseconds. Grafana's default format doesn't fit in the column. */
export const TIME: Column = { width: 170, unit: 'time:YYYY-MM-DD HH:mm:ss' };
/** A time such as "5 minutes ago". */
export const RELATIVE_TIME: Column = { width: 115, unit: 'dateTimeFromNow' };
export const HIDDEN: Column = { isHidden: true };
export const SEVERITY: Column = { width: 70, mappings: [SEVERITY_MAPPING] };
export const INCIDENT_STATE: Column = { width: 90, mappings: [INCIDENT_STATE_MAPPING] };
export const ALERT_STATE: Column = { width: 105, mappings: [ALERT_STATE_MAPPING] };
export const FORECAST_STATUS: Column = { width: 105, mappings: [FORECAST_STATUS_MAPPING] };
export const HEALTH: Column = { width: 110, mappings: [HEALTH_MAPPING] };

export interface TableSpec extends Omit<PanelSpec, 'unit' | 'thresholds'> {
  /** All columns of the query, by name. */
  readonly columns: Readonly<Record<string, Column>>;
}

/** Maximum height of a row in pixels: three lines. */
const MAX_ROW_HEIGHT = 80;

export function createTable(spec: TableSpec): AnyPanel {
  const builder = applySpec(new TableBuilder(), { ...spec, unit: 'short' }, 'table')
    .thresholds(createNeutralThresholds())
    .filterable(true);
  for (const [name, column] of Object.entries(spec.columns)) {
    builder.overrideByName(name, toProperties(name, column));
  }
  return {
    build: () => {
      const panel = builder.build();
      return { ...panel, options: { ...panel.options, maxRowHeight: MAX_ROW_HEIGHT } };
    },
  };
}

function toProperties(name: string, column: Column): DynamicConfigValue[] {
  const { width, minWidth, wrap, inspect, unit, decimals, links, mappings, thresholds } = column;
  const { isHidden } = column;
  const type = mappings || thresholds ? 'color-text' : 'auto';
  const all: Record<string, unknown> = {
    'custom.width': width,
    'custom.minWidth': minWidth,
    'custom.cellOptions':
      wrap || type !== 'auto' ? { type, ...(wrap && { wrapText: true }) } : undefined,
    // Grafana 12.2 and later use these instead of parts of `cellOptions` and instead of `hidden`.
    'custom.wrapText': wrap,
    'custom.hideFrom': isHidden ? { viz: true, legend: false, tooltip: false } : undefined,
    'custom.tooltip': wrap ? { field: name, placement: 'auto' } : undefined,
    'custom.hidden': isHidden,
    'custom.inspect': inspect,
    unit,
    decimals,
    links,
    mappings,
    thresholds: thresholds?.build(),
  };
  return Object.entries(all).flatMap(([id, value]) => (value === undefined ? [] : [{ id, value }]));
}
