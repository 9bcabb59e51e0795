import { STOPPED_STATUS } from '../../core/schema/tables/system-health-table.ts';
import type { QueryClient } from '../questdb/query-client.ts';
import { fromHostTable, identifier, joinSql, sql } from '../sql/sql-builder.ts';
import { HOSTS_TABLE } from './aggregation-tables.ts';
import type { Query } from './query-definition.ts';
import { toNumber, toText } from './row-values.ts';
import { type Aggregation, toFilterConditions } from './run-query.ts';
import { getRunningRange } from './running-processes.ts';
import { getRowsRevision } from './time-range.ts';

/**
 * Latest `system_health` row of a process. Usage values are in percent, and `uptime` is in seconds.
 */
export interface ProcessHealth {
  /** Name of the service. */
  service: string;
  /** Instance of the service: one process. */
  instance: string;
  /** `healthy`, `degraded`, or `unhealthy`. */
  status: string | undefined;
  /** CPU usage in percent of the container's limit, or of the host's CPUs without a limit. */
  cpuUsage: number | undefined;
  /** Memory usage in percent of the container's limit, or of the host's memory without a limit. */
  memoryUsage: number | undefined;
  /** Name of the host, the container, or the pod. */
  host: string | undefined;
  /** CPU usage of the host, in percent. */
  hostCpuUsage: number | undefined;
  /** Memory usage of the host, in percent. */
  hostMemoryUsage: number | undefined;
  /** CPU time of the process, in percent of the CPUs that it can use. */
  processCpuUsage: number | undefined;
  /** Resident set size of the process, in bytes. */
  processMemory: number | undefined;
  /** Utilization of the event loop, in percent. */
  eventLoopUtilization: number | undefined;
  /** Usage of the root file system, in percent. */
  diskUsage: number | undefined;
  /** 99th percentile of the event loop delay, in ms. */
  eventLoopDelayP99: number | undefined;
  /** Time since the process started, in seconds. */
  uptime: number | undefined;
  /** Open connections to databases. */
  dbConnections: number | undefined;
  /** Mean duration of database queries, in ms. */
  dbQueryTime: number | undefined;
  /** Value of the gauge `activeUsers`. */
  activeUsers: number | undefined;
  /** Value of the gauge `ongoingReservations`. */
  ongoingReservations: number | undefined;
  /** Time of the row. */
  timestamp: Date;
}

/**
 * Returns the latest health of each process that is running at the end of the range, and hasn't ended
 * normally. Hosts don't belong to a tenant, so a scope that is
 * limited to a tenant gets no rows.
 */
export async function queryProcessHealth(
  queryClient: QueryClient,
  query: Query,
): Promise<ProcessHealth[]> {
  const { fromMs, toMs } = getRunningRange(query);
  const conditions = [
    sql`timestamp >= ${new Date(fromMs)}`,
    sql`timestamp < ${new Date(toMs)}`,
    ...toFilterConditions(HOSTS_TABLE, query),
  ];
  const rows = await queryClient.read(
    query.scope,
    sql`SELECT timestamp, service, instance, host, status, cpu_usage, memory_usage, disk_usage,
      host_cpu_usage, host_memory_usage, process_cpu_usage, process_memory, event_loop_utilization,
      event_loop_delay_p99, uptime, db_connections, db_query_time, active_users, ongoing_reservations
      ${fromHostTable('system_health')} AND ${joinSql(conditions, ' AND ')}
      LATEST ON timestamp PARTITION BY service, instance`,
    getRowsRevision(query.range),
  );
  const running = rows.filter(({ status }) => status !== STOPPED_STATUS);
  return running.map((row) => ({
    service: toText(row.service) ?? '',
    instance: toText(row.instance) ?? '',
    status: toText(row.status),
    cpuUsage: toNumber(row.cpu_usage),
    memoryUsage: toNumber(row.memory_usage),
    host: toText(row.host),
    hostCpuUsage: toNumber(row.host_cpu_usage),
    hostMemoryUsage: toNumber(row.host_memory_usage),
    processCpuUsage: toNumber(row.process_cpu_usage),
    processMemory: toNumber(row.process_memory),
    eventLoopUtilization: toNumber(row.event_loop_utilization),
    diskUsage: toNumber(row.disk_usage),
    eventLoopDelayP99: toNumber(row.event_loop_delay_p99),
    uptime: toNumber(row.uptime),
    dbConnections: toNumber(row.db_connections),
    dbQueryTime: toNumber(row.db_query_time),
    activeUsers: toNumber(row.active_users),
    ongoingReservations: toNumber(row.ongoing_reservations),
    timestamp: row.timestamp as Date,
  }));
}

/** Metrics of `system_health` and their columns. Usage values and rates in percent, times in ms. */
const HOST_METRIC_COLUMNS = {
  cpuUsage: 'cpu_usage',
  memoryUsage: 'memory_usage',
  hostCpuUsage: 'host_cpu_usage',
  hostMemoryUsage: 'host_memory_usage',
  processCpuUsage: 'process_cpu_usage',
  processMemory: 'process_memory',
  eventLoopUtilization: 'event_loop_utilization',
  diskUsage: 'disk_usage',
  load: 'load',
  eventLoopDelayP99: 'event_loop_delay_p99',
  avgResponseTime: 'avg_response_time',
  errorRate: 'error_rate',
  dbConnections: 'db_connections',
  dbQueryTime: 'db_query_time',
  activeUsers: 'active_users',
  ongoingReservations: 'ongoing_reservations',
} as const;
export type HostMetric = keyof typeof HOST_METRIC_COLUMNS;

/** Returns the aggregations of one metric: sum, number, and maximum of its samples. */
export function toHostAggregations(
  metric: HostMetric,
): Record<'total' | 'samples' | 'maximum', Aggregation> {
  const column = HOST_METRIC_COLUMNS[metric];
  const create = (func: string, rollupFunc: string, mergeWith: 'sum' | 'max'): Aggregation => ({
    rows: sql`${identifier(func)}(${identifier(column)})`,
    rollup: sql`${identifier(rollupFunc)}(${identifier(`${column}_${func}`)})`,
    mergeWith,
    column: `${column}_${func}`,
  });
  return {
    total: create('sum', 'sum', 'sum'),
    samples: create('count', 'sum', 'sum'),
    maximum: create('max', 'max', 'max'),
  };
}
