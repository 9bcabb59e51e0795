import { median } from 'simple-statistics';
import type { AugursModels } from './augurs-models.ts';
import { fitTheilSen } from './theil-sen.ts';

/**
 * The names of the methods. `naive` repeats the last value, and `seasonalNaive` the last day or week. `linear` is a
 * Theil–Sen line, and `seasonalLinear` is a line plus the mean daily or weekly pattern.
 */
export const FORECAST_METHODS = [
  'naive',
  'seasonalNaive',
  'linear',
  'recentLinear',
  'seasonalLinear',
  'ets',
  'mstl',
] as const;
export type ForecastMethodName = (typeof FORECAST_METHODS)[number];

/** A method that predicts the next values of a series without gaps. */
export interface ForecastMethod {
  readonly name: ForecastMethodName;
  /** Number of values that the method needs. */
  readonly minValues: number;
  /** Whether the method needs so much time that it is tested less often. */
  readonly isCostly?: boolean;
  /** Returns the next `horizon` values, or `undefined` if the method doesn't fit the values. */
  readonly predict: (values: Float64Array, horizon: number) => Float64Array | undefined;
}

/** Number of points through which a line is fitted. Each is the median of a block of values. */
const MAX_LINE_POINTS = 40;
const MIN_LINE_VALUES = 8;
/** The line starts at the median of this number of newest values. */
const LEVEL_VALUES = 6;
/** ETS uses only the newest values, because older values hardly change its result. */
const MAX_ETS_VALUES = 168;
/** MSTL uses only the newest periods, and only the shortest season. */
const MAX_MSTL_PERIODS = 14;

const NAIVE: ForecastMethod = {
  name: 'naive',
  minValues: 1,
  predict: (values, horizon) => new Float64Array(horizon).fill(values.at(-1)!),
};

const LINEAR: ForecastMethod = {
  name: 'linear',
  minValues: MIN_LINE_VALUES,
  predict: (values, horizon) => extendLine(values, horizon),
};

/** Follows a change of the slope, but needs more values to be as exact as `linear`. */
const RECENT_LINEAR: ForecastMethod = {
  name: 'recentLinear',
  minValues: 4 * MIN_LINE_VALUES,
  predict: (values, horizon) =>
    extendLine(values.slice(-Math.max(MIN_LINE_VALUES, Math.floor(values.length / 4))), horizon),
};

/**
 * Returns the methods that need little time.
 *
 * @param periods lengths of the seasons in intervals, such as 24 and 168 for hourly values
 */
export function createCheapMethods(periods: readonly number[]): ForecastMethod[] {
  return [
    NAIVE,
    createSeasonalNaive(periods),
    LINEAR,
    RECENT_LINEAR,
    createSeasonalLinear(periods),
  ];
}

/** Returns the methods of augurs. Each fit takes about 20 ms. */
export function createCostlyMethods(
  models: AugursModels,
  periods: readonly number[],
): ForecastMethod[] {
  const [shortest = 1] = periods;
  return [
    {
      name: 'ets',
      isCostly: true,
      minValues: 24,
      predict: (values, horizon) =>
        tryModel(horizon, () => models.ets(values.slice(-MAX_ETS_VALUES), horizon)),
    },
    {
      name: 'mstl',
      isCostly: true,
      minValues: 3 * shortest,
      // With a fixed number of periods, the errors of short and long series are comparable.
      predict: (values, horizon) => {
        const recent = values.slice(-MAX_MSTL_PERIODS * shortest);
        return tryModel(horizon, () => models.mstl(recent, horizon, [shortest]));
      },
    },
  ];
}

/** Repeats the last period. Uses the longest period that the values contain twice. */
function createSeasonalNaive(periods: readonly number[]): ForecastMethod {
  const [shortest = 1] = periods;
  return {
    name: 'seasonalNaive',
    minValues: 2 * shortest,
    predict: (values, horizon) => {
      const period = periods.findLast((length) => values.length >= 2 * length);
      if (period === undefined) return undefined;
      const start = values.length - period;
      return Float64Array.from({ length: horizon }, (_, i) => values[start + (i % period)]!);
    },
  };
}

/** Number of periods whose mean is the seasonal pattern. */
const MAX_PATTERN_PERIODS = 4;

/** Extends the median growth per period, plus the mean pattern of the last periods. */
function createSeasonalLinear(periods: readonly number[]): ForecastMethod {
  const [shortest = 1] = periods;
  return {
    name: 'seasonalLinear',
    minValues: 2 * shortest,
    predict: (values, horizon) => {
      const period = periods.findLast((length) => values.length >= 2 * length);
      if (period === undefined) return undefined;
      const used = Math.min(MAX_PATTERN_PERIODS, Math.floor(values.length / period)) * period;
      const recent = values.subarray(-used);
      const changes = Array.from(
        { length: used - period },
        (_, i) => (recent[i + period]! - recent[i]!) / period,
      );
      const slope = median(changes);
      const pattern = new Float64Array(period);
      const count = used / period;
      for (let i = 0; i < used; i++) pattern[i % period]! += (recent[i]! - slope * i) / count;
      // The level can have changed since the pattern was learned.
      const rest = Array.from({ length: Math.min(shortest, used) }, (_, i) => {
        const at = used - 1 - i;
        return recent[at]! - slope * at - pattern[at % period]!;
      });
      const level = median(rest);
      return Float64Array.from(
        { length: horizon },
        (_, i) => level + slope * (used + i) + pattern[i % period]!,
      );
    },
  };
}

/**
 * Fits a Theil–Sen line: the median of the slopes between all pairs of points. Up to 29 % of the points can be wrong
 * without an effect on the slope.
 *
 * @returns the change per interval
 */
export function computeSlope(values: Float64Array): number {
  const block = Math.max(1, Math.floor(values.length / MAX_LINE_POINTS));
  const count = Math.floor(values.length / block);
  if (count < 2) return 0;
  const start = values.length - count * block;
  const xs = Array.from({ length: count }, (_, i) => start + i * block + (block - 1) / 2);
  const ys = xs.map((_, i) => {
    const from = start + i * block;
    return median([...values.subarray(from, from + block)]);
  });
  const { slope } = fitTheilSen(xs, ys);
  return Number.isFinite(slope) ? slope : 0;
}

/** Returns the next values on a line through the current level. */
function extendLine(values: Float64Array, horizon: number): Float64Array {
  const slope = computeSlope(values);
  const recent = [...values.subarray(-LEVEL_VALUES)];
  const level = median(recent.map((value, i) => value + slope * (recent.length - 1 - i)));
  return Float64Array.from({ length: horizon }, (_, i) => level + slope * (i + 1));
}

/** Models reject some series, for example constant values. */
function tryModel(horizon: number, run: () => ArrayLike<number>): Float64Array | undefined {
  try {
    const points = Float64Array.from(run());
    const isUsable = points.length === horizon && points.every((value) => Number.isFinite(value));
    return isUsable ? points : undefined;
  } catch {
    return undefined;
  }
}
