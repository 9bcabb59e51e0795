import { HOSTS_TABLE } from '../../src/storage/queries/aggregation-tables.ts';
import { selectAlertLifecycles } from './alert-queries.ts';
import { toConditions } from './select-metrics.ts';
import { FROM, TO, type VariableName } from './sql-text.ts';
import { getMinuteParts, getRollup } from './table-parts.ts';

const MAX_ANNOTATIONS = 500;

/** Selects alerts that were firing in the time range. Grafana requires the column names `time` and `timeend`. */
export function selectAlertAnnotations(by: readonly VariableName[]): string {
  return `SELECT fired_at AS time, coalesce(resolved_at, ${TO}) AS timeend,
  concat(rule, ' ', service) AS text, rule AS tags FROM ${selectAlertLifecycles(by)}
WHERE fired_at < ${TO} AND (resolved_at IS NULL OR resolved_at >= ${FROM}) ORDER BY time LIMIT ${MAX_ANNOTATIONS}`;
}

/**
 * Selects service versions that appeared for the first time in the time range. Reads health rows
 * because every process writes them.
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
  return `SELECT min(first) AS time, n.version AS text, 'version' AS tags FROM (
  SELECT first, concat(service, ' ', service_version) AS version FROM (${parts.join('\n  UNION ALL ')})
) n LEFT JOIN (${known}) k ON n.version = k.version WHERE k.version IS NULL GROUP BY text ORDER BY time LIMIT ${MAX_ANNOTATIONS}`;
}
