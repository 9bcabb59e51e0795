import { ALERT_SEVERITIES } from '../../src/core/schema/enums.ts';
import { alertsTable } from '../../src/core/schema/tables/alerts-table.ts';
import { incidentsTable } from '../../src/core/schema/tables/incidents-table.ts';
import {
  getRuleDashboard,
  getRuleUnit,
  groupRuleNames,
  type RuleUnit,
} from '../parts/built-in-rules.ts';
import { MAX_ROWS } from './metric-queries.ts';
import { FROM, INTERVAL, quote, TO, toFilter, type VariableName } from './sql-text.ts';

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
  value, threshold, labels, cause, author, comment, started_at, fired_at,
  row_number() OVER (PARTITION BY id ORDER BY timestamp DESC, seq DESC) AS row_no
  FROM ${alertsTable.name} WHERE timestamp < ${TO} AND ${toAlertConditions()}) WHERE row_no = 1)`;
}

/** Selects when each alert that fired started firing, was first acknowledged, and was resolved. */
export function selectAlertLifecycles(by?: readonly VariableName[]): string {
  const timeOf = (state: string, aggregate: string) =>
    `${aggregate}(CASE WHEN state = '${state}' THEN timestamp END)`;
  const keys = 'id, rule, service, organization_id';
  return `(SELECT ${keys}, fired_at, acknowledged_at, resolved_at FROM (
  SELECT ${keys}, max(fired_at) AS fired_at, ${timeOf('acknowledged', 'min')} AS acknowledged_at,
  ${timeOf('resolved', 'max')} AS resolved_at
  FROM ${alertsTable.name} WHERE timestamp < ${TO} AND ${toAlertConditions(by)} GROUP BY ${keys}
) WHERE fired_at IS NOT NULL)`;
}

const FIRED_IN_RANGE = `fired_at < ${TO} AND fired_at >= ${FROM}`;
const FIRING = "state IN ('firing', 'acknowledged')";

/** Counts the firing alerts and, of these, the alerts that are not acknowledged. */
export function selectFiringCount(): string {
  return `SELECT count() AS "Firing", coalesce(sum(CASE WHEN state = 'firing' THEN 1 ELSE 0 END), 0) AS "Not acknowledged"
FROM ${selectCurrentAlerts()} WHERE ${FIRING}`;
}

const RULES_BY_UNIT = groupRuleNames(getRuleUnit);
const RULES_BY_DASHBOARD = groupRuleNames(getRuleDashboard);

/** Returns a CASE with one branch for each group of rules. Rules of the user get `otherwise`. */
function toRuleCase<K>(
  groups: ReadonlyMap<K, readonly string[]>,
  toValue: (key: K) => string,
  otherwise: string,
): string {
  const branches = [...groups].map(
    ([key, rules]) => `WHEN rule IN (${rules.map(quote).join(', ')}) THEN ${toValue(key)}`,
  );
  return `CASE ${branches.join(' ')} ELSE ${otherwise} END`;
}

/** The result of QuestDB's `round(x, 2)` can have a rounding error, such as `15.120000000000001`. A quotient has none. */
const toNumberText = (value: string) =>
  `CASE WHEN abs(${value}) >= 100 OR ${value} = round(${value}) THEN round(${value})::long::varchar ELSE (round(${value} * 100) / 100.0)::varchar END`;

/** Units of a value, from the largest. `above` is the smallest value for which the unit is used. */
const TEXT_UNITS: Readonly<Record<RuleUnit, readonly { above: number; unit: string }[]>> = {
  ms: [
    { above: 3_600_000, unit: ' h' },
    { above: 60_000, unit: ' min' },
    { above: 1000, unit: ' s' },
    { above: 1, unit: ' ms' },
  ],
  By: [
    { above: 1_048_576, unit: ' MiB' },
    { above: 1024, unit: ' KiB' },
    { above: 1, unit: ' B' },
  ],
  '%': [{ above: 1, unit: ' %' }],
  '1/min': [{ above: 1, unit: '/min' }],
  1: [{ above: 1, unit: '' }],
};

/** Returns the text of an alert's value or threshold with the unit of its rule. Each row can have another unit. */
function toValueText(column: string): string {
  const toText = (unit: RuleUnit) => {
    const all = TEXT_UNITS[unit].map(({ above, unit: text }) => ({
      above,
      text: `concat(${toNumberText(`(${column} / ${above}.0)`)}, ${quote(text)})`,
    }));
    const larger = all.slice(0, -1);
    if (larger.length === 0) return all[0]!.text;
    const branches = larger.map(({ above, text }) => `WHEN ${column} >= ${above} THEN ${text}`);
    return `CASE ${branches.join(' ')} ELSE ${all.at(-1)!.text} END`;
  };
  return `CASE WHEN ${column} IS NOT NULL THEN ${toRuleCase(RULES_BY_UNIT, toText, toNumberText(column))} END`;
}

/** The endpoint, queue, process, or other object that an alert is about. */
const SUBJECT = `coalesce(${[
  'endpoint',
  'queue',
  'operation',
  'host',
  'instance',
  'table',
  'failed_rule',
]
  .map((label) => `json_extract(labels, '$.${label}')::varchar`)
  .join(', ')})`;

/** Time around the start of an alert that its link shows, in minutes. */
const LINK_MINUTES = 30;

/**
 * Returns hidden columns for a link from an alert to the measurements that it is about.
 *
 * @param time SQL expression for the start of the alert
 */
function toLinkColumns(time: string): string {
  // Written in two parts, because Grafana replaces names after a dollar sign.
  const all = "concat('$', '__all')";
  const shift = (minutes: number) =>
    `concat(cast(dateadd('m', ${minutes}, ${time}) AS long) / 1000, '')`;
  return `${toRuleCase(RULES_BY_DASHBOARD, quote, quote('overview'))} AS "${ALERT_LINK_COLUMNS.dashboard}",
  ${shift(-LINK_MINUTES)} AS "${ALERT_LINK_COLUMNS.from}", ${shift(LINK_MINUTES)} AS "${ALERT_LINK_COLUMNS.to}",
  coalesce(service, ${all}) AS "${ALERT_LINK_COLUMNS.service}", coalesce(organization_id, ${all}) AS "${ALERT_LINK_COLUMNS.organization}",
  coalesce(property_id, ${all}) AS "${ALERT_LINK_COLUMNS.property}"`;
}

/** Names of the hidden columns that the links of an alert use. */
export const ALERT_LINK_COLUMNS = {
  dashboard: 'link_dashboard',
  from: 'link_from',
  to: 'link_to',
  service: 'link_service',
  organization: 'link_organization',
  property: 'link_property',
} as const;

/** The organization, and the property if there is one. */
const TENANT =
  "CASE WHEN property_id IS NULL THEN organization_id ELSE concat(organization_id, ' / ', property_id) END";

/** Selects pending and firing alerts, most severe first. */
export function selectFiringAlerts(): string {
  const rank = ALERT_SEVERITIES.map((severity, i) => `WHEN '${severity}' THEN ${i}`).join(' ');
  return `SELECT severity AS "Severity", rule AS "Rule", state AS "State", service AS "Service", ${SUBJECT} AS "Subject",
  ${TENANT} AS "Tenant", ${toValueText('value')} AS "Value", ${toValueText('threshold')} AS "Limit",
  coalesce(fired_at, started_at) AS "Since", cause AS "Cause", author AS "Acknowledged by", ${toLinkColumns('coalesce(fired_at, started_at)')}
FROM ${selectCurrentAlerts()} WHERE state != 'resolved'
ORDER BY CASE severity ${rank} ELSE -1 END DESC, "Since" LIMIT ${MAX_ROWS}`;
}

/** Selects alert transitions in the time range, newest first. */
export function selectAlertHistory(): string {
  return `SELECT timestamp AS "Time", severity AS "Severity", rule AS "Rule", state AS "State", service AS "Service", ${SUBJECT} AS "Subject",
  ${TENANT} AS "Tenant", ${toValueText('value')} AS "Value", ${toValueText('threshold')} AS "Limit",
  cause AS "Cause", author AS "Author", comment AS "Comment", ${toLinkColumns('coalesce(fired_at, started_at, timestamp)')}
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

/** An alert that ends after a shorter time, in s, without an acknowledgment didn't need a person. */
const SHORT_ALERT_S = 600;

/** Selects how often each rule fired, and how many of its alerts needed no person. */
export function selectNoise(): string {
  const isShort = `acknowledged_at IS NULL AND resolved_at IS NOT NULL AND datediff('s', fired_at, resolved_at) <= ${SHORT_ALERT_S}`;
  return `SELECT rule AS "Rule", count() AS "Fired", count() - count(acknowledged_at) AS "Unacknowledged",
  sum(CASE WHEN ${isShort} THEN 1 ELSE 0 END) AS "Within 10 min", avg(CASE WHEN resolved_at IS NULL THEN NULL ELSE datediff('T', fired_at, resolved_at) END) AS "Mean time" FROM ${selectAlertLifecycles()}
WHERE ${FIRED_IN_RANGE} ORDER BY "Unacknowledged" DESC LIMIT ${MAX_ROWS}`;
}

/** Selects the alerts without an acknowledgment that started firing in each interval, by rule. */
export function selectUnacknowledgedOverTime(): string {
  return `SELECT timestamp_floor(${INTERVAL}, fired_at) AS time, rule AS metric, count() AS value FROM ${selectAlertLifecycles()}
WHERE ${FIRED_IN_RANGE} AND acknowledged_at IS NULL GROUP BY time, metric ORDER BY time`;
}

/** Selects how often each rule fired, with the times to acknowledge and to resolve in ms. */
export function selectRules(): string {
  const timeTo = (state: string) =>
    `CASE WHEN ${state}_at IS NULL THEN NULL ELSE datediff('T', fired_at, ${state}_at) END`;
  return `SELECT rule AS "Rule", count() AS "Fired", count(acknowledged_at) AS "Acknowledged", avg(${timeTo('acknowledged')}) AS "To acknowledge",
  avg(${timeTo('resolved')}) AS "To resolve", max(${timeTo('resolved')}) AS "Longest" FROM ${selectAlertLifecycles()}
WHERE ${FIRED_IN_RANGE} ORDER BY "Fired" DESC LIMIT ${MAX_ROWS}`;
}

/**
 * Selects the incidents that were open in the time range, open incidents first. An incident can contain alerts of
 * several tenants and services, so the filters don't apply.
 */
export function selectIncidentList(): string {
  const columns =
    'timestamp, state, severity, id, seq, title, alert_count, services, organizations, started_at, resolved_at, author';
  const current = `SELECT * FROM (SELECT ${columns},
  row_number() OVER (PARTITION BY id ORDER BY timestamp DESC, seq DESC) AS row_no
  FROM ${incidentsTable.name} WHERE timestamp < ${TO}) WHERE row_no = 1`;
  const names = (column: string) =>
    `replace(replace(replace(${column}, '["', ''), '"]', ''), '","', ', ')`;
  return `SELECT severity AS "Severity", state AS "State", title AS "Likely cause", alert_count AS "Alerts",
  ${names('services')} AS "Services", ${names('organizations')} AS "Organizations", started_at AS "Since", resolved_at AS "Resolved", author AS "Acknowledged by"
FROM (${current}) WHERE state != 'merged' AND (state = 'open' OR resolved_at >= ${FROM})
ORDER BY CASE state WHEN 'open' THEN 0 ELSE 1 END, started_at DESC LIMIT ${MAX_ROWS}`;
}
