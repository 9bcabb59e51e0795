import { deploysTable } from '../../src/core/schema/tables/deploys-table.ts';
import { FROM, TO, toFilter, type VariableName } from './sql-text.ts';

const MAX_DEPLOYS = 100;

/** Returns conditions for the selected services and environments. Deploys belong to no tenant. */
export function toDeployConditions(by: readonly VariableName[]): string {
  const names = by.filter((name) => name === 'service' || name === 'environment');
  return names.length > 0 ? names.map((name) => toFilter(name, name)).join(' AND ') : '1 = 1';
}

/** Selects the deploys that started in the time range, newest first, with their confirmed changes. */
export function selectDeploys(): string {
  const columns = 'service, environment, version, previous_version, author, summary, ended_at';
  const last = `SELECT id, starts_at, ${columns}, row_number() OVER (PARTITION BY id ORDER BY timestamp DESC, seq DESC) AS row_no
  FROM ${deploysTable.name} WHERE starts_at >= ${FROM} AND starts_at < ${TO} AND ${toDeployConditions(['service'])}`;
  return `SELECT starts_at AS "Started", service AS "Service", environment AS "Environment", version AS "Version",
previous_version AS "Previous version", author AS "Author", summary AS "Confirmed changes", ended_at AS "Ended"
FROM (${last}) WHERE row_no = 1 ORDER BY starts_at DESC LIMIT ${MAX_DEPLOYS}`;
}
