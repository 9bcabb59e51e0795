import type { DataFrame } from '@grafana/data';
import { useEffect, useRef } from 'react';
import type { DashboardInput } from '../panel-input.ts';
import { THEME } from './panel-data.ts';

interface Props {
  readonly frame: DataFrame;
  readonly range: Pick<DashboardInput, 'fromMs' | 'toMs'>;
  readonly width: number;
  readonly height: number;
}

const AXIS_WIDTH = 60;
const AXIS_HEIGHT = 20;
/** Colors of Grafana's scheme Spectral, from few to many. */
const COLORS = ['#5e4fa2', '#3288bd', '#66c2a5', '#e6f598', '#fee08b', '#f46d43', '#9e0142'];

/** Draws a heatmap. As in Grafana, the time of a cell is its right edge, and rows are upper bounds. */
export function HeatmapPanel({ frame, range, width, height }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const ctx = canvas.current?.getContext('2d');
    if (!ctx) return;
    const [time, ...rows] = frame.fields;
    const times = (time?.values ?? []) as number[];
    const stepMs = Math.min(...times.slice(1).map((each, i) => each - times[i]!));
    const counts = rows.flatMap(({ values }) => (values as number[]).filter((n) => n > 0));
    const maxCount = Math.max(1, ...counts);
    const [plotWidth, plotHeight] = [width - AXIS_WIDTH, height - AXIS_HEIGHT];
    const toX = (ms: number) =>
      AXIS_WIDTH + (plotWidth * (ms - range.fromMs)) / (range.toMs - range.fromMs);
    const rowHeight = plotHeight / Math.max(1, rows.length);
    ctx.fillStyle = THEME.colors.text.secondary;
    ctx.font = `12px ${THEME.typography.fontFamily}`;
    const every = Math.ceil(14 / rowHeight);
    rows.forEach(({ name, values }, row) => {
      const y = plotHeight - (row + 1) * rowHeight;
      if (row % every === 0) ctx.fillText(name, 4, y + rowHeight / 2 + 4, AXIS_WIDTH - 8);
      times.forEach((ms, i) => {
        const count = Number(values[i] ?? 0);
        if (count <= 0) return;
        const share = Math.sqrt(count / maxCount);
        ctx.fillStyle = COLORS[Math.min(COLORS.length - 1, Math.floor(share * COLORS.length))]!;
        const [left, right] = [Math.max(AXIS_WIDTH, toX(ms - stepMs)), toX(ms)];
        ctx.fillRect(left, y, right - left - 1, rowHeight - 1);
      });
      ctx.fillStyle = THEME.colors.text.secondary;
    });
    for (let i = 0; i <= 4; i++) {
      const ms = range.fromMs + (i * (range.toMs - range.fromMs)) / 5;
      ctx.fillText(new Date(ms).toISOString().slice(11, 16), toX(ms), height - 5);
    }
  }, [frame, range, width, height]);
  return <canvas ref={canvas} width={width} height={height} />;
}
