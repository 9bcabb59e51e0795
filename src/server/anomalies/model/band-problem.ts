import { HOUR_MS } from '../../../core/duration.ts';
import { formatDuration } from '../../../core/format.ts';

/** Whether there is a band: it exists, more data is needed, or the series has no usual values. */
export const BAND_STATUSES = ['ready', 'learning', 'unknown'] as const;
export type BandStatus = (typeof BAND_STATUSES)[number];

/** Reasons why there is no band. */
export const BAND_REASONS = [
  'no_data',
  'short_history',
  'gap',
  'weekday',
  'no_similar_hour',
  'holiday',
  'constant',
  'mostly_zero',
  'unreliable',
  'too_many_series',
  'loading',
] as const;
export type BandReason = (typeof BAND_REASONS)[number];

/** Why there is no band for a series, or for one hour of the week. */
export interface BandProblem {
  readonly status: Exclude<BandStatus, 'ready'>;
  readonly reason: BandReason;
  /** A sentence without a period. */
  readonly text: string;
  /** The length of the data that exists and that is needed, in ms. Undefined if more data doesn't help. */
  readonly haveMs?: number;
  readonly neededMs?: number;
}

/** A band needs two days. */
const MIN_SPAN_HOURS = 48;
/** Services without requests at night have values in fewer hours. */
const MIN_VALUES = 20;
/** After a longer time without values, the level is learned again. Weekends without requests are shorter. */
const MAX_GAP_HOURS = 72;
/** Length of the data that is needed after a gap. */
const MIN_HOURS_AFTER_GAP = 24;
const MAX_ZERO_SHARE = 0.5;

/**
 * Returns why a series has no band in any hour of the week.
 *
 * @param values one per hour, oldest first, and `NaN` for hours without a value
 */
export function findHistoryProblem(values: Float64Array): BandProblem | undefined {
  let [first, last, count, zeros] = [-1, -1, 0, 0];
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  let afterGap = -1;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (!Number.isFinite(value)) continue;
    if (first < 0) first = i;
    else if (i - last > MAX_GAP_HOURS) afterGap = i;
    last = i;
    count += 1;
    if (value === 0) zeros += 1;
    min = Math.min(min, value);
    max = Math.max(max, value);
  }
  if (count === 0) {
    return { status: 'unknown', reason: 'no_data', text: 'no values in the last 28 days' };
  }
  const silentHours = values.length - 1 - last;
  if (silentHours > MAX_GAP_HOURS) {
    const text = `no values for ${formatDuration(silentHours * HOUR_MS)}`;
    return { status: 'unknown', reason: 'gap', text };
  }
  const spanHours = values.length - first;
  if (spanHours < MIN_SPAN_HOURS || count < MIN_VALUES) {
    const isShort = spanHours < MIN_SPAN_HOURS;
    const text = isShort
      ? `less than two days of data: ${formatDuration(spanHours * HOUR_MS)}`
      : `too few hours with data: ${count} of ${MIN_VALUES}`;
    return {
      status: 'learning',
      reason: 'short_history',
      text,
      ...toProgress(isShort ? spanHours : count, isShort ? MIN_SPAN_HOURS : MIN_VALUES),
    };
  }
  if (min === max) {
    return { status: 'unknown', reason: 'constant', text: 'all values are equal' };
  }
  if (zeros > MAX_ZERO_SHARE * count) {
    const share = Math.round((100 * zeros) / count);
    return { status: 'unknown', reason: 'mostly_zero', text: `${share} % of the values are 0` };
  }
  const sinceGap = values.length - afterGap;
  if (afterGap >= 0 && sinceGap < MIN_HOURS_AFTER_GAP) {
    const text = `learning again after a gap: ${formatDuration(sinceGap * HOUR_MS)} of data`;
    return {
      status: 'learning',
      reason: 'gap',
      text,
      ...toProgress(sinceGap, MIN_HOURS_AFTER_GAP),
    };
  }
  return undefined;
}

function toProgress(haveHours: number, neededHours: number) {
  return { haveMs: haveHours * HOUR_MS, neededMs: neededHours * HOUR_MS };
}
