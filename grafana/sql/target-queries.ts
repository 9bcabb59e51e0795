import { selectUptimeMinutes } from './health-queries.ts';
import { selectJobsByMinute } from './job-queries.ts';
import { ERROR_RATE, type MetricSelection, selectTotalsByMinute } from './total-queries.ts';

/**
 * Selects the percentage of minutes in which a value was below its limit. Minutes without data are excluded. The length
 * doesn't depend on the panel's interval, so neither does the result.
 *
 * @param value SQL expression that uses the columns of `rows`
 */
function selectShareMet(value: string, limit: number, rows: string): string {
  return `SELECT 100.0 * sum(CASE WHEN value < ${limit} THEN 1 ELSE 0 END) / count(value) AS met FROM (SELECT ${value} AS value FROM ${rows})`;
}

export function selectTimeMet(selection: MetricSelection, limit: number): string {
  return selectShareMet('total / amount', limit, selectTotalsByMinute(selection));
}

export function selectErrorsMet(selection: MetricSelection, limit: number): string {
  return selectShareMet(ERROR_RATE, limit, selectTotalsByMinute(selection));
}

export function selectProcessingMet(limit: number): string {
  return selectShareMet('processing / processed', limit, selectJobsByMinute());
}

/** Selects the percentage of services whose uptime was above `limit` percent. */
export function selectUptimeMet(limit: number): string {
  return `SELECT 100.0 * sum(CASE WHEN 100.0 * reported / expected > ${limit} THEN 1 ELSE 0 END) / count() AS met
FROM ${selectUptimeMinutes()} WHERE expected > 0`;
}
