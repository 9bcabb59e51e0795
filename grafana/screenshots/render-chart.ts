import * as echarts from 'echarts';
import type { QueryResult } from '../../test/support/check-dashboards.ts';
import type { PanelJson } from '../../test/support/dashboard-json.ts';
import { formatValue } from './format-value.ts';

export interface Size {
  readonly width: number;
  readonly height: number;
}

const TEXT_COLOR = '#a5a9b4';
const LINE_COLOR = '#2c3038';
/** Hex values of Grafana's color names in the dark theme. */
export const COLORS: Readonly<Record<string, string>> = {
  green: '#73bf69',
  yellow: '#fade2a',
  orange: '#ff9830',
  'semi-dark-orange': '#ff780a',
  red: '#f2495c',
  blue: '#5794f2',
};
const PALETTE = [
  ...['#73bf69', '#fade2a', '#5794f2', '#ff9830', '#f2495c', '#b877d9'],
  ...['#8ab8ff', '#96d98d', '#ffcb7d', '#ffa6b0'],
];
/** Maximum length of the legend's line, in characters. */
const MAX_LEGEND_LENGTH = 64;
const MAX_NAME_LENGTH = 26;

/** Renders a time series panel as SVG. */
export function renderTimeSeries(
  panel: PanelJson,
  { columns, rows }: QueryResult,
  size: Size,
): string {
  const names = columns.includes('metric')
    ? [...new Set(rows.map(({ metric }) => String(metric)))]
    : columns.slice(1);
  const { stacking, drawStyle } = panel.fieldConfig.defaults.custom ?? {};
  const bars = drawStyle === 'bars';
  // ECharts can't stack bars of series with different timestamps.
  const stacked = stacking?.mode === 'normal' && !bars;
  const pointsOf = (name: string) =>
    columns.includes('metric')
      ? rows.filter(({ metric }) => metric === name).map(({ time, value }) => [time, value])
      : rows.map((row) => [row.time, row[name]]);
  const limits = (panel.fieldConfig.defaults.thresholds?.steps ?? []).filter(
    ({ value }) => value !== null,
  );
  const maxValue = Math.max(
    0,
    ...names.flatMap((name) => pointsOf(name).map(([, y]) => Number(y))),
  );
  const visibleLimits = limits.filter(({ value }) => Number(value) <= 1.5 * maxValue);
  const { unit = 'short' } = panel.fieldConfig.defaults;
  return renderSvg(size, {
    color: PALETTE,
    legend: {
      bottom: 0,
      left: 8,
      itemGap: 18,
      icon: 'roundRect',
      itemWidth: 10,
      itemHeight: 3,
      padding: 2,
      textStyle: { color: TEXT_COLOR, fontSize: 10 },
      data: getLegend(names),
      formatter: (name: string) => shortenName(name),
    },
    xAxis: createTimeAxis(),
    yAxis: {
      type: 'value',
      min: 0,
      splitNumber: 4,
      axisLabel: {
        color: TEXT_COLOR,
        fontSize: 10,
        formatter: (y: number) => formatValue(y, unit),
      },
      splitLine: { lineStyle: { color: LINE_COLOR } },
    },
    series: names.map((name, i) => ({
      name,
      type: drawStyle === 'bars' ? 'bar' : 'line',
      showSymbol: rows.length < 4,
      symbolSize: 4,
      data: pointsOf(name) as never,
      lineStyle: { width: 1.2 },
      ...(stacked && { stack: 'all' }),
      areaStyle: { opacity: stacked ? 0.4 : 0.08 },
      ...(i === 0 && {
        markLine: {
          silent: true,
          symbol: 'none',
          label: { show: false },
          data: visibleLimits.map(({ value, color }) => ({
            yAxis: Number(value),
            lineStyle: { color: COLORS[color] ?? color },
          })),
        },
      }),
    })),
  });
}

/** Renders a heatmap panel as SVG. */
export function renderHeatmap({ columns, rows }: QueryResult, size: Size): string {
  const bounds = columns.slice(1);
  const used = bounds.filter((bound) => rows.some((row) => Number(row[bound]) > 0));
  const first = bounds.indexOf(used[0] ?? '');
  const last = bounds.indexOf(used.at(-1) ?? '');
  const visibleBounds = bounds.slice(Math.max(0, first), last + 1);
  const cells = rows.flatMap((row, x) =>
    visibleBounds.flatMap((bound, y) =>
      Number(row[bound]) > 0 ? [[x, y, Number(row[bound])]] : [],
    ),
  );
  const maxColor = Math.max(1, ...cells.map(([, , count]) => Math.sqrt(count!)));
  const formatTime = (time: unknown) => (time as Date).toISOString().slice(11, 16);
  return renderSvg(size, {
    xAxis: {
      type: 'category',
      data: rows.map(({ time }) => formatTime(time)),
      axisLabel: { color: TEXT_COLOR, fontSize: 10 },
    },
    yAxis: {
      type: 'category',
      data: visibleBounds,
      axisLabel: { color: TEXT_COLOR, fontSize: 10 },
    },
    visualMap: {
      show: false,
      min: 0,
      max: maxColor,
      dimension: 2,
      inRange: { color: ['#3b2b6d', '#8b3a8b', '#e0555f', '#f9a03f', '#fbe870'] },
    },
    series: [{ type: 'heatmap', data: cells.map(([x, y, count]) => [x!, y!, Math.sqrt(count!)]) }],
  });
}

/** Returns the names that fit into one line. */
function getLegend(names: readonly string[]): string[] {
  let used = 0;
  return names.filter((name) => {
    used += shortenName(name).length + 4;
    return used <= MAX_LEGEND_LENGTH;
  });
}

/** Shortens a name at the start, because long names usually differ at the end. */
function shortenName(name: string): string {
  return name.length > MAX_NAME_LENGTH ? `…${name.slice(1 - MAX_NAME_LENGTH)}` : name;
}

function createTimeAxis() {
  return {
    type: 'time' as const,
    axisLabel: { color: TEXT_COLOR, fontSize: 10, hideOverlap: true },
    axisLine: { lineStyle: { color: LINE_COLOR } },
    splitNumber: 4,
  };
}

function renderSvg({ width, height }: Size, option: echarts.EChartsCoreOption): string {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width, height });
  const grid = { left: 8, right: 12, top: 8, bottom: option.legend ? 24 : 6, containLabel: true };
  chart.setOption({ animation: false, grid, ...option });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}
