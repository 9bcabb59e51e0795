import type { Param, Query } from '../questdb/reader.ts';
import type { Range } from './range.ts';
import { numberOf, textOf } from './scope.ts';

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

const LATEST = `SELECT timestamp, service, instance, status, cpu_usage, memory_usage, disk_usage,
  event_loop_delay_p99, uptime, db_connections, db_query_time, active_users, ongoing_reservations FROM system_health
  WHERE timestamp >= $1 AND timestamp < $2 LATEST ON timestamp PARTITION BY service, instance`;

/** Hosts belong to no tenant: a range that is limited to one has none. */
export async function healthFigures(query: Query, range: Range): Promise<HealthFigures[]> {
  if (range.organizationId !== undefined || range.propertyId !== undefined) return [];
  const params: Param[] = [range.from, range.to];
  const rows = await query(LATEST, params);
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
