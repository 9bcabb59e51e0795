import type { ApiResponse } from '../../../client/api-types.ts';
import type { Kind } from '../../design/controls.tsx';
import { formatText, type Unit } from '../../format/quantities.ts';
import { linkTo } from '../../url/view-state.ts';

export type Forecast = ApiResponse<'forecasts'>['forecasts'][number];

const DAY_MS = 86_400_000;

const STATUS_WORDS: Readonly<Record<Forecast['status'], string>> = {
  reached: 'at the limit',
  limit: 'reaches the limit',
  clear: 'below the limit',
  notPredictable: 'not predictable',
  noLimit: 'no known limit',
  waiting: 'waiting',
};

const METHOD_WORDS: Readonly<Record<NonNullable<Forecast['method']>, string>> = {
  naive: 'last value',
  seasonalNaive: 'last day or week',
  linear: 'Theil–Sen line',
  recentLinear: 'Theil–Sen line through the newest quarter',
  seasonalLinear: 'line with the daily or weekly pattern',
  ets: 'exponential smoothing (ETS)',
  mstl: 'seasonal decomposition (MSTL)',
};

/** Returns whether a forecast is shown. All others are listed with their reason. */
export function isShown({ status }: Forecast): boolean {
  return status !== 'notPredictable' && status !== 'waiting';
}

/** Returns the status in words. */
export function describeStatus({ status }: Forecast): string {
  return STATUS_WORDS[status];
}

/** Returns the method in words. Empty if there is no forecast. */
export function describeMethod({ method }: Forecast): string {
  return method === undefined ? '' : METHOD_WORDS[method];
}

/** Returns the color of a forecast. Only forecasts that alerts use are problems. */
export function statusKind({ status, reliable, timeToLimit, alert }: Forecast): Kind {
  if (alert?.severity === 'critical' || status === 'reached') return 'critical';
  if (status === 'limit') return reliable && (timeToLimit ?? 0) < 7 * DAY_MS ? 'warning' : 'accent';
  return status === 'clear' ? 'ok' : 'none';
}

/** Returns when the limit is reached, such as `in 3 d`. */
export function describeLimit(forecast: Forecast): string {
  const { status, timeToLimit, horizon } = forecast;
  if (status === 'reached') return 'now';
  if (timeToLimit !== undefined) return `in ${formatText(timeToLimit, 'ms')}`;
  return status === 'clear' && horizon !== undefined
    ? `not within ${formatText(horizon, 'ms')}`
    : '–';
}

/**
 * Returns the 80 % interval, such as `2 d to 4 d`.
 *
 * @param nowMs current time in ms
 */
export function describeInterval(
  { earliestAt, latestAt, horizon }: Forecast,
  nowMs: number,
): string | undefined {
  if (earliestAt === undefined) return undefined;
  const toText = (at: string) => formatText(Math.max(0, Date.parse(at) - nowMs), 'ms');
  const end = latestAt === undefined ? `after ${formatText(horizon ?? 0, 'ms')}` : toText(latestAt);
  return `${toText(earliestAt)} to ${end}`;
}

/** Returns the unit of the values for figures. */
export function toUnit({ unit }: Pick<Forecast, 'unit'>): Unit {
  return unit === '1/min' ? '/min' : unit;
}

export function forecastLink(id: string): string {
  return linkTo(`/forecasts/${encodeURIComponent(id)}`);
}
