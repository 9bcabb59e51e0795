import { ALERT_SEVERITIES } from '../../src/core/schema/enums.ts';
import { alertsTable } from '../../src/core/schema/tables/alerts-table.ts';
import { MAX_ROWS } from './metric-queries.ts';
import { FROM, INTERVAL, TO, toFilter, type VariableName } from './sql-text.ts';

const COLUMNS: Readonly<Partial<Record<VariableName, string>>> = {
  organization: 'organization_id',
  property: 'property_id',
  service: 'service',
};

/** Returns conditions for the selected filters. Ignores variables that alerts have no column for. */
function toAlertConditions(
  by: readonly VariableName[] = ['organization', 'property', 'service'],
): string {
  const conditions = by.flatMap((name) => {
    const column = COLUMNS[name];
    return column === undefined ? [] : [toFilter(name, column)];
  });
  return conditions.length > 0 ? conditions.join(' AND ') : '1 = 1';
}

/** Selects the last transition of each alert before the end of the time range, ordered by (timestamp, seq). */
function selectCurrentAlerts(): string {
  return `(SELECT * FROM (SELECT timestamp, rule, state, severity, service, organization_id, property_id, id, seq,
  value, threshold, labels, cause, author, started_at, fired_at,
  row_number() OVER (PARTITION BY id ORDER BY timestamp DESC, seq DESC) AS row_no
  FROM ${alertsTable.name} WHERE timestamp < ${TO} AND ${toAlertConditions()}) WHERE row_no = 1)`;
}

/** Selects when each alert that fired started firing, was first acknowledged, and was resolved. */
export function selectAlertLifecycles(by?: readonly VariableName[]): string {
  const timeOf = (state: string, aggregate: string) =>
    `${aggregate}(CASE WHEN state = '${state}' THEN timestamp END)`;
  return `(SELECT id, rule, service, fired_at, acknowledged_at, resolved_at FROM (
  SELECT id, rule, service, max(fired_at) AS fired_at, ${timeOf('acknowledged', 'min')} AS acknowledged_at,
  ${timeOf('resolved', 'max')} AS resolved_at
  FROM ${alertsTable.name} WHERE timestamp < ${TO} AND ${toAlertConditions(by)} GROUP BY id, rule, service
) WHERE fired_at IS NOT NULL)`;
}

const FIRED_IN_RANGE = `fired_at < ${TO} AND fired_at >= ${FROM}`;
const FIRING = "state IN ('firing', 'acknowledged')";

/** Counts the firing alerts and, of these, the alerts that are not acknowledged. */
export function selectFiringCount(): string {
  return `SELECT count() AS "Firing", sum(CASE WHEN state = 'firing' THEN 1 ELSE 0 END) AS "Not acknowledged"
FROM ${selectCurrentAlerts()} WHERE ${FIRING}`;
}

/** Selects pending and firing alerts, most severe first. */
export function selectFiringAlerts(): string {
  const rank = ALERT_SEVERITIES.map((severity, i) => `WHEN '${severity}' THEN ${i}`).join(' ');
  return `SELECT severity AS "Severity", rule AS "Rule", state AS "State", service AS "Service", organization_id AS "Organization", property_id AS "Property",
  value AS "Value", threshold AS "Threshold", coalesce(fired_at, started_at) AS "Since", labels AS "Labels", cause AS "Cause", author AS "Acknowledged by"
FROM ${selectCurrentAlerts()} WHERE state != 'resolved'
ORDER BY CASE severity ${rank} ELSE -1 END DESC, "Since" LIMIT ${MAX_ROWS}`;
}

/** Selects alert transitions in the time range, newest first. */
export function selectAlertHistory(): string {
  return `SELECT timestamp AS "Time", rule AS "Rule", state AS "State", severity AS "Severity", service AS "Service", organization_id AS "Organization",
  value AS "Value", threshold AS "Threshold", labels AS "Labels", cause AS "Cause", author AS "Author", comment AS "Comment"
FROM ${alertsTable.name} WHERE timestamp >= ${FROM} AND timestamp < ${TO} AND ${toAlertConditions()} ORDER BY timestamp DESC LIMIT ${MAX_ROWS}`;
}

/** Selects the number of alerts that started firing in each interval, by rule. */
export function selectFiredOverTime(): string {
  return `SELECT timestamp_floor(${INTERVAL}, fired_at) AS time, rule AS metric, count() AS value FROM ${selectAlertLifecycles()}
WHERE ${FIRED_IN_RANGE} GROUP BY time, metric ORDER BY time`;
}

/** Selects the mean time, in ms, from firing to acknowledgment or resolution. */
export function selectMeanTimeTo(state: 'acknowledged' | 'resolved'): string {
  return `SELECT avg(datediff('T', fired_at, ${state}_at)) AS ${state} FROM ${selectAlertLifecycles()}
WHERE ${FIRED_IN_RANGE} AND ${state}_at IS NOT NULL`;
}

/** Selects how often each rule fired, with the times to acknowledge and to resolve in ms. */
export function selectRules(): string {
  const timeTo = (state: string) =>
    `CASE WHEN ${state}_at IS NULL THEN NULL ELSE datediff('T', fired_at, ${state}_at) END`;
  return `SELECT rule AS "Rule", count() AS "Fired", count(acknowledged_at) AS "Acknowledged", avg(${timeTo('acknowledged')}) AS "To acknowledge",
  avg(${timeTo('resolved')}) AS "To resolve", max(${timeTo('resolved')}) AS "Longest" FROM ${selectAlertLifecycles()}
WHERE ${FIRED_IN_RANGE} ORDER BY "Fired" DESC LIMIT ${MAX_ROWS}`;
}
