import { HOSTS } from '../../src/windows/families.ts';
import { courses } from './alerts.ts';
import { conditionsOf } from './select.ts';
import { partsOfMinutes, rollupOf } from './sources.ts';
import { FROM, type Name, TO } from './text.ts';

const MOST_MARKS = 500;

/** Alerts that fired in the range: `time` and `timeend` as Grafana names them. */
export function alertMarks(by: readonly Name[]): string {
  return `SELECT fired_at AS time, coalesce(resolved_at, ${TO}) AS timeend,
  concat(rule, ' ', service) AS text, rule AS tags FROM ${courses(by)}
WHERE fired_at < ${TO} AND (resolved_at IS NULL OR resolved_at >= ${FROM}) ORDER BY time LIMIT ${MOST_MARKS}`;
}

/** When a version of a service was first seen, if that was in the range. Health rows tell it: each process has them. */
export function newVersions(by: readonly Name[]): string {
  const conditions = ['service_version IS NOT NULL', ...conditionsOf(HOSTS, by)].join(' AND ');
  const parts = partsOfMinutes(HOSTS.table).map(
    ({ name, where }) =>
      `SELECT service, service_version, min(timestamp) AS first FROM ${name} WHERE ${where} AND ${conditions}`,
  );
  const known = `SELECT DISTINCT concat(service, ' ', service_version) AS version FROM ${rollupOf(HOSTS.table, '1h').name}
  WHERE timestamp < timestamp_floor('h', ${FROM}) AND ${conditions}`;
  return `SELECT min(first) AS time, n.version AS text, 'version' AS tags FROM (
  SELECT first, concat(service, ' ', service_version) AS version FROM (${parts.join('\n  UNION ALL ')})
) n LEFT JOIN (${known}) k ON n.version = k.version WHERE k.version IS NULL GROUP BY text ORDER BY time LIMIT ${MOST_MARKS}`;
}
