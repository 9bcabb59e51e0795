import { forecastsTable } from '../../src/core/schema/tables/forecasts-table.ts';
import { FROM, TO, toFilter } from './sql-text.ts';

/** The server writes each forecast at most once per hour, so a short range can contain none. */
const START = `dateadd('h', -2, ${FROM})`;
/** Disks and memory of hosts belong to no service. */
const CONDITIONS = `(service IS NULL OR ${toFilter('service', 'service')})`;

/** Selects the newest forecast of each subject in the time range. The limits that are reached first come first. */
export function selectForecasts(): string {
  return `SELECT subject AS "Subject", status AS "Status", CASE WHEN limit_value > 0 THEN 100 * value / limit_value END AS "Used",
  datediff('h', timestamp, limit_at) / 24.0 AS "Days left", limit_at AS "Limit reached",
  earliest_at AS "Earliest", latest_at AS "Latest",
  CASE WHEN limit_value > 0 THEN 100 * error / limit_value END AS "Error",
  CASE WHEN limit_value > 0 THEN 100 * naive_error / limit_value END AS "Naive error", reason AS "Reason"
FROM (SELECT * FROM ${forecastsTable.name} WHERE timestamp >= ${START} AND timestamp < ${TO} AND ${CONDITIONS}
  LATEST ON timestamp PARTITION BY subject_id)
ORDER BY coalesce("Days left", 1000000.0), "Used" DESC LIMIT 200`;
}
