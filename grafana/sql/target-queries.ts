import { selectUptimeMinutes } from './health-queries.ts';
import { selectJobsOverTime } from './job-queries.ts';
import { type MetricSelection, selectTotalsOverTime } from './total-queries.ts';

/**
 * The share in percent of the intervals with anything measured in which a value was below its limit.
 *
 * @param value made of the columns of `rows`
 */
function selectShareMet(value: string, limit: number, rows: string): string {
  return `SELECT 100.0 * sum(CASE WHEN value < ${limit} THEN 1 ELSE 0 END) / count(value) AS met FROM (SELECT ${value} AS value FROM ${rows})`;
}

export function selectTimeMet(asked: MetricSelection, limit: number): string {
  return selectShareMet('total / amount', limit, selectTotalsOverTime(asked));
}

export function selectErrorsMet(asked: MetricSelection, limit: number): string {
  return selectShareMet('100.0 * errors / amount', limit, selectTotalsOverTime(asked));
}

export function selectProcessingMet(limit: number): string {
  return selectShareMet('processing / processed', limit, selectJobsOverTime());
}

/** Share in percent of the services that were up for more than `limit` percent. */
export function selectUptimeMet(limit: number): string {
  return `SELECT 100.0 * sum(CASE WHEN 100.0 * reported / expected > ${limit} THEN 1 ELSE 0 END) / count() AS met
FROM ${selectUptimeMinutes()} WHERE expected > 0`;
}
