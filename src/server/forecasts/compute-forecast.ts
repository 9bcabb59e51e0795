import { formatDuration } from '../../core/format.ts';
import type { AugursModels } from './augurs-models.ts';
import type { Forecast, HorizonError } from './forecast.ts';
import {
  computeSlope,
  createCheapMethods,
  createCostlyMethods,
  type ForecastMethod,
} from './forecast-methods.ts';
import { findLimitTimes, interpolateWidths, type PredictedPoint } from './limit-crossing.ts';
import { type LearnedSeries, prepareSeries, type RegularSeries } from './regular-series.ts';
import {
  type BacktestPlan,
  backtestMethod,
  chooseMethod,
  getErrorQuantile,
  getMedianError,
  isBetter,
  isClearlyBetter,
  type MethodErrors,
  planBacktest,
} from './rolling-backtest.ts';
import { prepareAccumulation } from './usage-drops.ts';

/** How to forecast the series of one kind of subject. */
export interface ForecastOptions {
  /** Value at which the subject is exhausted. Undefined if it is unknown. */
  readonly limit: number | undefined;
  /** Why the limit is unknown. */
  readonly limitReason?: string | undefined;
  /** Whether the values accumulate until a clean-up or a restart, as on a disk. */
  readonly accumulates: boolean;
  /** Lengths of the seasons, in intervals, in ascending order. */
  readonly periods: readonly number[];
  /** Horizons in intervals, in ascending order. The last is the length of the forecast. */
  readonly horizons: readonly number[];
  /** Number of values that a forecast needs. */
  readonly minValues: number;
  /** Current time in ms. Values that are much older aren't extrapolated. */
  readonly nowMs: number;
  /** Converts the times of the series, which can be local, to ms since the epoch. Default: no change. */
  readonly toTime?: ((gridMs: number) => number) | undefined;
  /** Models that need more time. Only used for subjects that grow or are close to their limit. */
  readonly models?: (() => Promise<AugursModels>) | undefined;
  /** Keeps the result of the backtest, which changes little within a few intervals. */
  readonly memo?: BacktestMemo | undefined;
  /** Called between two fits, so that the server can handle requests. */
  readonly pause?: (() => Promise<void>) | undefined;
}

/** The last backtest of a series. */
export interface BacktestMemo {
  last?: {
    readonly startMs: number;
    readonly endMs: number;
    readonly drops: number;
    readonly plan: BacktestPlan;
    readonly tested: TestedMethods;
  };
}

/** A backtest is repeated after this number of new values. */
const RETEST_STEPS = 6;
/** Share of the forecasts whose interval should contain the value. */
const INTERVAL_SHARE = 0.8;
/** Above this share of the limit, more methods are tried. */
const NEAR_SHARE = 0.7;
/** A forecast starts from a value that is at most this number of intervals old. */
const MAX_AGE_STEPS = 6;

/**
 * Forecasts when a series reaches its limit. Each result has the evidence that a reader needs to check it. Never
 * throws because of the values.
 */
export async function computeForecast(
  raw: RegularSeries,
  options: ForecastOptions,
): Promise<Forecast> {
  const { limit, minValues, nowMs, toTime = (ms) => ms } = options;
  const prepared = prepareSeries(raw);
  if (!prepared) return waitForValues(options, raw.stepMs, 0);
  const accumulated = options.accumulates
    ? prepareAccumulation(prepared)
    : { series: prepared, drops: 0, peakBeforeDrop: undefined };
  const { series, drops, peakBeforeDrop } = accumulated;
  const { values, stepMs, startMs } = series;
  const endMs = startMs + values.length * stepMs;
  const value = values.at(-1)!;
  const known = {
    value,
    valueAtMs: toTime(endMs - stepMs),
    limit,
    slopePerDay: computeSlope(values) * (86_400_000 / stepMs),
    learnedFromMs: toTime(startMs),
    learnedToMs: toTime(endMs),
    count: series.measured,
    spikes: series.spikes,
    drops,
    history: toHistory(prepared, toTime),
  };
  if (nowMs - toTime(endMs) > MAX_AGE_STEPS * stepMs) {
    const reason = `the newest value is ${formatDuration(nowMs - toTime(endMs))} old`;
    return { ...known, status: 'notPredictable', reason };
  }
  const { length } = values;
  if (length < minValues || series.measured < minValues / 2) {
    const waiting = waitForValues(options, stepMs, Math.min(length, 2 * series.measured));
    const since = drops === 1 ? ', counted from the last clean-up or restart' : '';
    return { ...waiting, ...known, reason: `${waiting.reason}${since}` };
  }
  if (limit !== undefined && value >= limit) return { ...known, status: 'reached' };
  const newPlan = planBacktest(
    length,
    options.horizons,
    options.accumulates ? [] : options.periods,
  );
  if (!newPlan) return { ...waitForValues(options, stepMs, length), ...known };
  if (values.every((other) => other === value))
    return { ...known, status: 'notPredictable', reason: 'the value has not changed' };
  const { plan, tested } = await testOrReuse(series, drops, newPlan, options);
  const { naive, seasonalNaive, best } = tested;
  const errors = toHorizonErrors(plan, stepMs, best ?? naive, naive, seasonalNaive);
  const method = best && tested.methods.find(({ name }) => name === best.name);
  const horizon = plan.horizons.at(-1)!;
  const evidence = { ...known, errors, horizonMs: horizon * stepMs, method: best?.name };
  const rival =
    best === undefined || !isClearlyBetter(best, naive)
      ? 'repeating the last value'
      : seasonalNaive && !isBetter(best, seasonalNaive)
        ? 'repeating the last period'
        : undefined;
  const path = rival === undefined ? method?.predict(values, horizon) : undefined;
  if (!best || !path) {
    const reason = `${rival ?? 'repeating the last value'} was as exact in the backtest over ${formatDuration(horizon * stepMs)}`;
    return { ...evidence, status: 'notPredictable', reason };
  }
  const widths = interpolateWidths(
    plan.horizons,
    best.errors.map((ofHorizon) => getErrorQuantile(ofHorizon, INTERVAL_SHARE)),
    horizon,
  );
  const points = Array.from(
    path,
    (predicted, i): PredictedPoint => ({
      atMs: toTime(endMs + i * stepMs),
      value: predicted,
      lower: predicted - widths[i]!,
      upper: predicted + widths[i]!,
    }),
  );
  if (limit === undefined)
    return { ...evidence, points, status: 'noLimit', reason: options.limitReason };
  const times = findLimitTimes({ atMs: toTime(endMs - stepMs), value }, points, limit);
  // After one clean-up, it is unknown whether it repeats before the limit.
  const isUncertain = peakBeforeDrop !== undefined && value <= peakBeforeDrop;
  return {
    ...evidence,
    ...times,
    points,
    status: times.expectedMs === undefined ? 'clear' : 'limit',
    isReliable: times.latestMs !== undefined && !isUncertain,
    ...(isUncertain && {
      reason: 'usage dropped once, and the drop could repeat before the limit',
    }),
  };
}

function waitForValues(
  { minValues, limit }: ForecastOptions,
  stepMs: number,
  have: number,
): Forecast {
  const [haveMs, neededMs] = [have * stepMs, minValues * stepMs];
  return {
    status: 'waiting',
    limit,
    reason: `${formatDuration(neededMs)} of values are needed; there are ${formatDuration(haveMs)}`,
    waiting: { haveMs, neededMs },
  };
}

/** Reuses the last backtest if only a few values were added. */
async function testOrReuse(
  series: LearnedSeries,
  drops: number,
  plan: BacktestPlan,
  options: ForecastOptions,
): Promise<{ readonly plan: BacktestPlan; readonly tested: TestedMethods }> {
  const { startMs, stepMs, values } = series;
  const endMs = startMs + values.length * stepMs;
  const { memo } = options;
  const last = memo?.last;
  const isRecent = (a: number, b: number) => a >= b && a - b < RETEST_STEPS * stepMs;
  const isKnown =
    last?.drops === drops && isRecent(endMs, last.endMs) && isRecent(startMs, last.startMs);
  // A longer series can have longer horizons.
  const isFull = plan.horizons.at(-1) === last?.plan.horizons.at(-1);
  if (last && isKnown && isFull) return last;
  const tested = await testMethods(series, plan, options);
  if (memo) memo.last = { startMs, endMs, drops, plan, tested };
  return { plan, tested };
}

interface TestedMethods {
  readonly methods: readonly ForecastMethod[];
  readonly naive: MethodErrors;
  readonly seasonalNaive: MethodErrors | undefined;
  /** The best method that isn't naive. */
  readonly best: MethodErrors | undefined;
}

async function testMethods(
  { values }: LearnedSeries,
  plan: BacktestPlan,
  { limit, periods, horizons, models, pause }: ForecastOptions,
): Promise<TestedMethods> {
  const methods = createCheapMethods(periods);
  if (models && isNearOrGrowing(values, limit, horizons.at(-1) ?? 0)) {
    methods.push(...createCostlyMethods(await models(), periods));
  }
  const results: MethodErrors[] = [];
  for (const method of methods) {
    const result = backtestMethod(values, method, plan);
    if (result) results.push(result);
    await pause?.();
  }
  const find = (name: string) => results.find((result) => result.name === name);
  const naive = find('naive')!;
  const others = results.filter(({ name }) => name !== 'naive' && name !== 'seasonalNaive');
  return {
    methods,
    naive,
    seasonalNaive: find('seasonalNaive'),
    best: chooseMethod(others),
  };
}

/** Returns whether the limit could be reached within two horizons at the current slope. */
function isNearOrGrowing(
  values: Float64Array,
  limit: number | undefined,
  horizon: number,
): boolean {
  if (limit === undefined) return false;
  const highest = Math.max(...values.subarray(-Math.max(horizon, 24)));
  return highest >= NEAR_SHARE * limit || highest + computeSlope(values) * 2 * horizon >= limit;
}

function toHorizonErrors(
  { horizons }: BacktestPlan,
  stepMs: number,
  method: MethodErrors,
  naive: MethodErrors,
  seasonalNaive: MethodErrors | undefined,
): HorizonError[] {
  return horizons.map((horizon, i) => ({
    horizonMs: horizon * stepMs,
    forecasts: method.errors[i]!.filter((error) => !Number.isNaN(error)).length,
    error: getMedianError(method, i),
    naive: getMedianError(naive, i),
    seasonalNaive: seasonalNaive && getMedianError(seasonalNaive, i),
  }));
}

function toHistory({ startMs, stepMs, values }: LearnedSeries, toTime: (ms: number) => number) {
  return { startMs: toTime(startMs), stepMs, values };
}
