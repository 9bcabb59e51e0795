import { PerformanceMetricType } from '../../src/core/schema/enums.ts';
import type { HostMetric } from '../../src/storage/queries/host-health.ts';
import { selectGaugeOverTime } from './gauge-queries.ts';
import {
  selectHostOverTime,
  selectLatestHealth,
  selectRunningProcesses,
  selectUptimeMinutes,
} from './health-queries.ts';
import { SECONDS, selectTotalsOverTime } from './total-queries.ts';

/** Processes are not assigned to tenants. */
const BY_PROCESS = { by: ['service', 'environment'], keys: ['service', 'instance'] } as const;
/** Name of a process in legends. */
const PROCESS = "concat(service, ' ', instance)";

/** Selects the mean of a host metric in each interval, by process or service. */
export function selectHostSeries(
  metric: HostMetric,
  by: 'service' | 'instance' = 'instance',
): string {
  const [name, keys] = by === 'service' ? ['service', ['service']] : [PROCESS, BY_PROCESS.keys];
  return `SELECT time, ${name} AS metric, total / samples AS value FROM ${selectHostOverTime(metric, keys)} WHERE samples > 0 ORDER BY time`;
}

/** Selects the latest health data of each process. */
export function selectHosts(): string {
  return `SELECT service AS "Service", instance AS "Process", service_version AS "Version", CASE WHEN is_running THEN status::varchar ELSE 'not reporting' END AS "Status", timestamp AS "Last seen",
  uptime AS "Uptime", disk_usage AS "Host disk", load AS "Load",
  event_loop_delay_p99 AS "Event loop p99", active_users AS "Active users", ongoing_reservations AS "Reservations"
FROM ${selectLatestHealth()} ORDER BY "Service", "Process"`;
}

/** Selects the latest CPU and memory usage of each process, next to the usage of its container and its host. */
export function selectProcessUsage(): string {
  return `SELECT service AS "Service", instance AS "Process", process_cpu_usage AS "Process CPU", cpu_usage AS "Container CPU", host_cpu_usage AS "Host CPU",
  process_memory AS "Process memory", memory_usage AS "Container memory", host_memory_usage AS "Host memory"
FROM ${selectLatestHealth()} WHERE is_running ORDER BY "Process CPU" DESC, "Service", "Process"`;
}

/** Counts the processes that still report at the end of the time range and, of these, the processes that are not healthy. */
export function selectStatusCounts(): string {
  return `SELECT count() AS "Processes", coalesce(sum(CASE WHEN status = 'healthy' THEN 0 ELSE 1 END), 0) AS "Not healthy" FROM ${selectRunningProcesses()}`;
}

/** Selects the percentage of minutes in which each service reported. */
export function selectUptimes(): string {
  return `SELECT service AS "Service", 100.0 * reported / expected AS "Up", expected - reported AS "Minutes down" FROM ${selectUptimeMinutes()}
WHERE expected > 0 ORDER BY "Up", "Service"`;
}

/** Selects the percentage of minutes in which services reported, for all services together. */
export function selectUptimeShare(): string {
  return `SELECT 100.0 * sum(reported) / sum(expected) AS up FROM ${selectUptimeMinutes()} WHERE expected > 0`;
}

/**
 * Selects a value for each interval and process.
 *
 * @param value SQL expression that uses the aggregations of `selectGaugeOverTime`
 */
export function selectProcessSeries(
  type: PerformanceMetricType,
  name: string,
  value: string,
): string {
  return `SELECT time, ${PROCESS} AS metric, ${value} AS value FROM ${selectGaugeOverTime({ ...BY_PROCESS, type, name })} WHERE samples > 0 ORDER BY time`;
}

/** Selects the maximum heap usage of each process. Each runtime has its own name for the metric. */
export function selectHeapUsed(): string {
  const type = PerformanceMetricType.HEAP_USAGE;
  const conditions = ["name != 'v8js.memory.heap.limit'"];
  return `SELECT time, ${PROCESS} AS metric, maximum AS value FROM ${selectGaugeOverTime({ ...BY_PROCESS, type, conditions })} WHERE samples > 0 ORDER BY time`;
}

/** Selects the percentage of time that each process spent on garbage collection. */
export function selectGcShare(): string {
  const rows = selectTotalsOverTime({ ...BY_PROCESS, type: PerformanceMetricType.GC_DURATION });
  return `SELECT time, ${PROCESS} AS metric, 0.1 * total / ${SECONDS} AS value FROM ${rows} ORDER BY time`;
}
