import { minutesUp } from './health.ts';
import { jobsOverTime } from './jobs.ts';
import { type Asked, workOverTime } from './work.ts';

/**
 * The share in percent of the intervals with anything measured in which a value was below its limit.
 *
 * @param value made of the columns of `rows`
 */
function shareMet(value: string, limit: number, rows: string): string {
  return `SELECT 100.0 * sum(CASE WHEN value < ${limit} THEN 1 ELSE 0 END) / count(value) AS met FROM (SELECT ${value} AS value FROM ${rows})`;
}

export function timeMet(asked: Asked, limit: number): string {
  return shareMet('total / amount', limit, workOverTime(asked));
}

export function errorsMet(asked: Asked, limit: number): string {
  return shareMet('100.0 * errors / amount', limit, workOverTime(asked));
}

export function processingMet(limit: number): string {
  return shareMet('processing / processed', limit, jobsOverTime());
}

/** Share in percent of the services that were up for more than `limit` percent. */
export function upMet(limit: number): string {
  return `SELECT 100.0 * sum(CASE WHEN 100.0 * reported / expected > ${limit} THEN 1 ELSE 0 END) / count() AS met
FROM ${minutesUp()} WHERE expected > 0`;
}
