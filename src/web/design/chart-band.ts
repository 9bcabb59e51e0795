import type uPlot from 'uplot';
import { getColor } from './theme.ts';

/** The range of normal values, drawn behind the series. */
export interface ChartBand {
  /** In s since the epoch, ascending. */
  readonly times: readonly number[];
  /** One value per time. Missing where the normal values are unknown. */
  readonly lower: readonly (number | null | undefined)[];
  readonly upper: readonly (number | null | undefined)[];
}

/** Fills the area between the limits, with one path for each part without gaps. */
export function drawBand(chart: uPlot, band: ChartBand | undefined): void {
  if (!band) return;
  const { ctx, bbox } = chart;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.fillStyle = `${getColor('--series-1')}26`;
  for (const part of splitBand(band)) {
    ctx.beginPath();
    for (const { x, upper } of part) {
      ctx.lineTo(chart.valToPos(x, 'x', true), chart.valToPos(upper, 'y', true));
    }
    for (const { x, lower } of part.toReversed()) {
      ctx.lineTo(chart.valToPos(x, 'x', true), chart.valToPos(lower, 'y', true));
    }
    ctx.fill();
  }
  ctx.restore();
}

interface BandPoint {
  readonly x: number;
  readonly lower: number;
  readonly upper: number;
}

/** Returns the parts of a band without gaps. */
function splitBand({ times, lower, upper }: ChartBand): BandPoint[][] {
  const parts: BandPoint[][] = [[]];
  for (const [index, x] of times.entries()) {
    const [low, high] = [lower[index], upper[index]];
    if (typeof low === 'number' && typeof high === 'number') {
      parts.at(-1)!.push({ x, lower: low, upper: high });
    } else if (parts.at(-1)!.length > 0) parts.push([]);
  }
  return parts.filter((part) => part.length > 1);
}
