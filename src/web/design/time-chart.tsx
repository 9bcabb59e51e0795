import type { TargetedKeyboardEvent } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import { formatText, type Unit } from '../format/quantities.ts';
import { formatDateTime, toZoneName } from '../format/times.ts';
import { toFixedRange } from '../url/time-range.ts';
import { setRange, zoneChoice } from '../url/view-state.ts';
import type { ChartBand } from './chart-band.ts';
import {
  type ChartKind,
  type ChartMark,
  type ChartModel,
  type ChartSeries,
  type Threshold,
  toData,
  toOptions,
} from './chart-options.ts';
import { seriesColor, theme } from './theme.ts';

export interface TimeChartProps {
  /** Describes the chart for screen readers. */
  readonly label: string;
  /** Times of the values, in s since the epoch, ascending. */
  readonly times: readonly number[];
  readonly series: readonly ChartSeries[];
  readonly unit: Unit;
  readonly fromMs: number;
  readonly toMs: number;
  readonly kind?: ChartKind;
  /** Height of the plot with its time axis, in px. @default 190 */
  readonly height?: number;
  readonly thresholds?: readonly Threshold[];
  readonly marks?: readonly ChartMark[];
  /** Normal values, drawn behind the series. */
  readonly band?: ChartBand | undefined;
  /** Called when the user drags a range. Default: sets the range of the page. */
  readonly onSelect?: (fromMs: number, toMs: number) => void;
  readonly hasLegend?: boolean;
}

const NO_MARKS: readonly ChartMark[] = [];
const NO_THRESHOLDS: readonly Threshold[] = [];
const DEFAULT_HEIGHT = 190;
/** Height of the legend of a chart, in px. It never changes, so that neither values nor the crosshair move content. */
export const LEGEND_HEIGHT = 40;
/** Distance at which the legend shows the text of a mark, in parts of the range. */
const MARK_DISTANCE = 0.012;

/**
 * A chart of values over time. All charts of a view share the crosshair. Dragging zooms the page. The keyboard moves
 * the crosshair with the arrow keys, and zooms with `+` and `-`.
 */
export function TimeChart(props: TimeChartProps) {
  const { label, times, series, unit, height = DEFAULT_HEIGHT, kind = 'line' } = props;
  const container = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | undefined>(undefined);
  const [cursor, setCursor] = useState<number | null>(null);
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const zone = toZoneName(zoneChoice.value);
  const visible = useMemo(() => series.filter((item) => !hidden.has(item.label)), [series, hidden]);
  const model: ChartModel = {
    series: visible.map((item) => ({
      ...item,
      color: item.color ?? seriesColor(series.indexOf(item)),
    })),
    unit,
    kind,
    zone,
    height,
    thresholds: props.thresholds ?? NO_THRESHOLDS,
    marks: props.marks ?? NO_MARKS,
    band: props.band,
    fromMs: props.fromMs,
    toMs: props.toMs,
  };
  const latest = useRef(model);
  latest.current = model;
  const select = useRef<(fromMs: number, toMs: number) => void>(undefined);
  select.current = props.onSelect ?? ((from, to) => setRange(toFixedRange(from, to)));

  const structure = JSON.stringify([
    kind,
    height,
    theme.value,
    model.series.map(({ label: name, color, compared }) => [name, color, compared !== undefined]),
  ]);
  // Before the first paint, so that the chart doesn't appear a frame later.
  useLayoutEffect(() => {
    const element = container.current!;
    const options = toOptions(() => latest.current, element.clientWidth || 300, {
      onSelect: (from, to) => select.current?.(from, to),
      onCursor: setCursor,
    });
    const created = new uPlot(options, toData(times, latest.current), element);
    chart.current = created;
    const observer = new ResizeObserver(() => {
      const { clientWidth } = element;
      if (clientWidth > 0 && clientWidth !== created.width) {
        created.setSize({ width: clientWidth, height });
      }
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      created.destroy();
      chart.current = undefined;
    };
  }, [structure]);
  const isFirst = useRef(true);
  useEffect(() => {
    if (isFirst.current) isFirst.current = false;
    else drawLater(() => chart.current?.setData(toData(times, latest.current)));
  }, [
    times,
    visible,
    model.fromMs,
    model.toMs,
    model.marks,
    model.thresholds,
    props.band,
    zone,
    unit,
  ]);

  const shown = cursor ?? lastIndex(times, series);
  const toggle = (name: string) => {
    const next = new Set(hidden);
    if (!next.delete(name)) next.add(name);
    setHidden(next);
  };
  const onKeyDown = (event: TargetedKeyboardEvent<HTMLElement>) => {
    if (chart.current && handleKey(event.key, chart.current, times, shown, select.current!)) {
      event.preventDefault();
    }
  };
  return (
    <div class="chart">
      <div
        class="chart-canvas"
        ref={container}
        style={{ height: `${height}px` }}
        tabIndex={0}
        role="img"
        aria-label={describe(label, series, unit)}
        onKeyDown={onKeyDown}
      />
      {props.hasLegend !== false && (
        <Legend
          {...{ series, hidden, unit, toggle, shown }}
          note={cursor === null ? '' : describeCursor(times[cursor], model)}
        />
      )}
    </div>
  );
}

interface LegendProps {
  readonly series: readonly ChartSeries[];
  readonly hidden: ReadonlySet<string>;
  readonly unit: Unit;
  readonly shown: number;
  readonly note: string;
  readonly toggle: (label: string) => void;
}

/** The names of the series with their values at the crosshair, or their last values. */
function Legend({ series, hidden, unit, shown, note, toggle }: LegendProps) {
  return (
    <div class="chart-legend">
      {series.map((item, index) => (
        <button
          key={item.label}
          type="button"
          aria-pressed={!hidden.has(item.label)}
          title={item.label}
          onClick={() => toggle(item.label)}
        >
          <i class="swatch" style={{ '--color': `var(${item.color ?? seriesColor(index)})` }} />
          <span class="name truncate">{item.label}</span>
          <span class="value">{formatText(item.values[shown], unit)}</span>
        </button>
      ))}
      <span class="faint" role="status">
        {note}
      </span>
    </div>
  );
}

function describe(label: string, series: readonly ChartSeries[], unit: Unit): string {
  const parts = series.slice(0, 5).map(({ label: name, values }) => {
    const numbers = values.filter((value) => typeof value === 'number');
    if (numbers.length === 0) return `${name}: no values`;
    return `${name}: ${formatText(Math.min(...numbers), unit)} to ${formatText(Math.max(...numbers), unit)}`;
  });
  return `${label}. ${parts.join('; ')}`;
}

function describeCursor(
  seconds: number | undefined,
  { zone, marks, fromMs, toMs }: ChartModel,
): string {
  if (seconds === undefined) return '';
  const near = marks.filter(
    ({ atMs }) => Math.abs(atMs - 1000 * seconds) < MARK_DISTANCE * (toMs - fromMs),
  );
  const time = formatDateTime(1000 * seconds, zone, toMs - fromMs < 3_600_000);
  return [time, ...near.map(({ text }) => text)].join(' · ');
}

/** The last time with a value. */
function lastIndex(times: readonly number[], series: readonly ChartSeries[]): number {
  for (let index = times.length - 1; index >= 0; index--) {
    if (series.some(({ values }) => typeof values[index] === 'number')) return index;
  }
  return times.length - 1;
}

function handleKey(
  key: string,
  chart: uPlot,
  times: readonly number[],
  shown: number,
  select: (fromMs: number, toMs: number) => void,
): boolean {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[key];
  if (step !== undefined) {
    const index = Math.min(times.length - 1, Math.max(0, shown + step));
    const left = chart.valToPos(times[index] ?? 0, 'x');
    chart.setCursor({ left, top: chart.over.clientHeight / 2 });
    return true;
  }
  if (key !== '+' && key !== '-') return false;
  const { min = 0, max = 0 } = chart.scales.x ?? {};
  const center =
    chart.cursor.idx == null ? ((min ?? 0) + (max ?? 0)) / 2 : times[chart.cursor.idx]!;
  const half = ((max ?? 0) - (min ?? 0)) * (key === '+' ? 0.25 : 1);
  select(1000 * (center - half), 1000 * (center + half));
  return true;
}

const drawings: (() => void)[] = [];
const channel = new MessageChannel();
channel.port1.onmessage = () => {
  drawings.shift()?.();
};

/** Draws in a separate task, so that input isn't blocked while many charts are updated at once. */
function drawLater(draw: () => void): void {
  drawings.push(draw);
  channel.port2.postMessage(undefined);
}
