import { HOUR_MS } from '../../../core/duration.ts';
import {
  type BandPosition,
  computeDistance,
  findBandProblem,
  locateBand,
  SENSITIVITIES,
  type Sensitivity,
} from './band.ts';
import { computeTrailingLevel } from './band-level.ts';
import { fitBand, type HourlyHistory } from './fit-band.ts';
import { toScale } from './value-scale.ts';
import type { WeekCalendar } from './week-hours.ts';

/** How often a band that was learned only from earlier values would have been wrong. */
export interface BandError {
  /** Number of compared hours. */
  readonly hours: number;
  /** Number of these hours whose value was outside, by sensitivity. */
  readonly outside: Readonly<Record<Sensitivity, number>>;
  /** Same at medium sensitivity, but a long time outside counts as few hours, because it is one incident or shift. */
  readonly scattered: number;
}

/** The last seven days are compared, with a band that was learned before them. */
const TEST_HOURS = 7 * 24;
/** Number of hours that count in a longer time outside. */
const MAX_RUN_HOURS = 3;
/** Fewer days than this can't be learned from. */
const MIN_TRAINING_HOURS = 48;

/**
 * Compares the last seven days with a band that was learned from the days before. With less than nine days of data,
 * compares the days after the second day.
 *
 * @returns `undefined` without enough data
 */
export function measureBandError(
  history: HourlyHistory,
  calendar: WeekCalendar,
): BandError | undefined {
  const all = Float64Array.from(history.values as ArrayLike<number>);
  const first = all.findIndex((value) => Number.isFinite(value));
  const trainingEnd = Math.max(all.length - TEST_HOURS, first + MIN_TRAINING_HOURS);
  if (first < 0 || trainingEnd >= all.length) return undefined;
  const endHour = history.endHour - (all.length - trainingEnd);
  const model = fitBand({ ...history, values: all.subarray(0, trainingEnd), endHour }, calendar);
  if (model.problem) return undefined;
  const startHour = history.endHour - all.length;
  const flat = all.map((value, i) => {
    if (findBandProblem(model, calendar, (startHour + i + 0.5) * HOUR_MS)) return Number.NaN;
    const weekHour = calendar.getWeekHour((startHour + i) * HOUR_MS);
    return toScale(model.scale, value) - model.season.byWeekHour[weekHour]!;
  });
  const levels = computeTrailingLevel(flat);
  const outside = { low: 0, medium: 0, high: 0 };
  let [hours, run, scattered] = [0, 0, 0];
  for (let i = trainingEnd; i < all.length; i++) {
    const toMs = (startHour + i + 1) * HOUR_MS;
    const level = levels[i]!;
    if (!Number.isFinite(level) || Number.isNaN(flat[i]!)) continue;
    const window = { toMs, windowMs: HOUR_MS, spread: undefined };
    const position: BandPosition = locateBand({ ...model, level }, calendar, window);
    const distance = computeDistance(model, position, all[i]!);
    if (distance === undefined) continue;
    hours += 1;
    for (const name of Object.keys(SENSITIVITIES) as Sensitivity[]) {
      if (Math.abs(distance) > SENSITIVITIES[name]) outside[name] += 1;
    }
    run = Math.abs(distance) > SENSITIVITIES.medium ? run + 1 : 0;
    if (run > 0 && run <= MAX_RUN_HOURS) scattered += 1;
  }
  return hours === 0 ? undefined : { hours, outside, scattered };
}

/** Share of values of a normal distribution that are outside, on both sides, in percent. */
export const EXPECTED_SHARES: Readonly<Record<Sensitivity, number>> = {
  low: 2.6e-10,
  medium: 5.7e-5,
  high: 0.047,
};

/** With a larger share of scattered values outside, the past doesn't predict the series. */
const MAX_SCATTERED_SHARE = 0.1;
const MIN_TEST_HOURS = 24;

/** Returns whether the band was wrong so often that an alert would say nothing. */
export function isUnreliable({ hours, scattered }: BandError): boolean {
  return hours >= MIN_TEST_HOURS && scattered > MAX_SCATTERED_SHARE * hours;
}
