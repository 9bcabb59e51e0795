import { ALERT_SEVERITIES } from '../../src/core/schema/enums.ts';
import { alertsTable } from '../../src/core/schema/tables/alerts-table.ts';
import { MAX_ROWS } from './metric-queries.ts';
import { FROM, INTERVAL, TO, toFilter, type VariableName } from './sql-text.ts';

const COLUMNS: Readonly<Partial<Record<VariableName, string>>> = {
  organization: 'organization_id',
  property: 'property_id',
  service: 'service',
};

/** Conditions for the alerts that the viewer has chosen, where the dashboard has these variables. */
function toAlertConditions(
  by: readonly VariableName[] = ['organization', 'property', 'service'],
): string {
  const conditions = by.flatMap((name) => {
    const column = COLUMNS[name];
    return column === undefined ? [] : [toFilter(name, column)];
  });
  return conditions.length > 0 ? conditions.join(' AND ') : '1 = 1';
}

/** The last transition of each alert until the range's end: (timestamp, seq) orders them. */
function selectCurrentAlerts(): string {
  return `(SELECT * FROM (SELECT timestamp, rule, state, severity, service, organization_id, property_id, id, seq,
  value, threshold, labels, cause, author, started_at, fired_at,
  row_number() OVER (PARTITION BY id ORDER BY timestamp DESC, seq DESC) AS place
  FROM ${alertsTable.name} WHERE timestamp < ${TO} AND ${toAlertConditions()}) WHERE place = 1)`;
}

/** Of each alert that fired: when it began, was first acknowledged, and ended. */
export function selectAlertLifecycles(by?: readonly VariableName[]): string {
  const when = (state: string, of: string) =>
    `${of}(CASE WHEN state = '${state}' THEN timestamp END)`;
  return `(SELECT id, rule, service, fired_at, acknowledged_at, resolved_at FROM (
  SELECT id, rule, service, max(fired_at) AS fired_at, ${when('acknowledged', 'min')} AS acknowledged_at,
  ${when('resolved', 'max')} AS resolved_at
  FROM ${alertsTable.name} WHERE timestamp < ${TO} AND ${toAlertConditions(by)} GROUP BY id, rule, service
) WHERE fired_at IS NOT NULL)`;
}

const ENDED_IN_RANGE = `fired_at < ${TO} AND fired_at >= ${FROM}`;
const FIRING = "state IN ('firing', 'acknowledged')";

/** Alerts that fire, and those of them that nobody has acknowledged. */
export function selectFiringCount(): string {
  return `SELECT count() AS "Firing", sum(CASE WHEN state = 'firing' THEN 1 ELSE 0 END) AS "Not acknowledged"
FROM ${selectCurrentAlerts()} WHERE ${FIRING}`;
}

/** Alerts that go on, the worst first. */
export function selectFiringAlerts(): string {
  const rank = ALERT_SEVERITIES.map((severity, i) => `WHEN '${severity}' THEN ${i}`).join(' ');
  return `SELECT severity AS "Severity", rule AS "Rule", state AS "State", service AS "Service", organization_id AS "Organization", property_id AS "Property",
  value AS "Value", threshold AS "Threshold", coalesce(fired_at, started_at) AS "Since", labels AS "About", cause AS "Cause", author AS "Taken by"
FROM ${selectCurrentAlerts()} WHERE state != 'resolved'
ORDER BY CASE severity ${rank} ELSE -1 END DESC, "Since" LIMIT ${MAX_ROWS}`;
}

/** Transitions of the range, the newest first. */
export function selectAlertHistory(): string {
  return `SELECT timestamp AS "Time", rule AS "Rule", state AS "State", severity AS "Severity", service AS "Service", organization_id AS "Organization",
  value AS "Value", threshold AS "Threshold", labels AS "About", cause AS "Cause", author AS "By", comment AS "Comment"
FROM ${alertsTable.name} WHERE timestamp >= ${FROM} AND timestamp < ${TO} AND ${toAlertConditions()} ORDER BY timestamp DESC LIMIT ${MAX_ROWS}`;
}

/** How many alerts of each rule began to fire. */
export function selectFiredOverTime(): string {
  return `SELECT timestamp_floor(${INTERVAL}, fired_at) AS time, rule AS metric, count() AS value FROM ${selectAlertLifecycles()}
WHERE ${ENDED_IN_RANGE} GROUP BY time, metric ORDER BY time`;
}

/** Mean time in ms from firing until the alert was acknowledged, or resolved. */
export function selectMeanTimeTo(what: 'acknowledged' | 'resolved'): string {
  return `SELECT avg(datediff('T', fired_at, ${what}_at)) AS ${what} FROM ${selectAlertLifecycles()}
WHERE ${ENDED_IN_RANGE} AND ${what}_at IS NOT NULL`;
}

/** The same for each rule, with how often it fired. */
export function selectRules(): string {
  const took = (what: string) =>
    `CASE WHEN ${what}_at IS NULL THEN NULL ELSE datediff('T', fired_at, ${what}_at) END`;
  return `SELECT rule AS "Rule", count() AS "Fired", count(acknowledged_at) AS "Acknowledged", avg(${took('acknowledged')}) AS "To acknowledge",
  avg(${took('resolved')}) AS "To resolve", max(${took('resolved')}) AS "Longest" FROM ${selectAlertLifecycles()}
WHERE ${ENDED_IN_RANGE} ORDER BY "Fired" DESC LIMIT ${MAX_ROWS}`;
}
