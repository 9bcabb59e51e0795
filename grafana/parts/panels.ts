import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog';
import * as common from '@grafana/grafana-foundation-sdk/common';
import type {
  DynamicConfigValue,
  Panel,
  ThresholdsConfig,
  ValueMapping,
} from '@grafana/grafana-foundation-sdk/dashboard';
import * as heatmaps from '@grafana/grafana-foundation-sdk/heatmap';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as StateTimelineBuilder } from '@grafana/grafana-foundation-sdk/statetimeline';
import { PanelBuilder as TimeSeriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import { selectOctaves } from '../sql/heatmap-queries.ts';
import { RATE_UNITS } from '../sql/rate-queries.ts';
import { createSqlQuery, type Format, PROMETHEUS, QUESTDB } from './data-sources.ts';
import { createNeutralThresholds } from './thresholds.ts';
import { toNoDataMapping, toTextMapping } from './value-mappings.ts';

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
  datasource(ref: { type: string; uid: string }): B;
  targets(targets: Builder<Dataquery>[]): B;
  maxDataPoints(count: number): B;
  interval(name: string): B;
  decimals(digits: number): B;
}

export function applySpec<B extends CommonPanelBuilder<B>>(
  builder: B,
  spec: PanelSpec,
  format: Format,
): B {
  const { title, description, unit, width, decimals, sql, promql, maxPoints = MAX_POINTS } = spec;
  const queries = promql ?? (sql === undefined ? [] : [createSqlQuery(sql, format)]);
  const panel = builder
    .targets([...queries])
    .title(title)
    .description(description)
    .unit(unit)
    .span(width)
    .datasource(promql ? PROMETHEUS : QUESTDB)
    .maxDataPoints(maxPoints)
    // The minimum interval for Prometheus is its scrape interval.
    .interval(promql ? '15s' : '$interval');
  return decimals === undefined ? panel : panel.decimals(decimals);
}

/** How one line of a chart differs from the others. */
interface LineStyle {
  readonly color: string;
  /** Draws a dashed line above a stack, instead of a part of the stack. */
  readonly isLimit?: boolean;
}

export interface TimeSeriesSpec extends PanelSpec {
  readonly stacked?: boolean;
  /** Draws bars instead of lines, for events that occur rarely. */
  readonly bars?: boolean;
  /** Draws steps, for values that remain valid until they change. */
  readonly steps?: boolean;
  /** Default: the axis starts at 0. */
  readonly canBeNegative?: boolean;
  /** Maximum of the axis, for percentages. */
  readonly max?: number;
  /** Styles of lines, by name. */
  readonly lines?: Readonly<Record<string, LineStyle>>;
  readonly mappings?: readonly ValueMapping[];
}

/** Creates a chart with lines or bars over time. Draws `thresholds` as horizontal lines. */
export function createTimeSeries(spec: TimeSeriesSpec): TimeSeriesBuilder {
  const { thresholds, stacked = false, bars = false, steps = false, max, lines = {} } = spec;
  const style = thresholds
    ? common.GraphThresholdsStyleMode.Line
    : common.GraphThresholdsStyleMode.Off;
  const builder = applySpec(new TimeSeriesBuilder(), spec, 'time_series')
    .drawStyle(bars ? common.GraphDrawStyle.Bars : common.GraphDrawStyle.Line)
    .lineInterpolation(steps ? common.LineInterpolation.StepAfter : common.LineInterpolation.Linear)
    .lineWidth(1)
    .fillOpacity(stacked ? 40 : 10)
    .showPoints(common.VisibilityMode.Auto)
    .spanNulls(steps)
    .thresholds(thresholds ?? createNeutralThresholds())
    .thresholdsStyle(new common.GraphThresholdsStyleConfigBuilder().mode(style))
    .stacking(
      new common.StackingConfigBuilder().mode(
        stacked ? common.StackingMode.Normal : common.StackingMode.None,
      ),
    )
    .legend(createLegend())
    .tooltip(
      new common.VizTooltipOptionsBuilder()
        .mode(common.TooltipDisplayMode.Multi)
        .sort(common.SortOrder.Descending),
    );
  for (const [name, line] of Object.entries(lines)) {
    builder.overrideByName(name, toLineProperties(line));
  }
  if (!spec.canBeNegative) builder.min(0);
  if (spec.mappings) builder.mappings([...spec.mappings]);
  return max === undefined ? builder : builder.max(max);
}

function toLineProperties({ color, isLimit = false }: LineStyle): DynamicConfigValue[] {
  const colorProperty = { id: 'color', value: { mode: 'fixed', fixedColor: color } };
  if (!isLimit) return [colorProperty];
  return [
    colorProperty,
    { id: 'custom.stacking', value: { mode: 'none', group: 'A' } },
    { id: 'custom.fillOpacity', value: 0 },
    { id: 'custom.lineStyle', value: { fill: 'dash', dash: [6, 6] } },
  ];
}

const createLegend = () =>
  new common.VizLegendOptionsBuilder()
    .showLegend(true)
    .displayMode(common.LegendDisplayMode.List)
    .placement(common.LegendPlacement.Bottom)
    .calcs([]);

/** Creates a chart of values that are computed from histogram buckets, such as percentiles. */
export function createPercentileSeries(spec: TimeSeriesSpec): TimeSeriesBuilder {
  return createTimeSeries({ maxPoints: MAX_PERCENTILE_POINTS, ...spec });
}

export interface StateTimelineSpec extends PanelSpec {
  /** The states with their stored values and colors. */
  readonly states: readonly {
    readonly value: number;
    readonly text: string;
    readonly color: string;
  }[];
}

/** Creates a chart with one colored bar for each object. Unlike a line, a bar has no values between two states. */
export function createStateTimeline(spec: StateTimelineSpec): StateTimelineBuilder {
  const states = Object.fromEntries(spec.states.map(({ value, ...state }) => [value, state]));
  return applySpec(new StateTimelineBuilder(), spec, 'time_series')
    .thresholds(createNeutralThresholds())
    .mappings([toTextMapping(states)])
    .mergeValues(true)
    .showValue(common.VisibilityMode.Never)
    .rowHeight(0.8)
    .fillOpacity(70)
    .spanNulls(false)
    .legend(createLegend())
    .tooltip(new common.VizTooltipOptionsBuilder().mode(common.TooltipDisplayMode.Single));
}

export interface StatSpec extends PanelSpec {
  /** Text to show if there is no data. */
  readonly emptyText?: string;
}

/** Creates a panel that shows one value for the whole time range. A missing value is gray. */
export function createStat(spec: StatSpec): StatBuilder {
  return createStatBuilder(spec, 'table');
}

function createStatBuilder(spec: StatSpec, format: Format): StatBuilder {
  const { emptyText = NO_DATA_TEXT } = spec;
  return applySpec(new StatBuilder(), spec, format)
    .noValue(emptyText)
    .mappings([toNoDataMapping(emptyText)])
    .thresholds(spec.thresholds ?? createNeutralThresholds())
    .colorMode(common.BigValueColorMode.Value)
    .graphMode(common.BigValueGraphMode.None)
    .textMode(common.BigValueTextMode.Auto)
    .reduceOptions(new common.ReduceDataOptionsBuilder().calcs(['lastNotNull']).values(false));
}

/**
 * Creates a panel that shows a rate per second, minute, or day. `sql` must be from `selectReadableRate`.
 *
 * @param noun what is counted, for example `req`
 */
export function createRateStat(spec: Omit<StatSpec, 'unit'> & { noun: string }): StatBuilder {
  const { noun, ...rest } = spec;
  const builder = createStatBuilder(
    { decimals: 1, ...rest, unit: 'short' },
    'time_series',
  ).textMode(common.BigValueTextMode.Value);
  for (const { name, symbol } of RATE_UNITS) {
    builder.overrideByName(name, [{ id: 'unit', value: `suffix:${noun}/${symbol}` }]);
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
