import { DAY_MS } from '../../../core/duration.ts';
import { type AlertRow, alertsTable } from '../../../core/schema/tables/alerts-table.ts';
import { type SilenceRow, silencesTable } from '../../../core/schema/tables/silences-table.ts';
import { type TenantScope, UNRESTRICTED_SCOPE } from '../../../core/tenant-scope.ts';
import { toTableRow } from '../../../storage/queries/row-values.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import { fromHostTable, fromTable, type Sql, sql } from '../../../storage/sql/sql-builder.ts';
import type { Transition } from '../evaluation/alert-transition.ts';
import { parseTransition } from '../evaluation/rebuild-alert-states.ts';

/** Older resolved alerts aren't needed after a restart. */
const RESOLVED_LOOKBACK_MS = DAY_MS;

/**
 * Loads the last row of each alert that is live or was resolved within a day.
 *
 * @throws PS_UNAVAILABLE if QuestDB is unreachable
 */
export async function loadLastAlertRows(
  queryClient: QueryClient,
  now: number,
): Promise<AlertRow[]> {
  const since = new Date(now - RESOLVED_LOOKBACK_MS);
  const rows = await queryClient.read(
    UNRESTRICTED_SCOPE,
    sql`SELECT * FROM (
      SELECT *, row_number() OVER (PARTITION BY id ORDER BY timestamp DESC, seq DESC) AS place
      ${fromTable('alerts')}) WHERE place = 1 AND (state <> 'resolved' OR timestamp > ${since})`,
  );
  return rows.map((row) => toTableRow(alertsTable, row));
}

/**
 * Loads alert rows within a scope, newest first.
 *
 * @throws PS_UNAVAILABLE if QuestDB is unreachable
 */
export async function loadAlertRows(
  queryClient: QueryClient,
  scope: TenantScope,
  conditions: Sql,
  limit: number,
): Promise<AlertRow[]> {
  const rows = await queryClient.read(
    scope,
    sql`SELECT * ${fromTable('alerts')} AND ${conditions} ORDER BY timestamp DESC, seq DESC LIMIT ${limit}`,
  );
  return rows.map((row) => toTableRow(alertsTable, row));
}

/** Limit on rows for the flap history. In an alert storm, the newest rows are enough. */
const MAX_RECENT_ROWS = 10_000;

/**
 * Loads alert rows between two times in ms since the epoch, newest first.
 *
 * @throws PS_UNAVAILABLE if QuestDB is unreachable
 */
export function loadRecentAlertRows(
  queryClient: QueryClient,
  sinceMs: number,
  beforeMs: number,
): Promise<AlertRow[]> {
  const times = sql`timestamp > ${new Date(sinceMs)} AND timestamp < ${new Date(beforeMs)}`;
  return loadAlertRows(queryClient, UNRESTRICTED_SCOPE, times, MAX_RECENT_ROWS);
}

/** Limit on loaded silences. Each server limits its active silences to fewer. */
const MAX_SILENCES = 10_000;

/**
 * Loads the last row of each silence that ends after `now`, in ms since the epoch.
 *
 * @throws PS_UNAVAILABLE if QuestDB is unreachable
 */
export async function loadSilenceRows(
  queryClient: QueryClient,
  now: number,
): Promise<SilenceRow[]> {
  const rows = await queryClient.read(
    UNRESTRICTED_SCOPE,
    sql`SELECT * FROM (
      SELECT *, row_number() OVER (PARTITION BY id ORDER BY timestamp DESC, seq DESC) AS place
      ${fromTable('silences')}) WHERE place = 1 AND ends_at > ${new Date(now)}
      ORDER BY timestamp DESC LIMIT ${MAX_SILENCES}`,
  );
  return rows.map((row) => toTableRow(silencesTable, row));
}

/** Loads the time of a service's last health row before `beforeMs`. */
export async function loadLastHealthTime(
  queryClient: QueryClient,
  service: string,
  beforeMs: number,
): Promise<number | undefined> {
  const [row] = await queryClient.read(
    UNRESTRICTED_SCOPE,
    sql`SELECT max(timestamp) AS last ${fromHostTable('system_health')} AND service = ${service}
      AND timestamp < ${new Date(beforeMs)}`,
  );
  return row?.last instanceof Date ? row.last.getTime() : undefined;
}

/** Limit on transitions per response. */
export const MAX_TRANSITIONS = 10_000;

/**
 * Loads transitions within a scope, newest first.
 *
 * @throws PS_UNAVAILABLE if QuestDB is unreachable
 */
export async function loadTransitions(
  queryClient: QueryClient,
  scope: TenantScope,
  conditions: Sql,
): Promise<Transition[]> {
  const rows = await loadAlertRows(queryClient, scope, conditions, MAX_TRANSITIONS);
  return rows.map(parseTransition).filter((transition) => transition !== undefined);
}
