import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../core/duration.ts';
import { type IncidentRow, incidentsTable } from '../../../core/schema/tables/incidents-table.ts';
import { UNRESTRICTED_SCOPE } from '../../../core/tenant-scope.ts';
import { toTableRow, toText } from '../../../storage/queries/row-values.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import { fromHostTable, fromTable, type Sql, sql } from '../../../storage/sql/sql-builder.ts';
import type { ServiceRelations } from './alert-subjects.ts';

/** Limit on incidents per query. */
const MAX_INCIDENTS = 1000;

/**
 * Loads the last row of each incident that is open, or changed within a day.
 *
 * @throws PS_UNAVAILABLE if QuestDB is unreachable
 */
export function loadCurrentIncidentRows(
  queryClient: QueryClient,
  now: number,
): Promise<IncidentRow[]> {
  const since = new Date(now - DAY_MS);
  return loadLastIncidentRows(queryClient, sql`(state = 'open' OR timestamp > ${since})`);
}

/**
 * Loads the last row of each incident that matches the conditions, with the newest incident first. Rows have no
 * tenant, so callers must limit the result to the tenant's alerts.
 *
 * @throws PS_UNAVAILABLE if QuestDB is unreachable
 */
export async function loadLastIncidentRows(
  queryClient: QueryClient,
  conditions: Sql,
): Promise<IncidentRow[]> {
  const rows = await queryClient.read(
    UNRESTRICTED_SCOPE,
    sql`SELECT * FROM (
      SELECT *, row_number() OVER (PARTITION BY id ORDER BY timestamp DESC, seq DESC) AS place
      ${fromHostTable('incidents')}) WHERE place = 1 AND ${conditions}
      ORDER BY started_at DESC LIMIT ${MAX_INCIDENTS}`,
  );
  return rows.map((row) => toTableRow(incidentsTable, row));
}

/**
 * Loads all rows of an incident, oldest first.
 *
 * @throws PS_UNAVAILABLE if QuestDB is unreachable
 */
export async function loadIncidentHistory(
  queryClient: QueryClient,
  id: string,
): Promise<IncidentRow[]> {
  const rows = await queryClient.read(
    UNRESTRICTED_SCOPE,
    sql`SELECT * ${fromHostTable('incidents')} AND id = ${id} ORDER BY timestamp, seq LIMIT ${MAX_INCIDENTS}`,
  );
  return rows.map((row) => toTableRow(incidentsTable, row));
}

const HOST_WINDOW_MS = 15 * MINUTE_MS;
const MAX_RELATIONS = 10_000;

/**
 * Loads which services ran on each host in the last 15 minutes, and which worked on each queue in the last hour.
 *
 * @throws PS_UNAVAILABLE if QuestDB is unreachable
 */
export async function loadServiceRelations(
  queryClient: QueryClient,
  now: number,
): Promise<ServiceRelations> {
  const [hosts, queues] = await Promise.all([
    queryClient.read(
      UNRESTRICTED_SCOPE,
      sql`SELECT DISTINCT service, host AS name ${fromHostTable('system_health')}
        AND timestamp >= ${new Date(now - HOST_WINDOW_MS)} AND timestamp <= ${new Date(now)}
        AND service IS NOT NULL AND host IS NOT NULL LIMIT ${MAX_RELATIONS}`,
    ),
    queryClient.read(
      UNRESTRICTED_SCOPE,
      sql`SELECT DISTINCT service, queue_name AS name ${fromTable('queue_metrics')}
        AND timestamp >= ${new Date(now - HOUR_MS)} AND timestamp <= ${new Date(now)}
        AND service IS NOT NULL AND queue_name IS NOT NULL LIMIT ${MAX_RELATIONS}`,
    ),
  ]);
  return { hosts: groupByService(hosts), queues: groupByService(queues) };
}

function groupByService(rows: readonly Readonly<Record<string, unknown>>[]): Map<string, string[]> {
  const names = new Map<string, string[]>();
  for (const row of rows) {
    const service = toText(row.service) ?? '';
    const known = names.get(service);
    if (known) known.push(toText(row.name) ?? '');
    else names.set(service, [toText(row.name) ?? '']);
  }
  for (const list of names.values()) list.sort();
  return names;
}
