import { HOUR_MS } from '../../../core/duration.ts';
import { computeMovingLevel, computeTrailingLevel, findCurrentLevel } from './band-level.ts';
import { type BandProblem, findHistoryProblem } from './band-problem.ts';
import { computeSeason, type HourlyScaled, type Season, WEEKLY_HOURS } from './band-season.ts';
import { computeMedian, computeSpread, type Spread } from './robust-statistics.ts';
import { createValueScale, toScale, type ValueKind, type ValueScale } from './value-scale.ts';
import type { WeekCalendar } from './week-hours.ts';

/** Longest history that a band is learned from: 28 days. */
export const HISTORY_HOURS = 28 * 24;

/** The values of one series, one per hour. */
export interface HourlyHistory {
  readonly kind: ValueKind;
  /** Oldest first. `NaN` for hours without a value. At most {@link HISTORY_HOURS}. */
  readonly values: ArrayLike<number>;
  /** The hour after the last value, in whole hours since the epoch. */
  readonly endHour: number;
}

/** What was learned from the history of a series. All numbers are on the scale, unless stated otherwise. */
export interface BandModel {
  readonly scale: ValueScale;
  readonly season: Season;
  readonly level: number;
  /** Spread of the hourly values for each hour of the day. */
  readonly spreadAbove: Float32Array;
  readonly spreadBelow: Float32Array;
  /** Time of a lasting change of the level within the last days, in ms since the epoch. */
  readonly shift: { readonly sinceMs: number; readonly isLearned: boolean } | undefined;
  /** Why the whole band isn't known. */
  readonly problem: BandProblem | undefined;
  /** Times of the first and after the last value, in ms since the epoch. `NaN` without values. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Number of hours with a value. */
  readonly valueCount: number;
}

/** Hours of the day around an hour whose residuals decide about its spread. */
const SPREAD_NEIGHBORS = 2;
/** The spread of an hour of the day counts as much as the spread of all hours with this many residuals. */
const SHARED_RESIDUALS = 30;
/** The spread of an hour of the day can differ from the spread of all hours by these factors. */
const SPREAD_RATIO_RANGE = [0.5, 3] as const;
/** The season and the level are computed again this many times. */
const REPEATED_FITS = 1;
/** The first hour of Saturday. */
const WEEKEND_HOUR = 120;
const MIN_WEEKDAY_VALUES = 20;
/** Two weeks have at least this many days with values, even without requests at weekends. */
const MIN_WEEKLY_DAYS = 10;
/** From 10 days on, the first level uses whole weeks, so that the weekly cycle doesn't change it. */
const WEEK_LEVEL_HOURS = 240;

/**
 * Learns the band of normal values of a series. Uses only medians and quantiles, so incidents in less than half of the
 * comparable hours have no effect. Never throws.
 */
export function fitBand(history: HourlyHistory, calendar: WeekCalendar): BandModel {
  const { kind, endHour } = history;
  const values = skipUnknown(history.values);
  const n = values.length;
  const weekHours = new Uint8Array(n);
  const known = new Float64Array(n);
  let [first, last, valueCount] = [n, -1, 0];
  for (let i = 0; i < n; i++) {
    const atMs = (endHour - n + i) * HOUR_MS;
    weekHours[i] = calendar.getWeekHour(atMs);
    known[i] = calendar.isHoliday(atMs) ? Number.NaN : values[i]!;
    if (!Number.isFinite(known[i]!)) continue;
    first = Math.min(first, i);
    last = i;
    valueCount += 1;
  }
  const scale = createValueScale(kind, known);
  const isWeekly = last + 1 >= WEEKLY_HOURS && countDays(known) >= MIN_WEEKLY_DAYS;
  const scaled = known.map((value) => toScale(scale, value));
  if (!isWeekly) removeWeekends(scaled, weekHours);
  const { season, levels } = fitSeason({ scaled, weekHours }, isWeekly);
  const flat = scaled.map((value, i) => value - season.byWeekHour[weekHours[i]!]!);
  const spreads = fitSpread(flat, levels, weekHours, season, scale.floor);
  const { level, shift } = findCurrentLevel(flat, spreads.all, scale.floor);
  return {
    scale,
    season,
    level: Number.isFinite(level) ? level : 0,
    spreadAbove: spreads.above,
    spreadBelow: spreads.below,
    shift: shift && {
      sinceMs: (endHour - shift.agoHours) * HOUR_MS,
      isLearned: shift.isLearned,
    },
    problem: findHistoryProblem(known),
    fromMs: last < 0 ? Number.NaN : (endHour - n + first) * HOUR_MS,
    toMs: last < 0 ? Number.NaN : (endHour - n + last + 1) * HOUR_MS,
    valueCount,
  };
}

/** Returns the values from the first known one on. Unknown hours would only take time. */
function skipUnknown(values: ArrayLike<number>): Float64Array {
  const all = Float64Array.from(values);
  const first = all.findIndex((value) => Number.isFinite(value));
  return first < 0 ? all.subarray(0, 0) : all.subarray(first);
}

/** Returns the number of days with values. */
function countDays(known: Float64Array): number {
  const days = new Set<number>();
  for (let i = 0; i < known.length; i++)
    if (Number.isFinite(known[i]!)) days.add(Math.floor(i / 24));
  return days.size;
}

/**
 * Removes the values of weekends, if there are other values. Without two weeks of data, it isn't known how much the
 * weekend differs. The first weekend would change the level of the next Monday.
 */
function removeWeekends(scaled: Float64Array, weekHours: Uint8Array): void {
  const isWeekend = (i: number) => weekHours[i]! >= WEEKEND_HOUR;
  const others = scaled.filter((value, i) => Number.isFinite(value) && !isWeekend(i)).length;
  if (others < MIN_WEEKDAY_VALUES) return;
  for (let i = 0; i < scaled.length; i++) if (isWeekend(i)) scaled[i] = Number.NaN;
}

/** Computes the season and the level in turns, because each of them hides the other. */
function fitSeason(input: HourlyScaled, isWeekly: boolean) {
  const { scaled, weekHours } = input;
  const windowHours = scaled.length >= WEEK_LEVEL_HOURS ? 168 : 48;
  let levels = computeMovingLevel(scaled, windowHours);
  let season = computeSeason(input, levels, isWeekly);
  for (let i = 0; i < REPEATED_FITS; i++) {
    const flat = scaled.map((value, at) => value - season.byWeekHour[weekHours[at]!]!);
    levels = computeMovingLevel(flat, 48);
    season = computeSeason(input, levels, isWeekly);
  }
  return { season, levels };
}

/** Returns the spread of the values around the level that was known before, as in a forecast. */
function fitSpread(
  flat: Float64Array,
  levels: Float64Array,
  weekHours: Uint8Array,
  season: Season,
  floor: number,
): { all: Spread; above: Float32Array; below: Float32Array } {
  const trailing = computeTrailingLevel(flat);
  const noise = computeSpread(flat.map((value, i) => value - levels[i]!));
  const shiftLimit = 3 * Math.max(noise.above, noise.below, floor);
  const residuals = flat.map((value, i) => {
    const before = Number.isFinite(trailing[i]!) ? trailing[i]! : levels[i]!;
    // After a shift of the level, the level of the last days is wrong for a while.
    return Math.abs(before - levels[i]!) > shiftLimit ? value - levels[i]! : value - before;
  });
  const inflation = getInflation(season);
  const spread = computeSpread(residuals);
  const all = { above: inflation * spread.above, below: inflation * spread.below };
  const ratios = computeHourRatios(residuals, weekHours);
  return {
    all,
    above: Float32Array.from(ratios, (ratio) => ratio * all.above),
    below: Float32Array.from(ratios, (ratio) => ratio * all.below),
  };
}

/** Residuals of few days are too small, because the profile was learned from the same days. */
function getInflation({ days, isWeekly }: Season): number {
  // In the weekly profile, each hour is learned from three hours of each week.
  const values = Math.max(2, isWeekly ? (3 * days) / 7 : days);
  return Math.sqrt((values + 1) / (values - 1));
}

/** Returns the spread of each hour of the day, divided by the spread of all hours. */
function computeHourRatios(residuals: Float64Array, weekHours: Uint8Array): Float64Array {
  const center = computeMedian(residuals);
  const deviations = residuals.map((value) => Math.abs(value - center));
  const all = computeMedian(deviations);
  const byHour: number[][] = Array.from({ length: 24 }, () => []);
  for (let i = 0; i < deviations.length; i++) {
    if (Number.isFinite(deviations[i]!)) byHour[weekHours[i]! % 24]!.push(deviations[i]!);
  }
  return Float64Array.from({ length: 24 }, (_, hour) => {
    const around: number[] = [];
    for (let k = -SPREAD_NEIGHBORS; k <= SPREAD_NEIGHBORS; k++)
      around.push(...byHour[(hour + k + 24) % 24]!);
    if (!(all > 0) || around.length === 0) return 1;
    const trust = around.length / (around.length + SHARED_RESIDUALS);
    const ratio = 1 + trust * (computeMedian(around) / all - 1);
    return Math.min(SPREAD_RATIO_RANGE[1], Math.max(SPREAD_RATIO_RANGE[0], ratio));
  });
}
