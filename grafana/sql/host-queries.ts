import { PerformanceMetricType } from '../../src/core/schema/enums.ts';
import type { HostMetric } from '../../src/storage/queries/host-health.ts';
import { selectGaugeOverTime } from './gauge-queries.ts';
import { selectHostOverTime, selectLatestHealth, selectUptimeMinutes } from './health-queries.ts';
import { SECONDS, selectTotalsOverTime } from './total-queries.ts';

/** Processes belong to no tenant. */
const BY_PROCESS = { by: ['service', 'environment'], keys: ['instance'] } as const;

/** Mean of a figure of each process, as a line. */
export function selectHostSeries(
  figure: HostMetric,
  by: 'service' | 'instance' = 'instance',
): string {
  return `SELECT time, ${by} AS metric, total / samples AS value FROM ${selectHostOverTime(figure, [by])} WHERE samples > 0 ORDER BY time`;
}

/** The latest of each process. */
export function selectHosts(): string {
  return `SELECT service AS "Service", instance AS "Process", service_version AS "Version", status AS "Status", timestamp AS "Seen",
  uptime AS "Uptime", cpu_usage AS "CPU", memory_usage AS "Memory", disk_usage AS "Disk", load AS "Load",
  event_loop_delay_p99 AS "Event loop p99", active_users AS "Active users", ongoing_reservations AS "Ongoing reservations"
FROM ${selectLatestHealth()} ORDER BY "Service", "Process"`;
}

/** Processes of the range, and those whose latest status is not healthy. */
export function selectStatusCounts(): string {
  return `SELECT count() AS "Processes", sum(CASE WHEN status = 'healthy' THEN 0 ELSE 1 END) AS "Not healthy" FROM ${selectLatestHealth()}`;
}

/** Share of the minutes in which each service reported, in percent. */
export function selectUptimes(): string {
  return `SELECT service AS "Service", 100.0 * reported / expected AS "Up", expected - reported AS "Minutes down" FROM ${selectUptimeMinutes()}
WHERE expected > 0 ORDER BY "Up", "Service"`;
}

/** Of all services together. */
export function selectUptimeShare(): string {
  return `SELECT 100.0 * sum(reported) / sum(expected) AS up FROM ${selectUptimeMinutes()} WHERE expected > 0`;
}

/** Values of a gauge of each process, as a line: mean, or for counters the growth per second. */
export function selectProcessSeries(
  type: PerformanceMetricType,
  name: string,
  value: string,
): string {
  return `SELECT time, instance AS metric, ${value} AS value FROM ${selectGaugeOverTime({ ...BY_PROCESS, type, name })} WHERE samples > 0 ORDER BY time`;
}

/** Share of time in percent that garbage collection took. */
export function selectGcShare(): string {
  const rows = selectTotalsOverTime({ ...BY_PROCESS, type: PerformanceMetricType.GC_DURATION });
  return `SELECT time, instance AS metric, 0.1 * total / ${SECONDS} AS value FROM ${rows} ORDER BY time`;
}
