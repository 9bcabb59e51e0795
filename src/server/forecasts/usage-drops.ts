import { median } from 'simple-statistics';
import type { LearnedSeries } from './regular-series.ts';

/** A series of used space, prepared so that clean-ups and restarts don't look like a trend. */
export interface Accumulation {
  readonly series: LearnedSeries;
  /** Number of drops: clean-ups of a disk, or restarts of a process. */
  readonly drops: number;
  /**
   * The value before the only drop. The drop might repeat, so a forecast is reliable only when the value is higher.
   * Undefined if there was no drop, or if drops are regular.
   */
  readonly peakBeforeDrop: number | undefined;
}

/** A drop is at least this part of the range of all values. */
const MIN_DROP_SHARE = 0.15;
/** A drop is at least this many times larger than the usual change between two values. */
const MIN_DROP_FACTOR = 8;
/** A drop can be spread over this number of intervals. */
const DROP_LENGTH = 3;

/**
 * Prepares a series of used space or memory.
 *
 * - Without a drop, nothing changes.
 * - After one drop, only the values since the drop count.
 * - With several drops, each value is the highest of the last cycle. Regular clean-ups then give a flat line, and only
 *   growth of the peaks remains.
 */
export function prepareAccumulation(series: LearnedSeries): Accumulation {
  const drops = findDrops(series.values);
  const [first] = drops;
  const last = drops.at(-1);
  if (first === undefined || last === undefined)
    return { series, drops: 0, peakBeforeDrop: undefined };
  if (drops.length === 1) {
    const before = series.values.slice(Math.max(0, first - DROP_LENGTH), first);
    return {
      series: slice(series, first),
      drops: 1,
      peakBeforeDrop: before.length > 0 ? Math.max(...before) : undefined,
    };
  }
  const { length } = series.values;
  // The time until the first drop, and the time since the last drop, are parts of a cycle.
  const cycles = drops.map((at, i) => at - (drops[i - 1] ?? 0)).concat(length - last);
  const envelope = toPeaks(series.values, Math.max(...cycles));
  // At the start, the window contains less than one cycle.
  const skipped = Math.min(first, length - 1);
  return {
    series: slice({ ...series, values: envelope }, skipped),
    drops: drops.length,
    peakBeforeDrop: undefined,
  };
}

function slice(series: LearnedSeries, first: number): LearnedSeries {
  const values = series.values.slice(first);
  const startMs = series.startMs + first * series.stepMs;
  return { ...series, startMs, values, measured: Math.min(series.measured, values.length) };
}

/** Returns the indexes of the first value after each drop. */
export function findDrops(values: Float64Array): number[] {
  if (values.length < 2 * DROP_LENGTH) return [];
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  const changes: number[] = [];
  for (let i = 0; i < values.length; i++) {
    min = Math.min(min, values[i]!);
    max = Math.max(max, values[i]!);
    if (i > 0) changes.push(Math.abs(values[i]! - values[i - 1]!));
  }
  const limit = Math.max(MIN_DROP_SHARE * (max - min), MIN_DROP_FACTOR * median(changes));
  if (!(limit > 0)) return [];
  const drops: number[] = [];
  let i = 1;
  while (i < values.length) {
    const end = Math.min(i + DROP_LENGTH, values.length);
    let lowest = i;
    for (let j = i; j < end; j++) if (values[j]! < values[lowest]!) lowest = j;
    if (values[i - 1]! - values[lowest]! >= limit) {
      // A clean-up can take longer. It is still one drop.
      while (lowest + 1 < values.length && values[lowest + 1]! < values[lowest]!) lowest += 1;
      drops.push(lowest);
      i = lowest + 1;
    } else i += 1;
  }
  return drops;
}

/** Returns the highest value of the last `length` values, for each value. */
function toPeaks(values: Float64Array, length: number): Float64Array {
  const peaks = new Float64Array(values.length);
  /** Indexes of the values that can still be the highest, highest first. */
  const queue: number[] = [];
  for (let i = 0; i < values.length; i++) {
    while (queue.length > 0 && values[queue.at(-1)!]! <= values[i]!) queue.pop();
    queue.push(i);
    if (queue[0]! <= i - length) queue.shift();
    peaks[i] = values[queue[0]!]!;
  }
  return peaks;
}
