import { HOUR_MS, MINUTE_MS } from '../../../core/duration.ts';
import type { BandProblem } from './band-problem.ts';
import type { BandModel } from './fit-band.ts';
import { fromScale, getSamplingVariance, toScale } from './value-scale.ts';
import { HOURS_PER_WEEK, WEEKDAYS, type WeekCalendar } from './week-hours.ts';
import { assumeWindowSpread, NO_WINDOW_SPREAD, type WindowSpread } from './window-spread.ts';

/** Distances from the expected value at which a value is outside the band, in robust standard deviations. */
export const SENSITIVITIES = { low: 7, medium: 5, high: 3.5 } as const;
export type Sensitivity = keyof typeof SENSITIVITIES;
export const DEFAULT_SENSITIVITY: Sensitivity = 'medium';

/** The time and length of the window that a value was measured in. */
export interface BandWindow {
  /** End of the window, in ms since the epoch. */
  readonly toMs: number;
  readonly windowMs: number;
  /** How values of this length vary. Undefined if it isn't known yet. */
  readonly spread: WindowSpread | undefined;
  /** Expected number of measurements in the window. Undefined if it doesn't matter. */
  readonly count?: number | undefined;
}

/** The expected value and the spread at one time, on the scale. */
export interface BandPosition {
  readonly center: number;
  /** Between two hours that differ, all values between them are expected: the change can be sudden. */
  readonly low: number;
  readonly high: number;
  /** Spread above `high` and below `low`. */
  readonly above: number;
  readonly below: number;
}

/** The band at one time, in the unit of the series. */
export interface BandRange {
  readonly lower: number;
  readonly expected: number;
  readonly upper: number;
}

/** Returns the expected value and spread of a window on the scale. All numbers are finite. */
export function locateBand(
  model: BandModel,
  calendar: WeekCalendar,
  { toMs, windowMs, spread, count }: BandWindow,
): BandPosition {
  const { scale } = model;
  // The profile of an hour applies to the middle of the hour.
  const at = calendar.getWeekPosition(toMs - Math.min(windowMs, HOUR_MS) / 2);
  const position = (at - 0.5 + HOURS_PER_WEEK) % HOURS_PER_WEEK;
  const index = Math.floor(position);
  const share = position - index;
  const next = (index + 1) % HOURS_PER_WEEK;
  const [before, after] = [model.season.byWeekHour[index]!, model.season.byWeekHour[next]!];
  const season = interpolate(before, after, share);
  const hourly = {
    above: interpolate(model.spreadAbove[index % 24]!, model.spreadAbove[next % 24]!, share),
    below: interpolate(model.spreadBelow[index % 24]!, model.spreadBelow[next % 24]!, share),
  };
  const own =
    windowMs >= HOUR_MS ? NO_WINDOW_SPREAD : (spread ?? assumeWindowSpread(hourly, windowMs));
  const base = model.level + own.bias;
  const center = base + season;
  const expected = fromScale(scale, center);
  // Rates are per minute, so the expected rate determines the number of measurements.
  const measurements = scale.kind === 'count' ? (expected * windowMs) / MINUTE_MS : count;
  const chance =
    measurements === undefined ? 0 : getSamplingVariance(scale, expected, measurements);
  const combine = (hour: number, window: number) =>
    Math.sqrt(Math.max(hour * hour + window * window, chance) + scale.floor * scale.floor);
  const isWhole = windowMs >= HOUR_MS;
  return {
    center,
    low: isWhole ? center : base + Math.min(before, after),
    high: isWhole ? center : base + Math.max(before, after),
    above: combine(hourly.above, own.above),
    below: combine(hourly.below, own.below),
  };
}

function interpolate(from: number, to: number, share: number): number {
  return from + share * (to - from);
}

/** Returns the range of normal values. `lower` ≤ `expected` ≤ `upper`, and all are finite. */
export function toBandRange(
  { scale }: BandModel,
  { center, low, high, above, below }: BandPosition,
  sensitivity: Sensitivity,
): BandRange {
  const distance = SENSITIVITIES[sensitivity];
  return {
    lower: fromScale(scale, low - distance * below),
    expected: fromScale(scale, center),
    upper: fromScale(scale, high + distance * above),
  };
}

/** Distances are limited, so that they can be stored and shown. */
const MAX_DISTANCE = 1000;

/**
 * Returns how far a value is from the expected value, in robust standard deviations. Positive above the expected value.
 *
 * @returns `undefined` if the value is impossible
 */
export function computeDistance(
  { scale }: BandModel,
  { low, high, above, below }: BandPosition,
  value: number,
): number | undefined {
  const scaled = toScale(scale, value);
  if (!Number.isFinite(scaled)) return undefined;
  const distance =
    scaled > high ? (scaled - high) / above : scaled < low ? (scaled - low) / below : 0;
  return Math.max(-MAX_DISTANCE, Math.min(MAX_DISTANCE, distance));
}

/** Returns why there is no band at a time, or `undefined` if there is one. */
export function findBandProblem(
  model: BandModel,
  calendar: WeekCalendar,
  atMs: number,
): BandProblem | undefined {
  if (calendar.isHoliday(atMs)) {
    return { status: 'unknown', reason: 'holiday', text: `${calendar.getDate(atMs)} is a holiday` };
  }
  if (model.problem) return model.problem;
  const { support, isWeekly } = model.season;
  const weekHour = calendar.getWeekHour(atMs);
  const ofDay = [weekHour - 1, weekHour, weekHour + 1].some((h) => hasHourOfDay(support, h));
  if (!ofDay) {
    const text = `no values at this hour of the day: ${weekHour % 24}:00`;
    return { status: 'unknown', reason: 'no_similar_hour', text };
  }
  const day = Math.floor(weekHour / 24);
  if (!isWeekly && !isWeekdayKnown(support, day)) {
    return {
      status: 'learning',
      reason: 'weekday',
      text: `a ${WEEKDAYS[day]} needs two weeks of data`,
    };
  }
  return undefined;
}

function hasHourOfDay(support: Uint8Array, weekHour: number): boolean {
  for (let h = (weekHour + 24) % 24; h < HOURS_PER_WEEK; h += 24) if (support[h]! > 0) return true;
  return false;
}

const MONDAY_TO_FRIDAY = [0, 1, 2, 3, 4];

/** Returns whether a weekday or, from Monday to Friday, two similar weekdays have values. */
function isWeekdayKnown(support: Uint8Array, day: number): boolean {
  const isKnown = (of: number) => support.subarray(24 * of, 24 * of + 24).some((n) => n > 0);
  if (isKnown(day)) return true;
  return day < 5 && MONDAY_TO_FRIDAY.filter(isKnown).length >= 2;
}

/** Returns what limits the band at a time although it exists, in words. */
export function describeSupport(
  { season: { support, isWeekly } }: BandModel,
  calendar: WeekCalendar,
  atMs: number,
): string | undefined {
  const weekHour = calendar.getWeekHour(atMs);
  const count = support[weekHour]!;
  const day = WEEKDAYS[Math.floor(weekHour / 24)];
  if (!isWeekly) return 'less than two weeks of data: all weekdays are expected to be similar';
  return count < 3
    ? `only ${count} ${count === 1 ? 'value' : 'values'} from a ${day} at this hour`
    : undefined;
}
