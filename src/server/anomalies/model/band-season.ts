import { computeQuantile, toSorted } from './robust-statistics.ts';
import { HOURS_PER_WEEK } from './week-hours.ts';

/** Values on their scale, one per hour, oldest first. `NaN` for hours without a value. */
export interface HourlyScaled {
  readonly scaled: Float64Array;
  /** Hour of the local week of each value. */
  readonly weekHours: Uint8Array;
}

/** The usual difference between each hour of the week and the level. */
export interface Season {
  readonly byWeekHour: Float32Array;
  /** Number of values in each hour of the week. */
  readonly support: Uint8Array;
  /** Number of local days with values. */
  readonly days: number;
  /** Whether the weekdays differ from each other. Otherwise, all days have the same profile. */
  readonly isWeekly: boolean;
}

/** Weekdays are compared from two weeks of data on. */
export const WEEKLY_HOURS = 14 * 24 - 12;
/** With fewer values per hour of the day, the neighbor hours are used too. */
const MIN_VALUES_PER_HOUR = 5;
/** The profile of an hour of the week counts as many weeks, and the profile of the day this many. */
const DAILY_PROFILE_WEEKS = 1;

/** Returns the median of a sorted list, moved toward 0: with few values, one of them must not decide. */
function computeCautiousMedian(sorted: Float64Array): number {
  const [low, high] = [computeQuantile(sorted, 0.4), computeQuantile(sorted, 0.6)];
  if (low > 0) return low;
  return Math.min(high, 0);
}

/** Collects the finite values of some positions. */
function pick(values: Float64Array, positions: readonly number[]): Float64Array {
  return toSorted(positions.map((i) => values[i]!));
}

/**
 * Computes the daily profile, and with two weeks of data the weekly profile.
 *
 * @param levels the level at each hour, on the same scale
 * @param isWeekly whether there are two weeks of data
 */
export function computeSeason(
  { scaled, weekHours }: HourlyScaled,
  levels: Float64Array,
  isWeekly: boolean,
): Season {
  const n = scaled.length;
  const residuals = new Float64Array(n);
  const positions: number[][] = Array.from({ length: HOURS_PER_WEEK }, () => []);
  const support = new Uint8Array(HOURS_PER_WEEK);
  let first = n;
  let last = -1;
  for (let i = 0; i < n; i++) {
    residuals[i] = scaled[i]! - levels[i]!;
    if (!Number.isFinite(residuals[i]!)) continue;
    positions[weekHours[i]!]!.push(i);
    first = Math.min(first, i);
    last = i;
  }
  for (let h = 0; h < HOURS_PER_WEEK; h++) support[h] = Math.min(255, positions[h]!.length);
  const daily = computeDailyProfile(residuals, positions);
  const spanHours = last - first + 1;
  const byWeekHour = Float32Array.from({ length: HOURS_PER_WEEK }, (_, h) => daily[h % 24]!);
  if (isWeekly) {
    for (let i = 0; i < n; i++) residuals[i]! -= byWeekHour[weekHours[i]!]!;
    addWeeklyProfile(byWeekHour, residuals, positions, spanHours / HOURS_PER_WEEK);
  }
  return { byWeekHour, support, days: Math.max(0, spanHours) / 24, isWeekly };
}

function computeDailyProfile(
  residuals: Float64Array,
  positions: readonly (readonly number[])[],
): Float64Array {
  const byHour = Array.from({ length: 24 }, (_, h) =>
    Array.from({ length: 7 }, (_unused, day) => positions[24 * day + h]!).flat(),
  );
  const daily = new Float64Array(24).fill(Number.NaN);
  for (let h = 0; h < 24; h++) {
    const own = byHour[h]!;
    const pooled =
      own.length >= MIN_VALUES_PER_HOUR || own.length === 0
        ? own
        : [...byHour[(h + 23) % 24]!, ...own, ...byHour[(h + 1) % 24]!];
    daily[h] = computeQuantile(pick(residuals, pooled), 0.5);
  }
  // Hours without any value never get a band. A number is needed only for interpolation.
  for (let h = 0; h < 24; h++) if (Number.isNaN(daily[h]!)) daily[h] = findNearest(daily, h);
  return daily;
}

function findNearest(daily: Float64Array, hour: number): number {
  for (let distance = 1; distance <= 12; distance++) {
    for (const h of [hour - distance, hour + distance]) {
      const value = daily[(h + 24) % 24]!;
      if (Number.isFinite(value)) return value;
    }
  }
  return 0;
}

/** Adds the differences between the weekdays, which are smaller the fewer weeks there are. */
function addWeeklyProfile(
  byWeekHour: Float32Array,
  residuals: Float64Array,
  positions: readonly (readonly number[])[],
  weeks: number,
): void {
  const trust = weeks / (weeks + DAILY_PROFILE_WEEKS);
  for (let day = 0; day < 7; day++) {
    const ofDay = positions.slice(24 * day, 24 * day + 24).flat();
    const offset = ofDay.length === 0 ? 0 : computeCautiousMedian(pick(residuals, ofDay));
    for (let hour = 0; hour < 24; hour++) {
      const h = 24 * day + hour;
      // The neighbor hours in the week can belong to another day.
      const around = [h - 1, h, h + 1].flatMap(
        (each) => positions[(each + HOURS_PER_WEEK) % HOURS_PER_WEEK]!,
      );
      const sorted = pick(residuals, around).map((value) => value - offset);
      const own = sorted.length === 0 ? 0 : computeCautiousMedian(sorted);
      byWeekHour[h]! += offset + trust * own;
    }
  }
}
