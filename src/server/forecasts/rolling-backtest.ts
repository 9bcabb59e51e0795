import type { ForecastMethod, ForecastMethodName } from './forecast-methods.ts';

/** The errors of one method in the backtest. */
export interface MethodErrors {
  readonly name: ForecastMethodName;
  /** Absolute errors for each horizon, by origin. `NaN` if the horizon ends after the series. */
  readonly errors: readonly Float64Array[];
}

export interface BacktestPlan {
  /** Horizons in intervals, in ascending order. */
  readonly horizons: readonly number[];
  /** Number of values that each forecast of the backtest knows, in ascending order. */
  readonly origins: readonly number[];
}

/** Number of forecasts in a backtest. */
const ORIGINS = 24;
/** At the first origin, a method knows this part of the series. */
const FIRST_ORIGIN_SHARE = 1 / 3;
/** Shortest part of a series that a forecast can learn from. */
const MIN_TRAINING = 12;
/** The longest horizon is at most this part of the series, so that enough forecasts can be checked. */
const MAX_HORIZON_SHARE = 1 / 3;

/**
 * Plans a rolling-origin backtest: forecasts from many times in the past that are compared with the values that
 * followed.
 *
 * @param length number of values
 * @param horizons horizons of interest in intervals, in ascending order. Longer ones are limited to a third of the series.
 * @returns `undefined` if the series is too short
 */
export function planBacktest(
  length: number,
  horizons: readonly number[],
): BacktestPlan | undefined {
  const longest = Math.min(horizons.at(-1) ?? 0, Math.floor(MAX_HORIZON_SHARE * length));
  const first = Math.max(MIN_TRAINING, Math.floor(FIRST_ORIGIN_SHARE * length));
  if (longest < 1 || first + longest >= length) return undefined;
  const tested = [...new Set([...horizons.filter((h) => h < longest), longest])];
  const last = length - 1;
  const count = Math.min(ORIGINS, last - first + 1);
  const origins = Array.from({ length: count }, (_, i) =>
    count === 1 ? last : Math.round(first + ((last - first) * i) / (count - 1)),
  );
  return { horizons: tested, origins };
}

/**
 * Runs one method from each origin.
 *
 * @returns `undefined` if the method doesn't fit the series at one of the origins
 */
export function backtestMethod(
  values: Float64Array,
  method: ForecastMethod,
  { horizons, origins }: BacktestPlan,
): MethodErrors | undefined {
  const errors = horizons.map(() => new Float64Array(origins.length).fill(Number.NaN));
  const longest = horizons.at(-1)!;
  for (const [i, origin] of origins.entries()) {
    if (origin < method.minValues) return undefined;
    const needed = Math.min(longest, values.length - origin);
    const predicted = method.predict(values.subarray(0, origin), needed);
    if (!predicted) return undefined;
    for (const [j, horizon] of horizons.entries()) {
      if (horizon > needed) continue;
      errors[j]![i] = Math.abs(values[origin + horizon - 1]! - predicted[horizon - 1]!);
    }
  }
  return { name: method.name, errors };
}

/** Returns the median of the errors at a horizon. `NaN` if there are none. */
export function getMedianError({ errors }: MethodErrors, horizonIndex: number): number {
  return getErrorQuantile(errors[horizonIndex] ?? new Float64Array(), 0.5);
}

/**
 * Returns the error that a share of the forecasts didn't exceed. With few forecasts, uses the rank of split conformal
 * prediction, which is higher: `ceil((n + 1) × share)`.
 */
export function getErrorQuantile(errors: Float64Array, share: number): number {
  const sorted = errors.filter((error) => !Number.isNaN(error)).sort();
  if (sorted.length === 0) return Number.NaN;
  const rank = Math.ceil((sorted.length + 1) * share);
  return sorted[Math.min(rank, sorted.length) - 1]!;
}

/** An error is smaller only if the difference is not a rounding error. */
const TOLERANCE = 1e-9;

/**
 * Returns the method with the smallest errors: the mean over all horizons of its median error, relative to the median
 * error of the naive method.
 */
export function chooseMethod(
  candidates: readonly MethodErrors[],
  naive: MethodErrors,
): MethodErrors | undefined {
  const scale = naive.errors.map((_, i) => getMedianError(naive, i));
  const floor = TOLERANCE + 1e-6 * Math.max(...scale.filter((value) => !Number.isNaN(value)), 0);
  const score = (method: MethodErrors) =>
    method.errors.reduce((sum, _, i) => sum + getMedianError(method, i) / (scale[i]! + floor), 0);
  return candidates.toSorted((a, b) => score(a) - score(b))[0];
}

/** A method must be better than a naive one by this factor at the longest horizon. */
const MIN_IMPROVEMENT = 0.9;

/** Returns whether the errors at the longest horizon are clearly smaller than the errors of another method. */
export function isBetter(method: MethodErrors, other: MethodErrors): boolean {
  const index = method.errors.length - 1;
  const own = method.errors[index]!;
  const others = other.errors[index]!;
  const compared = own.filter((error, i) => !Number.isNaN(error) && !Number.isNaN(others[i]));
  const wins = own.filter((error, i) => error < others[i]! - TOLERANCE).length;
  const isClear =
    getMedianError(method, index) < MIN_IMPROVEMENT * getMedianError(other, index) - TOLERANCE;
  return isClear && 2 * wins > compared.length;
}
