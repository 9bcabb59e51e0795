import { PerformanceMetricType } from '../../src/schema/metric-type.ts';
import type { HostFigure } from '../../src/windows/hosts.ts';
import { gaugeOverTime } from './gauges.ts';
import { hostOverTime, latestHealth, minutesUp } from './health.ts';
import { SECONDS, workOverTime } from './work.ts';

/** Processes belong to no tenant. */
const BY_PROCESS = { by: ['service', 'environment'], keys: ['instance'] } as const;

/** Mean of a figure of each process, as a line. */
export function hostLines(figure: HostFigure, by: 'service' | 'instance' = 'instance'): string {
  return `SELECT time, ${by} AS metric, total / samples AS value FROM ${hostOverTime(figure, [by])} WHERE samples > 0 ORDER BY time`;
}

/** The latest of each process. */
export function hostTable(): string {
  return `SELECT service AS "Service", instance AS "Process", service_version AS "Version", status AS "Status", timestamp AS "Seen",
  uptime AS "Uptime", cpu_usage AS "CPU", memory_usage AS "Memory", disk_usage AS "Disk", load AS "Load",
  event_loop_delay_p99 AS "Event loop p99", active_users AS "Active users", ongoing_reservations AS "Ongoing reservations"
FROM ${latestHealth()} ORDER BY "Service", "Process"`;
}

/** Processes of the range, and those whose latest status is not healthy. */
export function statuses(): string {
  return `SELECT count() AS "Processes", sum(CASE WHEN status = 'healthy' THEN 0 ELSE 1 END) AS "Not healthy" FROM ${latestHealth()}`;
}

/** Share of the minutes in which each service reported, in percent. */
export function upTable(): string {
  return `SELECT service AS "Service", 100.0 * reported / expected AS "Up", expected - reported AS "Minutes down" FROM ${minutesUp()}
WHERE expected > 0 ORDER BY "Up", "Service"`;
}

/** Of all services together. */
export function upShare(): string {
  return `SELECT 100.0 * sum(reported) / sum(expected) AS up FROM ${minutesUp()} WHERE expected > 0`;
}

/** Values of a gauge of each process, as a line: mean, or for counters the growth per second. */
export function processLines(type: PerformanceMetricType, name: string, value: string): string {
  return `SELECT time, instance AS metric, ${value} AS value FROM ${gaugeOverTime({ ...BY_PROCESS, type, name })} WHERE samples > 0 ORDER BY time`;
}

/** Share of time in percent that garbage collection took. */
export function gcShare(): string {
  const rows = workOverTime({ ...BY_PROCESS, type: PerformanceMetricType.GC_DURATION });
  return `SELECT time, instance AS metric, 0.1 * total / ${SECONDS} AS value FROM ${rows} ORDER BY time`;
}
