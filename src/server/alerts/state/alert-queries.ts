import { DAY_MS } from '../../../core/duration.ts';
import { type AlertRow, alertsTable } from '../../../core/schema/tables/alerts-table.ts';
import { type SilenceRow, silencesTable } from '../../../core/schema/tables/silences-table.ts';
import { type TenantScope, UNRESTRICTED_SCOPE } from '../../../core/tenant-scope.ts';
import { toTableRow } from '../../../storage/queries/row-values.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import { fromHostTable, fromTable, type Sql, sql } from '../../../storage/sql/sql-builder.ts';
import type { Transition } from '../evaluation/alert-transition.ts';
import { parseTransition } from '../evaluation/rebuild-alert-states.ts';

/** Resolved alerts before this are not needed to go on. */
const RESOLVED_LOOKBACK_MS = DAY_MS;

/** The last row of each alert that goes on, or was resolved within a day. @throws PS_UNAVAILABLE */
export async function loadLastAlertRows(store: QueryClient, now: number): Promise<AlertRow[]> {
  const since = new Date(now - RESOLVED_LOOKBACK_MS);
  const rows = await store.read(
    UNRESTRICTED_SCOPE,
    sql`SELECT * FROM (
      SELECT *, row_number() OVER (PARTITION BY id ORDER BY timestamp DESC, seq DESC) AS place
      ${fromTable('alerts')}) WHERE place = 1 AND (state <> 'resolved' OR timestamp > ${since})`,
  );
  return rows.map((row) => toTableRow(alertsTable, row));
}

/** Rows of alerts within a scope, the newest first. @throws PS_UNAVAILABLE */
export async function loadAlertRows(
  store: QueryClient,
  scope: TenantScope,
  conditions: Sql,
  most: number,
): Promise<AlertRow[]> {
  const rows = await store.read(
    scope,
    sql`SELECT * ${fromTable('alerts')} AND ${conditions} ORDER BY timestamp DESC, seq DESC LIMIT ${most}`,
  );
  return rows.map((row) => toTableRow(alertsTable, row));
}

/** More changes than these within minutes are a storm, of which the newest tell enough. */
const MAX_RECENT_ROWS = 10_000;

/** What alerts did between two moments, in ms since the epoch; the newest first. @throws PS_UNAVAILABLE */
export function loadRecentAlertRows(
  store: QueryClient,
  sinceMs: number,
  beforeMs: number,
): Promise<AlertRow[]> {
  const times = sql`timestamp > ${new Date(sinceMs)} AND timestamp < ${new Date(beforeMs)}`;
  return loadAlertRows(store, UNRESTRICTED_SCOPE, times, MAX_RECENT_ROWS);
}

/** The last row of each silence. @throws PS_UNAVAILABLE */
export async function loadSilenceRows(store: QueryClient): Promise<SilenceRow[]> {
  const rows = await store.read(
    UNRESTRICTED_SCOPE,
    sql`SELECT * FROM (
      SELECT *, row_number() OVER (PARTITION BY id ORDER BY timestamp DESC, seq DESC) AS place
      ${fromTable('silences')}) WHERE place = 1`,
  );
  return rows.map((row) => toTableRow(silencesTable, row));
}

/** When this service last said, before `beforeMs`, that it is alive. */
export async function loadLastHealthTime(
  store: QueryClient,
  service: string,
  beforeMs: number,
): Promise<number | undefined> {
  const [row] = await store.read(
    UNRESTRICTED_SCOPE,
    sql`SELECT max(timestamp) AS last ${fromHostTable('system_health')} AND service = ${service}
      AND timestamp < ${new Date(beforeMs)}`,
  );
  return row?.last instanceof Date ? row.last.getTime() : undefined;
}

/** Rows of one answer at most. */
const MAX_TRANSITIONS = 10_000;

/** What alerts within a scope did, the newest first. @throws PS_UNAVAILABLE */
export async function loadTransitions(
  store: QueryClient,
  scope: TenantScope,
  conditions: Sql,
): Promise<Transition[]> {
  const rows = await loadAlertRows(store, scope, conditions, MAX_TRANSITIONS);
  return rows.map(parseTransition).filter((transition) => transition !== undefined);
}
