import { type DataFrame, dateTime, type TimeRange } from '@grafana/data';
import { LegendDisplayMode } from '@grafana/schema';
import { TimeSeries, type UPlotConfigBuilder } from '@grafana/ui';
import type { AnnotationMark, DashboardInput } from '../panel-input.ts';
import { THEME, TIME_ZONE } from './panel-data.ts';

export function toTimeRange({ fromMs, toMs }: Pick<DashboardInput, 'fromMs' | 'toMs'>): TimeRange {
  const [from, to] = [dateTime(fromMs), dateTime(toMs)];
  return { from, to, raw: { from, to } };
}

interface Props {
  readonly frame: DataFrame;
  readonly range: TimeRange;
  readonly width: number;
  readonly height: number;
  readonly legend: { readonly showLegend?: boolean; readonly placement?: 'bottom' | 'right' };
  readonly marks: readonly AnnotationMark[];
}

/** Draws a time series with Grafana's own chart, and annotations in the style of its annotations plugin. */
export function TimeSeriesPanel({ frame, range, width, height, legend, marks }: Props) {
  const { showLegend = true, placement = 'bottom' } = legend;
  return (
    <TimeSeries
      frames={[frame]}
      timeRange={range}
      timeZone={TIME_ZONE}
      width={width}
      height={height}
      legend={{ displayMode: LegendDisplayMode.List, showLegend, placement, calcs: [] }}
    >
      {(config) => {
        addMarks(config, marks);
        return null;
      }}
    </TimeSeries>
  );
}

const configured = new WeakSet<UPlotConfigBuilder>();

function addMarks(config: UPlotConfigBuilder, marks: readonly AnnotationMark[]): void {
  if (configured.has(config)) return;
  configured.add(config);
  config.addHook('draw', (plot) => {
    const { ctx } = plot;
    const { top, height, left, width } = plot.bbox;
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, top, width, height + 10);
    ctx.clip();
    for (const { timeMs, endMs, color } of marks) {
      const x = plot.valToPos(timeMs, 'x', true);
      ctx.strokeStyle = THEME.visualization.getColorByName(color);
      ctx.fillStyle = ctx.strokeStyle;
      ctx.lineWidth = 2 * devicePixelRatio;
      ctx.setLineDash([5 * devicePixelRatio, 5 * devicePixelRatio]);
      for (const edge of endMs === undefined ? [x] : [x, plot.valToPos(endMs, 'x', true)]) {
        ctx.beginPath();
        ctx.moveTo(edge, top);
        ctx.lineTo(edge, top + height);
        ctx.stroke();
      }
      if (endMs !== undefined) {
        ctx.globalAlpha = 0.1;
        ctx.fillRect(x, top, plot.valToPos(endMs, 'x', true) - x, height);
        ctx.globalAlpha = 1;
      }
    }
    ctx.restore();
  });
}
