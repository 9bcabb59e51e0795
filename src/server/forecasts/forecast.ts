import type { ForecastMethodName } from './forecast-methods.ts';
import type { PredictedPoint } from './limit-crossing.ts';
import type { RegularSeries } from './regular-series.ts';

/**
 * - `reached`: the current value is at the limit.
 * - `limit`: the limit is reached within the horizon.
 * - `clear`: the limit is not reached within the horizon.
 * - `notPredictable`: a naive forecast is as good, or there are no current values.
 * - `noLimit`: there is a forecast, but no known limit.
 * - `waiting`: there are too few values.
 */
export const FORECAST_STATUSES = [
  'reached',
  'limit',
  'clear',
  'notPredictable',
  'noLimit',
  'waiting',
] as const;
export type ForecastStatus = (typeof FORECAST_STATUSES)[number];

/** Median absolute errors of forecasts in the past, in the unit of the values. */
export interface HorizonError {
  readonly horizonMs: number;
  /** Number of forecasts that were compared with the value that followed. */
  readonly forecasts: number;
  readonly error: number;
  /** Error of repeating the last value. */
  readonly naive: number;
  /** Error of repeating the last day or week. Undefined with too few values. */
  readonly seasonalNaive: number | undefined;
}

/** The forecast for one series, with its evidence. Times are in ms since the epoch. */
export interface Forecast {
  readonly status: ForecastStatus;
  /** Why there is no forecast, or why it isn't reliable. */
  readonly reason?: string | undefined;
  /** Length of the values that exist and that are needed. Only while waiting. */
  readonly waiting?: { readonly haveMs: number; readonly neededMs: number } | undefined;
  readonly value?: number | undefined;
  readonly valueAtMs?: number | undefined;
  readonly limit: number | undefined;
  /** Theil–Sen slope of the learned values. */
  readonly slopePerDay?: number | undefined;
  readonly learnedFromMs?: number | undefined;
  readonly learnedToMs?: number | undefined;
  /** Number of measured values. */
  readonly count?: number | undefined;
  /** Number of isolated spikes that were ignored. */
  readonly spikes?: number | undefined;
  /** Number of clean-ups or restarts. */
  readonly drops?: number | undefined;
  readonly method?: ForecastMethodName | undefined;
  readonly errors?: readonly HorizonError[] | undefined;
  /** Length of the forecast. Longer forecasts couldn't be tested. */
  readonly horizonMs?: number | undefined;
  readonly expectedMs?: number | undefined;
  readonly earliestMs?: number | undefined;
  readonly latestMs?: number | undefined;
  /** Whether an alert can use the forecast: even the lower edge of the interval reaches the limit. */
  readonly isReliable?: boolean | undefined;
  readonly points?: readonly PredictedPoint[] | undefined;
  /** The measured values. Gaps are interpolated. */
  readonly history?: RegularSeries | undefined;
}
