import type uPlot from 'uplot';
import { formatQuantity, formatText, type Unit } from '../format/quantities.ts';
import { formatClock, formatDate } from '../format/times.ts';
import { type ChartBand, drawBand } from './chart-band.ts';
import { getColor, seriesColor } from './theme.ts';

export interface ChartSeries {
  readonly label: string;
  /** One value per time. */
  readonly values: readonly (number | null | undefined)[];
  /** Values of the period to compare with, shifted to this one. */
  readonly compared?: readonly (number | null | undefined)[] | undefined;
  /** Color variable. Default: by position. */
  readonly color?: string;
}

/** A value that should not be crossed. */
export interface Threshold {
  readonly value: number;
  readonly label: string;
  readonly kind: 'warning' | 'critical';
}

/** An event that is shown on the time axis. */
export interface ChartMark {
  readonly atMs: number;
  readonly kind: 'version' | 'restart' | 'alert';
  readonly text: string;
}

/** `stacked` adds up the series. */
export type ChartKind = 'line' | 'area' | 'stacked';

export interface ChartModel {
  readonly series: readonly ChartSeries[];
  readonly unit: Unit;
  readonly kind: ChartKind;
  readonly zone: string;
  readonly height: number;
  readonly thresholds: readonly Threshold[];
  readonly marks: readonly ChartMark[];
  readonly band?: ChartBand | undefined;
  readonly fromMs: number;
  readonly toMs: number;
}

type Values = (number | null | undefined)[];

/** Charts with the same key share the crosshair. */
const SYNC_KEY = 'view';
const AXIS_FONT = '11px Inter, ui-sans-serif, system-ui, sans-serif';
const DAY_MS = 86_400_000;
const Y_AXIS_WIDTH = 58;
const HEADROOM = 1.08;
/** A threshold this many times above the data doesn't change the scale. */
const MAX_THRESHOLD_FACTOR = 3;
const MIN_DRAG_PX = 4;
/** Distances of the ticks of bytes: powers of two, so that ticks are round numbers of KiB or MiB. */
const BYTE_INCREMENTS = Array.from({ length: 50 }, (_, exponent) => 2 ** exponent);

/** Returns uPlot's data: the times in s, the values of each series, and the values of each compared series. */
export function toData(times: readonly number[], { series, kind }: ChartModel): uPlot.AlignedData {
  const values =
    kind === 'stacked'
      ? stack(series.map((item) => item.values))
      : series.map((item) => item.values);
  const compared = series.flatMap((item) => (item.compared ? [item.compared] : []));
  return [[...times], ...values, ...compared] as unknown as uPlot.AlignedData;
}

/** Adds up values from the first series to the last. */
function stack(series: readonly (readonly (number | null | undefined)[])[]): Values[] {
  const sums: number[] = [];
  return series.map((values) =>
    values.map((value, index) => {
      sums[index] = (sums[index] ?? 0) + (value ?? 0);
      return value === undefined || value === null ? null : sums[index];
    }),
  );
}

export interface ChartEvents {
  /** Called with the start and end of a dragged range, in ms. */
  readonly onSelect: (fromMs: number, toMs: number) => void;
  /** Called with the index under the crosshair. */
  readonly onCursor: (index: number | null) => void;
}

/** Returns the options of a chart in the colors of the current theme. */
export function toOptions(
  getModel: () => ChartModel,
  width: number,
  events: ChartEvents,
): uPlot.Options {
  const model = getModel();
  const axis = {
    stroke: getColor('--faint'),
    grid: { stroke: getColor('--grid'), width: 1 },
    ticks: { show: false },
    font: AXIS_FONT,
  };
  return {
    width,
    height: model.height,
    // Wide enough at the right for half of a time.
    padding: [8, 18, 0, 0],
    legend: { show: false },
    cursor: {
      sync: {
        key: SYNC_KEY,
        setSeries: false,
        scales: ['x', null],
        // Other charts would select the dragged range too, and Back would undo only the zoom of one chart.
        filters: { pub: (type) => type === 'mousemove' || type === 'mouseleave' },
      },
      drag: { x: true, y: false, setScale: false, dist: MIN_DRAG_PX },
      points: { size: 6, width: 1.5 },
    },
    scales: {
      x: {
        time: true,
        range: () => [getModel().fromMs / 1000, getModel().toMs / 1000],
      },
      y: { range: (_chart, _min, max) => [0, topOf(getModel(), max)] },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 24,
        gap: 5,
        space: 56,
        values: (_chart, splits) => formatSplits(splits, getModel()),
      },
      {
        ...axis,
        size: Y_AXIS_WIDTH,
        gap: 6,
        space: 32,
        ...(model.unit.startsWith('By') && { incrs: BYTE_INCREMENTS }),
        values: (_chart, splits) => splits.map((value) => formatTick(value, getModel().unit)),
      },
    ],
    series: [
      {},
      ...model.series.map((item, index) => toSeries(item, index, model)),
      ...toCompared(model),
    ],
    ...(model.kind === 'stacked' && { bands: toBands(model.series.length) }),
    hooks: {
      setSelect: [
        (chart) => {
          const { left, width: selected } = chart.select;
          if (selected < MIN_DRAG_PX) return;
          const [from, to] = [left, left + selected].map((px) => 1000 * chart.posToVal(px, 'x'));
          chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          events.onSelect(from!, to!);
        },
      ],
      setCursor: [(chart) => events.onCursor(chart.cursor.idx ?? null)],
      drawAxes: [
        (chart) => drawBand(chart, getModel().band),
        (chart) => drawMarks(chart, getModel()),
      ],
      draw: [(chart) => drawThresholds(chart, getModel())],
    },
  };
}

function toSeries(item: ChartSeries, index: number, { kind }: ChartModel): uPlot.Series {
  const color = getColor(item.color ?? seriesColor(index));
  return {
    label: item.label,
    stroke: color,
    width: 1.5,
    ...(kind !== 'line' && { fill: `${color}${kind === 'stacked' ? 'b8' : '24'}` }),
    points: { show: true, size: 4, fill: color, filter: findIsolated },
  };
}

/** Faint dashed lines for the period to compare with. */
function toCompared({ series }: ChartModel): uPlot.Series[] {
  return series.flatMap((item, index) =>
    item.compared
      ? [
          {
            label: `${item.label}, earlier`,
            stroke: `${getColor(item.color ?? seriesColor(index))}90`,
            width: 1.2,
            dash: [3, 3],
            points: { show: false },
          },
        ]
      : [],
  );
}

/** Fills the area between each stacked series and the one below it. */
function toBands(count: number): uPlot.Band[] {
  return Array.from({ length: Math.max(0, count - 1) }, (_, index) => ({
    series: [index + 2, index + 1] as [number, number],
  }));
}

/** Values without neighbors would be invisible as a line. */
function findIsolated(chart: uPlot, seriesIndex: number, show: boolean): number[] | null {
  if (!show) return null;
  const values = chart.data[seriesIndex] as Values;
  const isMissing = (index: number) => values[index] === null || values[index] === undefined;
  const isolated: number[] = [];
  for (let index = 0; index < values.length; index++) {
    if (!isMissing(index) && isMissing(index - 1) && isMissing(index + 1)) isolated.push(index);
  }
  return isolated;
}

/** Upper end of the scale. It includes thresholds that are near the data. */
function topOf({ thresholds, band, unit }: ChartModel, max: number | null): number {
  const highest = Math.max(max ?? 0, 0);
  const near = thresholds
    .map(({ value }) => value)
    .filter((value) => value <= highest * MAX_THRESHOLD_FACTOR);
  const upper = band?.upper.filter((value) => typeof value === 'number') ?? [];
  const nearUpper = upper.filter((value) => value <= highest * MAX_THRESHOLD_FACTOR);
  const top = Math.max(highest, ...near, ...nearUpper);
  if (top === 0) return unit === '%' ? 100 : 1;
  return unit === '%' && top <= 100 && top > 90 ? 100 : top * HEADROOM;
}

function formatTick(value: number, unit: Unit): string {
  if (value === 0) return '0';
  const text = formatText(value, unit);
  return text.length <= 9 ? text : formatQuantity(value, unit).value;
}

function formatSplits(splits: readonly number[], { zone, fromMs, toMs }: ChartModel): string[] {
  const step = splits.length > 1 ? 1000 * (splits[1]! - splits[0]!) : 0;
  return splits.map((seconds) => {
    const ms = 1000 * seconds;
    if (step >= DAY_MS) return formatDate(ms, zone);
    const text = formatClock(ms, zone, step < 60_000);
    return toMs - fromMs > DAY_MS && text === '00:00' ? formatDate(ms, zone) : text;
  });
}

const MARK_COLORS = { version: '--series-4', restart: '--faint', alert: '--critical' } as const;
const MIN_LABEL_DISTANCE_PX = 60;
/** Space that the label of a threshold needs above its line. */
const LABEL_SPACE_PX = 16;

function drawMarks(chart: uPlot, { marks }: ChartModel): void {
  if (marks.length === 0) return;
  const { ctx, bbox } = chart;
  const pixels = devicePixelRatio;
  let lastLabel = Number.NEGATIVE_INFINITY;
  ctx.save();
  ctx.font = `${10.5 * pixels}px Inter, ui-sans-serif, system-ui, sans-serif`;
  for (const { atMs, kind, text } of marks) {
    const x = Math.round(chart.valToPos(atMs / 1000, 'x', true));
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.fillStyle = getColor(MARK_COLORS[kind]);
    ctx.globalAlpha = kind === 'version' ? 0.9 : 0.55;
    if (kind === 'version') ctx.fillRect(x, bbox.top, Math.max(1, pixels), bbox.height);
    else
      drawTriangle(ctx, x, kind === 'alert' ? bbox.top : bbox.top + bbox.height, kind === 'alert');
    ctx.globalAlpha = 1;
    if (kind !== 'version' || x - lastLabel < MIN_LABEL_DISTANCE_PX * pixels) continue;
    const { width } = ctx.measureText(text);
    const fits = x + width + 6 * pixels < bbox.left + bbox.width;
    ctx.textAlign = fits ? 'left' : 'right';
    ctx.fillText(text, x + (fits ? 5 : -5) * pixels, bbox.top + 9 * pixels);
    lastLabel = x;
  }
  ctx.restore();
}

function drawTriangle(
  ctx: CanvasRenderingContext2D,
  x: number,
  y: number,
  pointsDown: boolean,
): void {
  const size = 4 * devicePixelRatio;
  const tip = pointsDown ? y + 1.5 * size : y - 1.5 * size;
  ctx.beginPath();
  ctx.moveTo(x - size, y);
  ctx.lineTo(x + size, y);
  ctx.lineTo(x, tip);
  ctx.fill();
}

function drawThresholds(chart: uPlot, { thresholds }: ChartModel): void {
  if (thresholds.length === 0) return;
  const { ctx, bbox } = chart;
  const pixels = devicePixelRatio;
  ctx.save();
  ctx.font = `${10.5 * pixels}px Inter, ui-sans-serif, system-ui, sans-serif`;
  ctx.textAlign = 'right';
  ctx.setLineDash([5 * pixels, 4 * pixels]);
  for (const { value, label, kind } of thresholds) {
    const y = Math.round(chart.valToPos(value, 'y', true));
    if (y < bbox.top || y > bbox.top + bbox.height) continue;
    const color = getColor(`--${kind}`);
    ctx.strokeStyle = color;
    ctx.fillStyle = color;
    ctx.lineWidth = pixels;
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    const isBelow = y - bbox.top < LABEL_SPACE_PX * pixels;
    ctx.textBaseline = isBelow ? 'top' : 'bottom';
    ctx.fillText(label, bbox.left + bbox.width - 2 * pixels, y + (isBelow ? 4 : -3) * pixels);
  }
  ctx.restore();
}
