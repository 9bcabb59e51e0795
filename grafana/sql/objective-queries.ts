import { objectivesTable } from '../../src/core/schema/tables/objectives-table.ts';
import { FROM, INTERVAL, TO, toFilter } from './sql-text.ts';

/** Objectives without a tenant, such as the uptime, are shown for every tenant that the user selects. */
const CONDITIONS = [
  `(organization_id IS NULL OR ${toFilter('organization', 'organization_id')})`,
  `(property_id IS NULL OR ${toFilter('property', 'property_id')})`,
  `(service IS NULL OR ${toFilter('service', 'service')})`,
].join(' AND ');

/** The names of the group, such as `anna north shop`. */
const SUBJECT =
  "trim(concat(coalesce(organization_id, ''), ' ', coalesce(property_id, ''), ' ', coalesce(service, ''), ' ', coalesce(endpoint, queue_name, '')))";

/** Selects the newest error budget of each group in the time range, smallest remaining budget first. */
export function selectErrorBudgets(): string {
  return `SELECT objective AS "Objective", ${SUBJECT} AS "Group", target AS "Target",
  achieved AS "Achieved", budget_remaining AS "Remaining", burn_rate_fast AS "Fast", burn_rate_slow AS "Slow",
  exhausted_at AS "Runs out"
FROM (SELECT * FROM ${objectivesTable.name} WHERE timestamp >= ${FROM} AND timestamp < ${TO} AND ${CONDITIONS}
  LATEST ON timestamp PARTITION BY objective, labels)
ORDER BY coalesce(budget_remaining, 1000000.0) LIMIT 200`;
}

/** Selects the smallest remaining error budget of each objective over time, in percent. */
export function selectBudgetsOverTime(): string {
  return `SELECT timestamp_floor(${INTERVAL}, timestamp) AS time, objective AS metric, min(budget_remaining) AS value
FROM ${objectivesTable.name} WHERE timestamp >= ${FROM} AND timestamp < ${TO} AND ${CONDITIONS}
  AND budget_remaining IS NOT NULL
GROUP BY time, metric ORDER BY time`;
}
