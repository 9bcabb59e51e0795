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
  /** Explains the panel, including any excluded data. */
  readonly description: string;
  /** Grafana's identifier of the unit. */
  readonly unit: string;
  /** Query for QuestDB. */
  readonly sql?: string;
  /** Queries for Prometheus, used instead of `sql`. */
  readonly promql?: readonly Builder<Dataquery>[];
  /** Text to show if there is no data. */
  readonly emptyText?: string;
  /** Width in grid columns. A row has 24. */
  readonly width: number;
  readonly thresholds?: Builder<ThresholdsConfig> | undefined;
  readonly decimals?: number;
  /** Maximum number of points per series. Default: `MAX_POINTS`. */
  readonly maxPoints?: number;
}

/** Maximum number of points per line: enough for a phone screen, and still fast over a month. */
export const MAX_POINTS = 200;
/**
 * Maximum number of points per line in panels that merge histogram buckets. Each point needs about
 * 30 times as many rows. With this limit, a range of one day is read from the hourly roll-up.
 */
const MAX_PERCENTILE_POINTS = 30;
const NO_DATA_TEXT = 'No data in this time range';

interface CommonPanelBuilder<B> {
  title(title: string): B;
  description(text: string): B;
  unit(unit: string): B;
  span(width: number): B;
  noValue(text: string): B;
  datasource(ref: { type: string; uid: string }): B;
  targets(targets: Builder<Dataquery>[]): B;
  maxDataPoints(count: number): B;
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
    emptyText = NO_DATA_TEXT,
    decimals,
    sql,
    promql,
    maxPoints = MAX_POINTS,
  } = spec;
  const queries = promql ?? (sql === undefined ? [] : [createSqlQuery(sql, format)]);
  const panel = builder
    .targets([...queries])
    .title(title)
    .description(description)
    .unit(unit)
    .span(width)
    .noValue(emptyText)
    .datasource(promql ? PROMETHEUS : QUESTDB)
    .maxDataPoints(maxPoints)
    // The minimum interval for Prometheus is its scrape interval.
    .interval(promql ? '15s' : '$interval');
  return decimals === undefined ? panel : panel.decimals(decimals);
}

export interface TimeSeriesSpec extends PanelSpec {
  readonly stacked?: boolean;
  /** Draws bars instead of lines, for events that occur rarely. */
  readonly bars?: boolean;
  /** Maximum of the axis, for percentages. */
  readonly max?: number;
}

/** Creates a chart with lines or bars over time. Draws `thresholds` as horizontal lines. */
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

/** Creates a chart of percentiles over time. */
export function createPercentileSeries(spec: TimeSeriesSpec): TimeSeriesBuilder {
  return createTimeSeries({ maxPoints: MAX_PERCENTILE_POINTS, ...spec });
}

/** Creates a panel that shows one value for the whole time range. */
export function createStat(spec: PanelSpec): StatBuilder {
  return applySpec(new StatBuilder(), spec, 'table')
    .thresholds(spec.thresholds ?? createNeutralThresholds())
    .colorMode(common.BigValueColorMode.Value)
    .graphMode(common.BigValueGraphMode.None)
    .textMode(common.BigValueTextMode.Auto)
    .reduceOptions(new common.ReduceDataOptionsBuilder().calcs(['lastNotNull']).values(false));
}

export interface TableSpec extends PanelSpec {
  /** Units of columns that differ from the panel's unit. */
  readonly units?: Readonly<Record<string, string>>;
  /** Links to other dashboards, by column name. */
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

/** Creates a heatmap of durations over time. `sql` must return `time`, `bucket_upper` (ms), and `count`. */
export function createHeatmap(spec: PanelSpec & { readonly sql: string }): heatmaps.PanelBuilder {
  const heatmapSpec = { maxPoints: MAX_PERCENTILE_POINTS, ...spec, sql: selectOctaves(spec.sql) };
  return applySpec(new heatmaps.PanelBuilder(), heatmapSpec, 'time_series')
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
