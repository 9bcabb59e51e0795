import { fromHosts, joined, sql } from '../questdb/statement.ts';
import { HOSTS } from './families.ts';
import { stateOfRows } from './freshness.ts';
import type { Question } from './question.ts';
import { numberOf, textOf } from './row.ts';
import { filtersOf } from './select.ts';
import type { Store } from './store.ts';

/** The latest row of `system_health` of each process. Usages in percent, uptime in seconds. */
export interface HealthFigures {
  service: string;
  instance: string;
  status: string | undefined;
  cpuUsage: number | undefined;
  memoryUsage: number | undefined;
  diskUsage: number | undefined;
  eventLoopDelayP99: number | undefined;
  uptime: number | undefined;
  dbConnections: number | undefined;
  /** In ms. */
  dbQueryTime: number | undefined;
  activeUsers: number | undefined;
  ongoingReservations: number | undefined;
  timestamp: Date;
}

/** Hosts belong to no tenant: who is limited to one sees none. */
export async function healthFigures(store: Store, question: Question): Promise<HealthFigures[]> {
  const { fromMs, toMs } = question.range;
  const conditions = [
    sql`timestamp >= ${new Date(fromMs)}`,
    sql`timestamp < ${new Date(toMs)}`,
    ...filtersOf(HOSTS, question),
  ];
  const rows = await store.read(
    question.scope,
    sql`SELECT timestamp, service, instance, status, cpu_usage, memory_usage, disk_usage,
      event_loop_delay_p99, uptime, db_connections, db_query_time, active_users, ongoing_reservations
      ${fromHosts('system_health')} AND ${joined(conditions, ' AND ')}
      LATEST ON timestamp PARTITION BY service, instance`,
    stateOfRows(question.range),
  );
  return rows.map((row) => ({
    service: textOf(row.service) ?? '',
    instance: textOf(row.instance) ?? '',
    status: textOf(row.status),
    cpuUsage: numberOf(row.cpu_usage),
    memoryUsage: numberOf(row.memory_usage),
    diskUsage: numberOf(row.disk_usage),
    eventLoopDelayP99: numberOf(row.event_loop_delay_p99),
    uptime: numberOf(row.uptime),
    dbConnections: numberOf(row.db_connections),
    dbQueryTime: numberOf(row.db_query_time),
    activeUsers: numberOf(row.active_users),
    ongoingReservations: numberOf(row.ongoing_reservations),
    timestamp: row.timestamp as Date,
  }));
}
