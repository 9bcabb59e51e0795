import { from, fromHosts, type Sql, sql } from '../../questdb/statement.ts';
import { type AlertRow, alerts } from '../../schema/alerts.ts';
import { EVERYTHING, type Scope } from '../../schema/scope.ts';
import { type SilenceRow, silences } from '../../schema/silences.ts';
import { DAY_MS } from '../../windows/range.ts';
import { rowOf } from '../../windows/row.ts';
import type { Store } from '../../windows/store.ts';

/** Resolved alerts before this are not needed to go on. */
const RESOLVED_MS = DAY_MS;

/** The last row of each alert that goes on, or was resolved within a day. @throws PS_UNAVAILABLE */
export async function lastAlerts(store: Store, now: number): Promise<AlertRow[]> {
  const since = new Date(now - RESOLVED_MS);
  const rows = await store.read(
    EVERYTHING,
    sql`SELECT * FROM (
      SELECT *, row_number() OVER (PARTITION BY id ORDER BY timestamp DESC, seq DESC) AS place
      ${from('alerts')}) WHERE place = 1 AND (state <> 'resolved' OR timestamp > ${since})`,
  );
  return rows.map((row) => rowOf(alerts, row));
}

/** Rows of alerts within a scope, the newest first. @throws PS_UNAVAILABLE */
export async function alertRows(
  store: Store,
  scope: Scope,
  conditions: Sql,
  most: number,
): Promise<AlertRow[]> {
  const rows = await store.read(
    scope,
    sql`SELECT * ${from('alerts')} AND ${conditions} ORDER BY timestamp DESC, seq DESC LIMIT ${most}`,
  );
  return rows.map((row) => rowOf(alerts, row));
}

/** More changes than these within minutes are a storm, of which the newest tell enough. */
const MOST_RECENT = 10_000;

/** What alerts did between two moments, in ms since the epoch; the newest first. @throws PS_UNAVAILABLE */
export function recentAlerts(store: Store, sinceMs: number, beforeMs: number): Promise<AlertRow[]> {
  const times = sql`timestamp > ${new Date(sinceMs)} AND timestamp < ${new Date(beforeMs)}`;
  return alertRows(store, EVERYTHING, times, MOST_RECENT);
}

/** The last row of each silence. @throws PS_UNAVAILABLE */
export async function lastSilences(store: Store): Promise<SilenceRow[]> {
  const rows = await store.read(
    EVERYTHING,
    sql`SELECT * FROM (
      SELECT *, row_number() OVER (PARTITION BY id ORDER BY timestamp DESC, seq DESC) AS place
      ${from('silences')}) WHERE place = 1`,
  );
  return rows.map((row) => rowOf(silences, row));
}

/** When this service last said, before `beforeMs`, that it is alive. */
export async function lastAlive(
  store: Store,
  service: string,
  beforeMs: number,
): Promise<number | undefined> {
  const [row] = await store.read(
    EVERYTHING,
    sql`SELECT max(timestamp) AS last ${fromHosts('system_health')} AND service = ${service}
      AND timestamp < ${new Date(beforeMs)}`,
  );
  return row?.last instanceof Date ? row.last.getTime() : undefined;
}
