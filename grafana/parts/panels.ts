import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog';
import * as common from '@grafana/grafana-foundation-sdk/common';
import type { Panel, ThresholdsConfig } from '@grafana/grafana-foundation-sdk/dashboard';
import * as heatmaps from '@grafana/grafana-foundation-sdk/heatmap';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TableBuilder } from '@grafana/grafana-foundation-sdk/table';
import { PanelBuilder as TimeSeriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import { octaves } from '../sql/heatmap.ts';
import { type Format, PROMETHEUS, QUESTDB, sqlQuery } from './data.ts';
import { PLAIN } from './thresholds.ts';

export interface PanelSpec {
  readonly title: string;
  /** What is shown, and what is left out. */
  readonly description: string;
  /** Grafana's name of the unit. */
  readonly unit: string;
  /** Asks QuestDB. */
  readonly sql?: string;
  /** Asks Prometheus instead. */
  readonly promql?: readonly Builder<Dataquery>[];
  /** What stands there when there is nothing to show. */
  readonly empty?: string;
  /** Of 24 columns. */
  readonly width: number;
  readonly thresholds?: Builder<ThresholdsConfig> | undefined;
  readonly decimals?: number;
  /** Points of time at most. */
  readonly points?: number;
}

/** Points of a line at most: as many as a phone can show, and few enough to be quick over a month. */
export const MOST_POINTS = 200;
/**
 * Points of a panel about merged buckets: these are some thirty times as many rows, so that a day is
 * read from hours.
 */
const SPREAD_POINTS = 30;
const NOTHING_YET = 'Nothing was measured here';

interface Common<B> {
  title(title: string): B;
  description(text: string): B;
  unit(unit: string): B;
  span(width: number): B;
  noValue(text: string): B;
  datasource(ref: { type: string; uid: string }): B;
  targets(targets: Builder<Dataquery>[]): B;
  maxDataPoints(most: number): B;
  interval(name: string): B;
  decimals(digits: number): B;
}

function described<B extends Common<B>>(builder: B, spec: PanelSpec, format: Format): B {
  const {
    title,
    description,
    unit,
    width,
    empty = NOTHING_YET,
    decimals,
    sql,
    promql,
    points = MOST_POINTS,
  } = spec;
  const asked = promql ?? (sql === undefined ? [] : [sqlQuery(sql, format)]);
  const panel = builder
    .targets([...asked])
    .title(title)
    .description(description)
    .unit(unit)
    .span(width)
    .noValue(empty)
    .datasource(promql ? PROMETHEUS : QUESTDB)
    .maxDataPoints(points)
    // Prometheus has an interval of its own: that of its scrapes.
    .interval(promql ? '15s' : '$interval');
  return decimals === undefined ? panel : panel.decimals(decimals);
}

export interface LinesSpec extends PanelSpec {
  readonly stacked?: boolean;
  /** Of what happens now and then, instead of lines. */
  readonly bars?: boolean;
  /** Greatest value of the axis, for shares. */
  readonly max?: number;
}

/** Lines over time; thresholds are drawn where they are given. */
export function lines(spec: LinesSpec): TimeSeriesBuilder {
  const { thresholds, stacked = false, bars = false, max } = spec;
  const style = thresholds
    ? common.GraphThresholdsStyleMode.Line
    : common.GraphThresholdsStyleMode.Off;
  const builder = described(new TimeSeriesBuilder(), spec, 'time_series')
    .min(0)
    .drawStyle(bars ? common.GraphDrawStyle.Bars : common.GraphDrawStyle.Line)
    .lineWidth(1)
    .fillOpacity(stacked ? 40 : 10)
    .showPoints(common.VisibilityMode.Auto)
    .spanNulls(false)
    .thresholds(thresholds ?? PLAIN())
    .thresholdsStyle(new common.GraphThresholdsStyleConfigBuilder().mode(style))
    .stacking(
      new common.StackingConfigBuilder().mode(
        stacked ? common.StackingMode.Normal : common.StackingMode.None,
      ),
    )
    .legend(
      new common.VizLegendOptionsBuilder()
        .showLegend(true)
        .displayMode(common.LegendDisplayMode.List)
        .placement(common.LegendPlacement.Bottom)
        .calcs([]),
    )
    .tooltip(
      new common.VizTooltipOptionsBuilder()
        .mode(common.TooltipDisplayMode.Multi)
        .sort(common.SortOrder.Descending),
    );
  return max === undefined ? builder : builder.max(max);
}

/** Lines of percentiles over time. */
export function spreadLines(spec: LinesSpec): TimeSeriesBuilder {
  return lines({ points: SPREAD_POINTS, ...spec });
}

/** One figure of the whole range. */
export function stat(spec: PanelSpec): StatBuilder {
  return described(new StatBuilder(), spec, 'table')
    .thresholds(spec.thresholds ?? PLAIN())
    .colorMode(common.BigValueColorMode.Value)
    .graphMode(common.BigValueGraphMode.None)
    .textMode(common.BigValueTextMode.Auto)
    .reduceOptions(new common.ReduceDataOptionsBuilder().calcs(['lastNotNull']).values(false));
}

export interface TableSpec extends PanelSpec {
  /** Units of columns that have another one than the panel. */
  readonly units?: Readonly<Record<string, string>>;
  /** Columns whose text leads to another dashboard: address by the column's name. */
  readonly links?: Readonly<Record<string, { title: string; url: string }>>;
}

export function table(spec: TableSpec): TableBuilder {
  const { units = {}, links = {} } = spec;
  const builder = described(new TableBuilder(), spec, 'table')
    .thresholds(spec.thresholds ?? PLAIN())
    .filterable(true);
  for (const [name, unit] of Object.entries(units)) {
    builder.overrideByName(name, [{ id: 'unit', value: unit }]);
  }
  for (const [name, link] of Object.entries(links)) {
    builder.overrideByName(name, [{ id: 'links', value: [link] }]);
  }
  return builder;
}

/** How durations are spread over time. `sql` gives `time`, `bucket_upper` (ms) and `count`. */
export function heatmap(spec: PanelSpec & { readonly sql: string }): heatmaps.PanelBuilder {
  const asked = { points: SPREAD_POINTS, ...spec, sql: octaves(spec.sql) };
  return described(new heatmaps.PanelBuilder(), asked, 'time_series')
    .thresholds(PLAIN())
    .calculate(false)
    .color(
      new heatmaps.HeatmapColorOptionsBuilder()
        .mode(heatmaps.HeatmapColorMode.Scheme)
        .scheme('Spectral')
        .fill('dark-orange')
        .scale(heatmaps.HeatmapColorScale.Exponential)
        .exponent(0.5)
        .steps(64)
        .reverse(false),
    )
    .filterValues(new heatmaps.FilterValueRangeBuilder().le(1e-9))
    .rowsFrame(new heatmaps.RowsHeatmapOptionsBuilder().layout(common.HeatmapCellLayout.Le))
    .cellGap(1)
    .showLegend();
}

export type AnyPanel = Builder<Panel>;
