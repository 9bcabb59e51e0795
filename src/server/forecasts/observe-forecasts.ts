import { formatBytes, formatDuration, formatNumber, formatPercent } from '../../core/format.ts';
import type { Forecast } from './forecast.ts';
import type { SubjectForecast } from './forecast-monitor.ts';
import type { ForecastKind } from './forecast-subject.ts';

/** Labels of the alerts about forecasts, by kind. Error budgets also have the labels of their objective. */
export const FORECAST_LABELS: Readonly<Record<ForecastKind, readonly string[]>> = {
  disk: ['subject', 'host'],
  memory: ['subject', 'host', 'service'],
  pool: ['subject', 'service', 'pool'],
  queue: ['subject', 'queue', 'queueScope'],
  requestRate: ['subject', 'service'],
  errorBudget: ['subject', 'objective'],
};

/** Returns the labels of the alert about a subject. */
export function toForecastLabels({
  subject,
}: Pick<SubjectForecast, 'subject'>): Readonly<Record<string, string>> {
  return { ...subject.labels, subject: subject.name };
}

/**
 * Returns the time until a subject reaches its limit, in ms. Returns `Infinity` if the forecast isn't reliable enough
 * for an alert, and 0 if the limit is reached.
 */
export function getTimeToLimit({ status, isReliable, expectedMs }: Forecast, now: number): number {
  if (status === 'reached') return 0;
  const isUsable = status === 'limit' && isReliable === true && expectedMs !== undefined;
  return isUsable ? Math.max(0, expectedMs - now) : Number.POSITIVE_INFINITY;
}

/**
 * Explains an alert, for example `between 2 d 9 h and 4 d 2 h (80 % interval); now 81 %, 6.1 % more per day; …`.
 *
 * @returns `undefined` if there is no forecast
 */
export function explainForecast(
  { subject, forecast }: SubjectForecast,
  now: number,
): string | undefined {
  const { status, value, limit, slopePerDay = 0, earliestMs, latestMs, errors } = forecast;
  if (value === undefined || limit === undefined) return undefined;
  const format = (each: number) => formatValue(each, subject.unit);
  const current = `now ${format(value)} of ${format(limit)}`;
  if (status === 'reached') return current;
  if (status !== 'limit' || earliestMs === undefined || latestMs === undefined) return undefined;
  const [earliest, latest] = [earliestMs, latestMs].map((ms) =>
    formatDuration(Math.max(0, ms - now)),
  );
  const last = errors?.at(-1);
  const tested =
    last === undefined
      ? ''
      : `; in ${formatNumber(last.forecasts)} tests over ${formatDuration(last.horizonMs)}, the error was ${format(last.error)} (repeating the last value: ${format(last.naive)})`;
  const growth = `${format(Math.abs(slopePerDay))} ${slopePerDay >= 0 ? 'more' : 'less'} per day`;
  return `between ${earliest} and ${latest} (80 % interval); ${current}, ${growth}${tested}`;
}

/** Formats a value of a subject in its unit. */
function formatValue(value: number, unit: string): string {
  if (unit === '%') return formatPercent(value);
  if (unit === 'By') return formatBytes(value);
  if (unit === 'ms') return formatDuration(value);
  return unit === '1/min' ? `${formatNumber(value)}/min` : formatNumber(value);
}
