import type { ForecastMethod, ForecastMethodName } from './forecast-methods.ts';

/** The errors of one method in the backtest. */
export interface MethodErrors {
  readonly name: ForecastMethodName;
  /** Absolute errors for each horizon, by origin. `NaN` if it wasn't tested, or if the horizon ends after the series. */
  readonly errors: readonly Float64Array[];
  /** Mean absolute error from the origin to the longest horizon, by origin. `NaN` as in `errors`. */
  readonly pathErrors: Float64Array;
}

export interface BacktestPlan {
  /** Horizons in intervals, in ascending order. */
  readonly horizons: readonly number[];
  /** Number of values that each forecast of the backtest knows, in ascending order. */
  readonly origins: readonly number[];
}

/** Number of forecasts in a backtest. */
const ORIGINS = 24;
/** A method that needs much time is tested only at each second origin. */
const COSTLY_STEP = 2;
/** At the first origin, a method knows this part of the series. */
const FIRST_ORIGIN_SHARE = 1 / 4;
/** Shortest part of a series that a forecast can learn from. */
const MIN_TRAINING = 12;
/** The longest horizon is at most this part of the series, so that enough forecasts can be checked. */
const MAX_HORIZON_SHARE = 1 / 4;

/**
 * Plans a rolling-origin backtest: forecasts from many times in the past that are compared with the values that
 * followed.
 *
 * @param length number of values
 * @param horizons horizons of interest in intervals, in ascending order. Longer ones are limited to a quarter of the series.
 * @param periods lengths of seasons in intervals. If the series is long enough, each forecast knows two periods.
 * @returns `undefined` if the series is too short
 */
export function planBacktest(
  length: number,
  horizons: readonly number[],
  periods: readonly number[] = [],
): BacktestPlan | undefined {
  const longest = Math.min(horizons.at(-1) ?? 0, Math.floor(MAX_HORIZON_SHARE * length));
  const period = periods.findLast((each) => 4 * each <= length) ?? 0;
  const first = Math.max(MIN_TRAINING, Math.floor(FIRST_ORIGIN_SHARE * length), 2 * period);
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
  const pathErrors = new Float64Array(origins.length).fill(Number.NaN);
  for (let i = 0; i < origins.length; i += method.isCostly ? COSTLY_STEP : 1) {
    const origin = origins[i]!;
    if (origin < method.minValues) return undefined;
    const needed = Math.min(longest, values.length - origin);
    const predicted = method.predict(values.subarray(0, origin), needed);
    if (!predicted) return undefined;
    if (needed === longest) {
      const sum = predicted.reduce(
        (total, value, j) => total + Math.abs(value - values[origin + j]!),
        0,
      );
      pathErrors[i] = sum / longest;
    }
    for (const [j, horizon] of horizons.entries()) {
      if (horizon > needed) continue;
      errors[j]![i] = Math.abs(values[origin + horizon - 1]! - predicted[horizon - 1]!);
    }
  }
  return { name: method.name, errors, pathErrors };
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

/** Returns the method with the smallest median error over the longest horizon. */
export function chooseMethod(candidates: readonly MethodErrors[]): MethodErrors | undefined {
  const score = ({ pathErrors }: MethodErrors) => getErrorQuantile(pathErrors, 0.5);
  return candidates.toSorted((a, b) => score(a) - score(b))[0];
}

/** A method must be better than repeating the last value by this factor. */
const MIN_IMPROVEMENT = 0.75;
/** A method must be better in this share of the forecasts, in the older and in the newer half. */
const MIN_WINS = 0.7;

/**
 * Returns whether a method is clearly better than another one over the longest horizon. Its median and its mean error must
 * be smaller, and it must win most forecasts of both halves of the backtest. A trend that existed only once isn't enough.
 */
export function isClearlyBetter(method: MethodErrors, other: MethodErrors): boolean {
  const pairs = pairErrors(method, other);
  const middle = Math.ceil(pairs.length / 2);
  const halves = [pairs.slice(0, middle), pairs.slice(middle)].filter(({ length }) => length > 0);
  const wins = halves.every(
    (half) => half.filter(([a, b]) => a < b - TOLERANCE).length >= MIN_WINS * half.length,
  );
  return wins && isSmaller(pairs, MIN_IMPROVEMENT);
}

/** Returns whether a method has smaller errors than another one over the longest horizon, by the median and the mean. */
export function isBetter(method: MethodErrors, other: MethodErrors): boolean {
  return isSmaller(pairErrors(method, other), 1);
}

type ErrorPair = readonly [own: number, other: number];

function pairErrors(method: MethodErrors, other: MethodErrors): ErrorPair[] {
  return Array.from(
    method.pathErrors,
    (error, i): ErrorPair => [error, other.pathErrors[i]!],
  ).filter(([a, b]) => !Number.isNaN(a) && !Number.isNaN(b));
}

function isSmaller(pairs: readonly ErrorPair[], factor: number): boolean {
  const isLess = (a: number, b: number) => a < factor * b - TOLERANCE;
  const mean = (index: 0 | 1) => pairs.reduce((sum, pair) => sum + pair[index], 0) / pairs.length;
  const median = (index: 0 | 1) =>
    getErrorQuantile(
      Float64Array.from(pairs, (pair) => pair[index]),
      0.5,
    );
  return pairs.length > 0 && isLess(median(0), median(1)) && isLess(mean(0), mean(1));
}
