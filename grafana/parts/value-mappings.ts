import {
  MappingType,
  SpecialValueMatch,
  type ValueMapping,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { OK_COLOR, SEVERITY_COLORS } from '../../src/server/grafana/panel-thresholds.ts';

/** Color of values that say neither that something works nor that it fails. */
export const NEUTRAL_COLOR = '#8e8e8e';

/** Maps values to texts and colors. */
export function toTextMapping(
  results: Readonly<Record<string, { readonly text?: string; readonly color: string }>>,
): ValueMapping {
  const entries = Object.entries(results).map(
    ([value, result], index) => [value, { ...result, index }] as const,
  );
  return { type: MappingType.ValueToText, options: Object.fromEntries(entries) };
}

/** Maps missing values to a gray text. Without it, Grafana shows them in the color of the lowest threshold. */
export function toNoDataMapping(text: string): ValueMapping {
  return {
    type: MappingType.SpecialValue,
    options: {
      match: SpecialValueMatch.NullAndNan,
      result: { text, color: NEUTRAL_COLOR, index: 0 },
    },
  };
}

/** Maps values at or above a limit to a text. */
export function toAboveMapping(limit: number, text: string): ValueMapping {
  return {
    type: MappingType.RangeToText,
    // Grafana's schema has `null` for an open end.
    options: { from: limit, to: null as never, result: { text, index: 0 } },
  };
}

const toColors = (colors: Readonly<Record<string, string>>) =>
  toTextMapping(
    Object.fromEntries(Object.entries(colors).map(([value, color]) => [value, { color }])),
  );

export const SEVERITY_MAPPING = toColors(SEVERITY_COLORS);
export const ALERT_STATE_MAPPING = toColors({
  pending: SEVERITY_COLORS.warning,
  firing: SEVERITY_COLORS.critical,
  acknowledged: SEVERITY_COLORS.medium,
  resolved: OK_COLOR,
});
export const INCIDENT_STATE_MAPPING = toColors({
  open: SEVERITY_COLORS.critical,
  resolved: OK_COLOR,
  merged: NEUTRAL_COLOR,
});
export const FORECAST_STATUS_MAPPING = toColors({
  reached: SEVERITY_COLORS.critical,
  limit: SEVERITY_COLORS.warning,
  clear: OK_COLOR,
  notPredictable: NEUTRAL_COLOR,
  noLimit: NEUTRAL_COLOR,
  waiting: NEUTRAL_COLOR,
});
export const HEALTH_MAPPING = toColors({
  healthy: OK_COLOR,
  degraded: SEVERITY_COLORS.warning,
  unhealthy: SEVERITY_COLORS.critical,
  'not reporting': NEUTRAL_COLOR,
});

/** Colors of HTTP status codes by class. Grafana also matches codes that are texts. */
export const STATUS_MAPPINGS: readonly ValueMapping[] = [
  toStatusMapping('[123]..', OK_COLOR),
  toStatusMapping('4..', SEVERITY_COLORS.warning),
  toStatusMapping('5..', SEVERITY_COLORS.critical),
];

function toStatusMapping(codes: string, color: string): ValueMapping {
  const pattern = `/^(${codes})$/`;
  return {
    type: MappingType.RegexToText,
    options: { pattern, result: { text: '$1', color, index: 0 } },
  };
}
export const DECISION_MAPPING = toColors({
  applied: OK_COLOR,
  delivered: OK_COLOR,
  failed: SEVERITY_COLORS.critical,
});
export const ROLLUP_MAPPING = toColors({ valid: OK_COLOR, invalid: SEVERITY_COLORS.critical });
