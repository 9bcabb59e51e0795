import { deploysTable } from '../../src/core/schema/tables/deploys-table.ts';
import { incidentsTable } from '../../src/core/schema/tables/incidents-table.ts';
import { HOSTS_TABLE } from '../../src/storage/queries/aggregation-tables.ts';
import { selectAlertLifecycles } from './alert-queries.ts';
import { toDeployConditions } from './deploy-queries.ts';
import { toConditions } from './select-metrics.ts';
import { FROM, TO, type VariableName } from './sql-text.ts';
import { getMinuteParts, getRollup } from './table-parts.ts';

const MAX_ANNOTATIONS = 500;

/** Maximum number of incidents, newest first. With more marks, a chart is hard to read. */
const MAX_INCIDENTS = 50;

/**
 * Selects the start of each incident in the time range, at most the newest 50, if one of its alerts matches the filters.
 * Grafana requires the column name `time`. Without `timeend`, it draws a thin line and no area.
 */
export function selectIncidents(by: readonly VariableName[]): string {
  const columns = 'timestamp, id, seq, state, severity, title, alerts, started_at';
  const current = `SELECT * FROM (SELECT ${columns}, row_number() OVER (PARTITION BY id ORDER BY timestamp DESC, seq DESC) AS row_no
  FROM ${incidentsTable.name} WHERE timestamp < ${TO}) WHERE row_no = 1 AND state != 'merged' AND started_at >= ${FROM} AND started_at < ${TO}
  ORDER BY started_at DESC LIMIT ${MAX_INCIDENTS}`;
  const alerts = `SELECT id FROM ${selectAlertLifecycles(by)} WHERE fired_at >= ${FROM} AND fired_at < ${TO}`;
  return `SELECT DISTINCT i.started_at AS time, i.title AS text, i.severity AS tags
FROM (${current}) i CROSS JOIN (${alerts}) a WHERE strpos(i.alerts, concat('"', a.id, '"')) > 0 ORDER BY time`;
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
