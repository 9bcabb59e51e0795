import { defineTable, type InferRow, RESOURCE_COLUMNS } from '../table-definition.ts';

/**
 * One health snapshot of one process and its host. Usage values and `errorRate` are in percent,
 * times in ms, `uptime` in seconds, and `processMemory` in bytes. `load` is the one-minute load average.
 *
 * `cpuUsage` and `memoryUsage` are shares of the container's limits, or of the host if there are no limits.
 *
 * When a process ends normally, it writes a last row without measurements and with the status `stopped`.
 */
export const systemHealthTable = defineTable({
  name: 'system_health',
  columns: {
    status: 'symbol',
    host: 'symbol',
    ...RESOURCE_COLUMNS,
    id: 'varchar',
    avgResponseTime: 'double',
    errorRate: 'double',
    uptime: 'double',
    dbConnections: 'long',
    dbQueryTime: 'double',
    memoryUsage: 'double',
    cpuUsage: 'double',
    hostMemoryUsage: 'double',
    hostCpuUsage: 'double',
    processMemory: 'double',
    processCpuUsage: 'double',
    eventLoopUtilization: 'double',
    diskUsage: 'double',
    eventLoopDelayP99: 'double',
    load: 'double',
    activeUsers: 'double',
    ongoingReservations: 'double',
    createdAt: 'timestamp',
  },
  dedupKeys: ['service', 'instance'],
});

export type SystemHealthRow = InferRow<typeof systemHealthTable>;

/** Status of the last row of a process that ended normally. */
export const STOPPED_STATUS = 'stopped';
export const HEALTH_STATUSES = ['healthy', 'degraded', 'unhealthy'] as const;
/**
 * Worst level of all metrics of a process. The levels are `healthy`, `degraded`, and `unhealthy`.
 *
 * @useDeclaredType
 */
export type HealthStatus = (typeof HEALTH_STATUSES)[number];

/**
 * Health of one process and its host. Usage values and rates in percent, times in ms, uptime in
 * seconds.
 */
export interface HealthSnapshot {
  /** Status, from the metrics and the thresholds in docs/configuration.md. */
  status: HealthStatus;
  /** Time of the snapshot. */
  timestamp: Date;
  /** Current values. A value is `undefined` if it is unknown. */
  metrics: {
    /**
     * CPU usage in percent of the container's limit, or of the host's CPUs without a limit. Undefined only if the
     * operating system doesn't report CPU times.
     */
    cpu: number | undefined;
    /** Memory usage in percent of the container's limit, or of the host's memory without a limit. */
    memory: number;
    /** CPU usage of the host, in percent. */
    hostCpu: number | undefined;
    /** Memory usage of the host, in percent. */
    hostMemory: number;
    /** CPU time of this process, in percent of the CPUs that it can use. */
    processCpu: number | undefined;
    /** Resident set size of this process, in bytes. */
    processMemory: number;
    /** Utilization of the event loop, in percent. */
    eventLoopUtilization: number | undefined;
    /** Usage of the root file system, in percent. */
    disk: number | undefined;
    /** One-minute load average of the host. */
    load: number;
    /** Time since the process started, in seconds. */
    uptime: number;
    /** 99th percentile of the event loop delay, in ms. */
    eventLoopDelayP99: number | undefined;
    /** Mean duration of the requests since the last health row, in ms. */
    avgResponseTime: number | undefined;
    /** Share of failed requests since the last health row, in percent. */
    errorRate: number | undefined;
    /** Open connections to databases. Undefined if no pool is measured. */
    dbConnections: number | undefined;
    /** Mean duration of the database statements since the last health row, in ms. */
    dbQueryTime: number | undefined;
    /** Values of the gauges from `registerGauge`, by name. */
    gauges: Record<string, number>;
  };
}
