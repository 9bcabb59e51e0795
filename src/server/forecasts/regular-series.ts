import { quantileSorted } from 'simple-statistics';

/** Values at equal intervals. A value that is missing is `NaN`. */
export interface RegularSeries {
  /** Start of the first interval, in ms. */
  readonly startMs: number;
  /** Length of an interval, in ms. */
  readonly stepMs: number;
  readonly values: Float64Array;
}

/** The part of a series from which a forecast learns: without gaps, and without isolated spikes. */
export interface LearnedSeries extends RegularSeries {
  /** Number of measured values. The others were interpolated. */
  readonly measured: number;
  /** Number of isolated spikes that were ignored. */
  readonly spikes: number;
}

/** Larger numbers are errors of a counter or a sensor. Their squares would overflow. */
const MAX_VALUE = 1e15;
/** A longer gap separates the series. Only the part after the gap is used. */
const MAX_GAP_MS = 24 * 3_600_000;
/** A longer run of unusual values isn't a spike. */
const MAX_SPIKE_LENGTH = 2;
/** A spike is this many times further from the median than the usual values. */
const SPIKE_FACTOR = 5;

/**
 * Prepares a series for a forecast. Ignores isolated spikes, interpolates gaps of up to a day, and removes the part
 * before a longer gap.
 *
 * @returns `undefined` if the series has no values
 */
export function prepareSeries({
  startMs,
  stepMs,
  values,
}: RegularSeries): LearnedSeries | undefined {
  const valid = values.map((value) => (Math.abs(value) <= MAX_VALUE ? value : Number.NaN));
  const spikes = removeSpikes(valid);
  const last = valid.findLastIndex((value) => !Number.isNaN(value));
  if (last < 0) return undefined;
  const first = findStart(valid, last, Math.max(1, Math.round(MAX_GAP_MS / stepMs)));
  const part = valid.slice(first, last + 1);
  const measured = interpolateGaps(part);
  return { startMs: startMs + first * stepMs, stepMs, values: part, measured, spikes };
}

/** Returns the start of the last part without a gap of more than `maxGap` intervals. */
function findStart(values: Float64Array, last: number, maxGap: number): number {
  let first = last;
  for (let i = last; i >= 0 && first - i <= maxGap; i--) if (!Number.isNaN(values[i])) first = i;
  return first;
}

/** Interpolates missing values in place. The first and the last value must exist. Returns the number of values. */
function interpolateGaps(values: Float64Array): number {
  let measured = 0;
  let before = 0;
  for (let i = 0; i < values.length; i++) {
    if (Number.isNaN(values[i])) continue;
    measured += 1;
    for (let j = before + 1; j < i; j++) {
      values[j] = values[before]! + ((values[i]! - values[before]!) * (j - before)) / (i - before);
    }
    before = i;
  }
  return measured;
}

/**
 * Replaces isolated spikes by `NaN`, and returns their number. A spike is one or two values far outside of the values
 * that the series otherwise has. The newest values can be the start of a change, but one value doesn't show this.
 */
function removeSpikes(values: Float64Array): number {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort();
  if (sorted.length < 10) return 0;
  const median = quantileSorted([...sorted], 0.5);
  const low = sorted[Math.floor(0.02 * (sorted.length - 1))]!;
  const high = sorted[Math.ceil(0.98 * (sorted.length - 1))]!;
  const limit = Math.max(SPIKE_FACTOR * (high - low), 0.1 * Math.abs(median), Number.MIN_VALUE);
  let spikes = 0;
  let run: number[] = [];
  const endRun = () => {
    if (run.length > 0 && run.length <= MAX_SPIKE_LENGTH) {
      for (const i of run) values[i] = Number.NaN;
      spikes += run.length;
    }
    run = [];
  };
  for (const [i, value] of values.entries()) {
    if (Number.isNaN(value)) continue;
    if (Math.abs(value - median) > limit) run.push(i);
    else endRun();
  }
  endRun();
  return spikes;
}
