import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog';
import * as common from '@grafana/grafana-foundation-sdk/common';
import type { Panel, ThresholdsConfig } from '@grafana/grafana-foundation-sdk/dashboard';
import * as heatmaps from '@grafana/grafana-foundation-sdk/heatmap';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TableBuilder } from '@grafana/grafana-foundation-sdk/table';
import { PanelBuilder as TimeSeriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import { selectOctaves } from '../sql/heatmap-queries.ts';
import { createSqlQuery, type Format, PROMETHEUS, QUESTDB } from './data-sources.ts';
import { createNeutralThresholds } from './thresholds.ts';

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
  readonly emptyText?: string;
  /** Of 24 columns. */
  readonly width: number;
  readonly thresholds?: Builder<ThresholdsConfig> | undefined;
  readonly decimals?: number;
  /** Points of time at most. */
  readonly maxPoints?: number;
}

/** Points of a line at most: as many as a phone can show, and few enough to be quick over a month. */
export const MAX_POINTS = 200;
/**
 * Points of a panel about merged buckets: these are some thirty times as many rows, so that a day is
 * read from hours.
 */
const MAX_PERCENTILE_POINTS = 30;
const NO_DATA_TEXT = 'Nothing was measured here';

interface CommonPanelBuilder<B> {
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

function applySpec<B extends CommonPanelBuilder<B>>(
  builder: B,
  spec: PanelSpec,
  format: Format,
): B {
  const {
    title,
    description,
    unit,
    width,
    emptyText: empty = NO_DATA_TEXT,
    decimals,
    sql,
    promql,
    maxPoints: points = MAX_POINTS,
  } = spec;
  const asked = promql ?? (sql === undefined ? [] : [createSqlQuery(sql, format)]);
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

export interface TimeSeriesSpec extends PanelSpec {
  readonly stacked?: boolean;
  /** Of what happens now and then, instead of lines. */
  readonly bars?: boolean;
  /** Greatest value of the axis, for shares. */
  readonly max?: number;
}

/** Lines over time; thresholds are drawn where they are given. */
export function createTimeSeries(spec: TimeSeriesSpec): TimeSeriesBuilder {
  const { thresholds, stacked = false, bars = false, max } = spec;
  const style = thresholds
    ? common.GraphThresholdsStyleMode.Line
    : common.GraphThresholdsStyleMode.Off;
  const builder = applySpec(new TimeSeriesBuilder(), spec, 'time_series')
    .min(0)
    .drawStyle(bars ? common.GraphDrawStyle.Bars : common.GraphDrawStyle.Line)
    .lineWidth(1)
    .fillOpacity(stacked ? 40 : 10)
    .showPoints(common.VisibilityMode.Auto)
    .spanNulls(false)
    .thresholds(thresholds ?? createNeutralThresholds())
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
export function createPercentileSeries(spec: TimeSeriesSpec): TimeSeriesBuilder {
  return createTimeSeries({ maxPoints: MAX_PERCENTILE_POINTS, ...spec });
}

/** One figure of the whole range. */
export function createStat(spec: PanelSpec): StatBuilder {
  return applySpec(new StatBuilder(), spec, 'table')
    .thresholds(spec.thresholds ?? createNeutralThresholds())
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

export function createTable(spec: TableSpec): TableBuilder {
  const { units = {}, links = {} } = spec;
  const builder = applySpec(new TableBuilder(), spec, 'table')
    .thresholds(spec.thresholds ?? createNeutralThresholds())
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
export function createHeatmap(spec: PanelSpec & { readonly sql: string }): heatmaps.PanelBuilder {
  const asked = { maxPoints: MAX_PERCENTILE_POINTS, ...spec, sql: selectOctaves(spec.sql) };
  return applySpec(new heatmaps.PanelBuilder(), asked, 'time_series')
    .thresholds(createNeutralThresholds())
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
