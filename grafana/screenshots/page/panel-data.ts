import {
  createTheme,
  type DataFrame,
  type Field,
  FieldColorModeId,
  type FieldConfig,
  FieldType,
  type GrafanaTheme2,
  getDisplayProcessor,
  ThresholdsMode,
} from '@grafana/data';
import type { PanelInput, ResultTable } from '../panel-input.ts';

const isDark = globalThis.matchMedia('(prefers-color-scheme: dark)').matches;
/** Grafana's theme for the color scheme of the browser. */
export const THEME: GrafanaTheme2 = createTheme({ colors: { mode: isDark ? 'dark' : 'light' } });
export const TIME_ZONE = 'utc';

/**
 * Converts a query result to a data frame, as Grafana's PostgreSQL data source does, and applies the panel's
 * field options. Values get Grafana's texts and colors.
 */
export function toDataFrame({ panel, result }: PanelInput): DataFrame {
  const table = result ?? { columns: [], types: [], rows: [] };
  const isSeries = panel.targets[0]?.format === 'time_series';
  const columns =
    isSeries && table.columns.includes('metric') ? toWideColumns(table) : toColumns(table);
  const fields = columns.map(({ name, type, values }, i): Field => {
    const field: Field = {
      name,
      type,
      values,
      config: createConfig(panel, name, type),
      state: { seriesIndex: i - 1, displayName: name },
    };
    field.config.displayName ??= name;
    field.display = getDisplayProcessor({ field, theme: THEME, timeZone: TIME_ZONE });
    return field;
  });
  return { refId: 'A', fields, length: fields[0]?.values.length ?? 0 };
}

interface Column {
  readonly name: string;
  readonly type: FieldType;
  readonly values: unknown[];
}

function toColumns({ columns, types, rows }: ResultTable): Column[] {
  return columns.map((name, i) => ({
    name,
    type: FieldType[types[i]!],
    values: rows.map((row) => row[name] ?? null),
  }));
}

/** Creates one column for each series. Missing values are null. */
function toWideColumns({ rows }: ResultTable): Column[] {
  const times = [...new Set(rows.map(({ time }) => Number(time)))].sort((a, b) => a - b);
  const positions = new Map(times.map((time, i) => [time, i]));
  const series = new Map<string, unknown[]>();
  for (const { time, metric, value } of rows) {
    const name = String(metric);
    const values = series.get(name) ?? times.map(() => null);
    series.set(name, values);
    values[positions.get(Number(time))!] = value;
  }
  return [
    { name: 'time', type: FieldType.time, values: times },
    ...[...series].map(([name, values]) => ({ name, type: FieldType.number, values })),
  ];
}

function createConfig(panel: PanelInput['panel'], name: string, type: FieldType): FieldConfig {
  const { defaults, overrides } = panel.fieldConfig;
  const config: FieldConfig = structuredClone(defaults) as FieldConfig;
  if (panel.type === 'timeseries') {
    config.color ??= { mode: FieldColorModeId.PaletteClassic };
    config.custom = { lineInterpolation: 'linear', axisPlacement: 'auto', ...config.custom };
  }
  for (const { matcher, properties } of overrides) {
    if (!isMatch(matcher, name, type)) continue;
    for (const { id, value } of properties) setPath(config, id.split('.'), value);
  }
  config.color ??= { mode: FieldColorModeId.Thresholds };
  config.thresholds ??= { mode: ThresholdsMode.Absolute, steps: [] };
  for (const step of config.thresholds.steps) step.value ??= Number.NEGATIVE_INFINITY;
  return config;
}

function isMatch(
  matcher: { readonly id?: string; readonly options?: string } | undefined,
  name: string,
  type: FieldType,
): boolean {
  const { id, options = '' } = matcher ?? {};
  if (id === 'byRegexp') return new RegExp(options.replace(/^\/|\/$/g, '')).test(name);
  if (id === 'byType') return options === type;
  return options === name;
}

function setPath(target: object, [key = '', ...rest]: readonly string[], value: unknown): void {
  const record = target as Record<string, unknown>;
  if (rest.length === 0) record[key] = value;
  else {
    record[key] ??= {};
    setPath(record[key] as object, rest, value);
  }
}
