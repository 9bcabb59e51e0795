import { deploysTable } from '../../src/core/schema/tables/deploys-table.ts';
import { HOSTS_TABLE } from '../../src/storage/queries/aggregation-tables.ts';
import { selectAlertLifecycles } from './alert-queries.ts';
import { toDeployConditions } from './deploy-queries.ts';
import { toConditions } from './select-metrics.ts';
import { FROM, TO, type VariableName } from './sql-text.ts';
import { getMinuteParts, getRollup } from './table-parts.ts';

const MAX_ANNOTATIONS = 500;

/** Maximum number of incidents, newest first. With more marks, a chart is hard to read. */
const MAX_INCIDENTS = 50;
/** Alerts that start at most this much later than the alert before them belong to the same incident, in seconds. */
const INCIDENT_GAP_S = 300;

/**
 * Selects the start of each incident in the time range, at most the newest 50: alerts of one service and organization that start together.
 * Grafana requires the column name `time`. Without `timeend`, it draws a thin line and no area.
 */
export function selectIncidents(by: readonly VariableName[]): string {
  const group = 'service, organization_id';
  const previous = `SELECT rule, ${group}, fired_at, lag(fired_at) OVER (PARTITION BY ${group} ORDER BY fired_at) AS previous FROM ${selectAlertLifecycles(by)}`;
  const starts = `SELECT rule, ${group}, fired_at, CASE WHEN previous IS NULL OR datediff('s', previous, fired_at) > ${INCIDENT_GAP_S} THEN 1 ELSE 0 END AS starts FROM (${previous})`;
  const numbered = `SELECT rule, ${group}, fired_at, sum(starts) OVER (PARTITION BY ${group} ORDER BY fired_at ROWS UNBOUNDED PRECEDING) AS incident FROM (${starts})`;
  const incidents = `SELECT ${group}, incident, min(fired_at) AS time, count() AS alerts, string_distinct_agg(rule::string, ',') AS rules FROM (${numbered}) GROUP BY ${group}, incident`;
  return `SELECT time, concat(alerts, CASE WHEN alerts = 1 THEN ' alert: ' ELSE ' alerts: ' END, service, ' ', organization_id) AS text, rules AS tags
FROM (SELECT * FROM (${incidents}) WHERE time >= ${FROM} AND time < ${TO} ORDER BY time DESC LIMIT ${MAX_INCIDENTS}) ORDER BY time`;
}

/** Selects the start of each alert in the time range. */
export function selectAlertStarts(by: readonly VariableName[]): string {
  return `SELECT fired_at AS time, concat(rule, ' ', service, ' ', organization_id) AS text, rule AS tags FROM ${selectAlertLifecycles(by)}
WHERE fired_at >= ${FROM} AND fired_at < ${TO} ORDER BY time LIMIT ${MAX_ANNOTATIONS}`;
}

/**
 * Selects service versions that appeared for the first time in the time range, and the recorded and detected deploys.
 * Reads health rows because every process writes them. Each version is one annotation.
 */
export function selectNewVersions(by: readonly VariableName[]): string {
  const conditions = ['service_version IS NOT NULL', ...toConditions(HOSTS_TABLE, by)].join(
    ' AND ',
  );
  const parts = getMinuteParts(HOSTS_TABLE.table).map(
    ({ name, where }) =>
      `SELECT service, service_version, min(timestamp) AS first FROM ${name} WHERE ${where} AND ${conditions}`,
  );
  const known = `SELECT DISTINCT concat(service, ' ', service_version) AS version FROM ${getRollup(HOSTS_TABLE.table, '1h').name}
  WHERE timestamp < timestamp_floor('h', ${FROM}) AND ${conditions}`;
  const deploys = `SELECT starts_at AS time, concat(service, ' ', version) AS text FROM ${deploysTable.name}
  WHERE starts_at >= ${FROM} AND starts_at < ${TO} AND ${toDeployConditions(by)}`;
  const versions = `SELECT min(first) AS time, n.version AS text FROM (
  SELECT first, concat(service, ' ', service_version) AS version FROM (${parts.join('\n  UNION ALL ')})
) n LEFT JOIN (${known}) k ON n.version = k.version WHERE k.version IS NULL GROUP BY text`;
  return `SELECT min(time) AS time, text, 'version' AS tags FROM (${versions} UNION ALL ${deploys})
GROUP BY text ORDER BY time LIMIT ${MAX_ANNOTATIONS}`;
}
