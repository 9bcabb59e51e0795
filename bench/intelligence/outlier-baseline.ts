import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { initSync, OutlierDetector } from '@bsull/augurs/outlier';
import { DAY_MS } from '../../src/core/duration.ts';
import type { LabeledSeries } from './labeled-series.ts';

/** Loads the WebAssembly module of augurs. */
export async function loadOutlierDetector(): Promise<void> {
  const path = fileURLToPath(import.meta.resolve('@bsull/augurs/outlier'));
  initSync({ module: readFileSync(path.replace(/\.js$/, '_bg.wasm')) });
}

/** Number of earlier days with which each day is compared. */
const COMPARED_DAYS = 14;
const MIN_DAYS = 3;
const SENSITIVITY = 0.5;

/**
 * The detectors of augurs find series that differ from other series at the same time. So each day is one series, and is
 * compared with the days before it.
 */
function detectByDays(
  { points, windowMs }: LabeledSeries,
  detect: (days: Float64Array[]) => ReturnType<OutlierDetector['detect']>,
): boolean[] {
  const perDay = Math.round(DAY_MS / windowMs);
  const outside = new Array<boolean>(points.length).fill(false);
  const firstMs = points[0]!.toMs;
  const days: Float64Array[] = [];
  const positions: number[][] = [];
  for (const [i, { toMs, value }] of points.entries()) {
    const step = Math.round((toMs - firstMs) / windowMs);
    const day = Math.floor(step / perDay);
    while (days.length <= day) {
      days.push(new Float64Array(perDay).fill(Number.NaN));
      positions.push(new Array<number>(perDay).fill(-1));
    }
    days[day]![step % perDay] = value;
    positions[day]![step % perDay] = i;
  }
  for (const day of days) fillMissing(day);
  for (let day = MIN_DAYS; day < days.length; day++) {
    const compared = days.slice(Math.max(0, day - COMPARED_DAYS), day + 1);
    const result = detectOrSkip(compared, detect);
    const index = compared.length - 1;
    if (!result?.outlyingSeries.includes(index)) continue;
    const { seriesResults } = result;
    for (const { start, end } of seriesResults[index]!.outlierIntervals) {
      for (let step = start; step < (end ?? perDay); step++) {
        const position = positions[day]![step]!;
        if (position >= 0) outside[position] = true;
      }
    }
  }
  return outside;
}

/** The detector fails with a division by zero if most days have equal values. Such days have no outliers. */
function detectOrSkip<T>(days: Float64Array[], detect: (of: Float64Array[]) => T): T | undefined {
  try {
    return detect(days);
  } catch {
    return undefined;
  }
}

/** The detectors need a value at each time. */
function fillMissing(day: Float64Array): void {
  let last = day.find((value) => Number.isFinite(value)) ?? 0;
  for (let i = 0; i < day.length; i++) {
    if (Number.isFinite(day[i]!)) last = day[i]!;
    else day[i] = last;
  }
}

export function detectMadOutliers(series: LabeledSeries): boolean[] {
  return detectByDays(series, (days) =>
    OutlierDetector.mad({ sensitivity: SENSITIVITY }).detect(days),
  );
}

export function detectDbscanOutliers(series: LabeledSeries): boolean[] {
  return detectByDays(series, (days) =>
    OutlierDetector.dbscan({ sensitivity: SENSITIVITY }).detect(days),
  );
}
