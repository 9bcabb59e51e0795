import type { TargetedPointerEvent } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { formatText, type Unit } from '../format/quantities.ts';
import { formatDateTime, toZoneName } from '../format/times.ts';
import { zoneChoice } from '../url/view-state.ts';
import { getColor, theme } from './theme.ts';

/** Counts of values by time and value. */
interface Distribution {
  /** Starts of the time buckets, in ms since the epoch, ascending. */
  readonly timesMs: readonly number[];
  /** Upper bounds of the value buckets, ascending. */
  readonly uppers: readonly number[];
  readonly cells: readonly (readonly [
    time: number,
    upper: number,
    count: number,
    errors: number,
  ])[];
}

/** A part of a heatmap. */
export interface Selection {
  readonly fromMs: number;
  readonly toMs: number;
  readonly min: number;
  readonly max: number;
}

export interface HeatmapProps {
  readonly label: string;
  readonly distribution: Distribution;
  readonly unit: Unit;
  readonly fromMs: number;
  readonly toMs: number;
  /** Length of a time bucket, in ms. */
  readonly stepMs: number;
  readonly height?: number;
  readonly selection?: Selection | undefined;
  /** Plural of what is counted, such as `requests`. */
  readonly noun: string;
  /** Says what dragging a rectangle does. */
  readonly hint: string;
  /** Called when the user drags a rectangle. */
  readonly onSelect: (selection: Selection) => void;
}

interface Point {
  readonly x: number;
  readonly y: number;
}

const AXIS_WIDTH = 58;
const AXIS_HEIGHT = 24;
const MIN_DRAG_PX = 4;
const MAX_LABELS = 5;

/** A latency heatmap: time from left to right, latency from bottom to top, and darker cells for more requests. */
export function Heatmap(props: HeatmapProps) {
  const { label, distribution, height = 190 } = props;
  const canvas = useRef<HTMLCanvasElement>(null);
  const [width, setWidth] = useState(0);
  const [start, setStart] = useState<Point>();
  const [pointer, setPointer] = useState<Point>();
  useEffect(() => {
    const element = canvas.current!;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const layout = new HeatmapLayout(props, width, height);
  const dragged = start && pointer ? layout.toSelection(start, pointer) : undefined;
  useEffect(() => {
    if (width > 0) draw(canvas.current!, layout, props, dragged ?? props.selection);
  }, [
    width,
    height,
    distribution,
    props.fromMs,
    props.toMs,
    theme.value,
    start,
    pointer,
    props.selection,
  ]);
  const toPoint = (event: TargetedPointerEvent<HTMLCanvasElement>): Point => ({
    x: event.offsetX,
    y: event.offsetY,
  });
  const finish = (end: Point) => {
    if (start && Math.hypot(end.x - start.x, end.y - start.y) >= MIN_DRAG_PX) {
      props.onSelect(layout.toSelection(start, end));
    }
    setStart(undefined);
  };
  const total = distribution.cells.reduce((sum, [, , count]) => sum + count, 0);
  return (
    <div class="chart heatmap">
      <canvas
        ref={canvas}
        role="img"
        aria-label={`${label}. ${formatText(total)} ${props.noun}.`}
        style={{ height: `${height}px`, touchAction: 'pan-y' }}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          setStart(toPoint(event));
        }}
        onPointerMove={(event) => setPointer(toPoint(event))}
        onPointerUp={(event) => finish(toPoint(event))}
        onPointerCancel={() => setStart(undefined)}
        onPointerLeave={() => setPointer(undefined)}
      />
      <div class="chart-legend">
        <span class="faint">{layout.describe(pointer, dragged) ?? props.hint}</span>
      </div>
    </div>
  );
}

/** Maps times and values to pixels. Values have a logarithmic scale, like their buckets. */
class HeatmapLayout {
  readonly #props: HeatmapProps;
  readonly plotWidth: number;
  readonly plotHeight: number;

  constructor(props: HeatmapProps, width: number, height: number) {
    this.#props = props;
    this.plotWidth = Math.max(1, width - AXIS_WIDTH - 6);
    this.plotHeight = height - AXIS_HEIGHT - 4;
  }

  get rowHeight(): number {
    return this.plotHeight / Math.max(1, this.#props.distribution.uppers.length);
  }

  timeToX(ms: number): number {
    const { fromMs, toMs } = this.#props;
    return AXIS_WIDTH + ((ms - fromMs) / (toMs - fromMs)) * this.plotWidth;
  }

  rowToY(row: number): number {
    return 4 + this.plotHeight - (row + 1) * this.rowHeight;
  }

  /** Returns the row and the time bucket at a point. */
  locate({ x, y }: Point): { row: number; ms: number } {
    const { fromMs, toMs, distribution } = this.#props;
    const row = Math.floor((4 + this.plotHeight - y) / this.rowHeight);
    const share = Math.min(1, Math.max(0, (x - AXIS_WIDTH) / this.plotWidth));
    return {
      row: Math.min(distribution.uppers.length - 1, Math.max(0, row)),
      ms: fromMs + share * (toMs - fromMs),
    };
  }

  toSelection(a: Point, b: Point): Selection {
    const { uppers } = this.#props.distribution;
    const [first, second] = [this.locate(a), this.locate(b)];
    const [low, high] = [Math.min(first.row, second.row), Math.max(first.row, second.row)];
    return {
      fromMs: Math.round(Math.min(first.ms, second.ms)),
      toMs: Math.round(Math.max(first.ms, second.ms)),
      min: low === 0 ? 0 : (uppers[low - 1] ?? 0),
      max: uppers[high] ?? 0,
    };
  }

  /** Describes the selected rectangle, or the cell under the pointer. */
  describe(pointer: Point | undefined, selection: Selection | undefined): string | undefined {
    const { unit, distribution, stepMs, noun } = this.#props;
    if (selection) {
      const sum = distribution.cells.reduce((total, [time, row, count]) => {
        const at = distribution.timesMs[time]! + stepMs / 2;
        const upper = distribution.uppers[row]!;
        const isInside =
          at >= selection.fromMs &&
          at <= selection.toMs &&
          upper > selection.min &&
          upper <= selection.max;
        return isInside ? total + count : total;
      }, 0);
      return `${formatText(sum)} ${noun}, ${formatText(selection.min, unit)} to ${formatText(selection.max, unit)}`;
    }
    if (!pointer) return undefined;
    const { row, ms } = this.locate(pointer);
    const time = distribution.timesMs.findLastIndex((start) => start <= ms);
    const cell = distribution.cells.find(([t, u]) => t === time && u === row);
    const [, , count = 0, errors = 0] = cell ?? [];
    const low = row === 0 ? 0 : distribution.uppers[row - 1];
    const values = `${formatText(low, unit)} to ${formatText(distribution.uppers[row], unit)}`;
    const when = formatDateTime(ms, toZoneName(zoneChoice.value));
    return `${when} · ${values} · ${formatText(count)} ${noun}${errors > 0 ? `, ${formatText(errors)} failed` : ''}`;
  }
}

function draw(
  canvas: HTMLCanvasElement,
  layout: HeatmapLayout,
  props: HeatmapProps,
  selection: Selection | undefined,
): void {
  const { distribution, stepMs, unit, fromMs, toMs } = props;
  const pixels = devicePixelRatio;
  canvas.width = canvas.clientWidth * pixels;
  canvas.height = canvas.clientHeight * pixels;
  const ctx = canvas.getContext('2d')!;
  ctx.scale(pixels, pixels);
  const max = Math.max(1, ...distribution.cells.map(([, , count]) => count));
  const heat = getColor('--heat');
  const gap = layout.rowHeight > 4 ? 1 : 0;
  for (const [time, row, count] of distribution.cells) {
    const x = Math.max(AXIS_WIDTH, layout.timeToX(distribution.timesMs[time]!));
    const end = layout.timeToX(distribution.timesMs[time]! + stepMs);
    // The square root keeps rare slow requests visible.
    ctx.fillStyle = `rgb(${heat} / ${(0.14 + 0.86 * Math.sqrt(count / max)).toFixed(3)})`;
    ctx.fillRect(
      x,
      layout.rowToY(row),
      Math.max(1, end - x - gap),
      Math.max(1, layout.rowHeight - gap),
    );
  }
  ctx.fillStyle = getColor('--faint');
  ctx.font = '11px Inter, ui-sans-serif, system-ui, sans-serif';
  ctx.textAlign = 'right';
  const rows = distribution.uppers.length;
  const every = Math.max(1, Math.ceil(rows / MAX_LABELS));
  for (let row = 0; row < rows; row += every) {
    ctx.fillText(
      formatText(distribution.uppers[row], unit),
      AXIS_WIDTH - 8,
      layout.rowToY(row) + layout.rowHeight / 2 + 4,
    );
  }
  ctx.textAlign = 'center';
  const zone = toZoneName(zoneChoice.value);
  for (let part = 0; part < 4; part++) {
    const ms = fromMs + ((part + 0.5) / 4) * (toMs - fromMs);
    const text = formatDateTime(ms, zone).split(', ')[toMs - fromMs > 2 * 86_400_000 ? 0 : 1]!;
    ctx.fillText(text, layout.timeToX(ms), canvas.clientHeight - 7);
  }
  if (selection) drawSelection(ctx, layout, props, selection);
}

function drawSelection(
  ctx: CanvasRenderingContext2D,
  layout: HeatmapLayout,
  { distribution }: HeatmapProps,
  { fromMs, toMs, min, max }: Selection,
): void {
  const { uppers } = distribution;
  const low = min === 0 ? 0 : uppers.findIndex((upper) => upper > min);
  const high = uppers.findLastIndex((upper) => upper <= max);
  const top = layout.rowToY(Math.max(high, low));
  const bottom = layout.rowToY(low) + layout.rowHeight;
  ctx.strokeStyle = getColor('--text');
  ctx.lineWidth = 1;
  ctx.setLineDash([4, 3]);
  ctx.strokeRect(
    layout.timeToX(fromMs),
    top,
    layout.timeToX(toMs) - layout.timeToX(fromMs),
    bottom - top,
  );
}
