import type { HealthStatus } from '../../core/schema/tables/system-health-table.ts';

export interface HealthThresholds {
  /** ms */
  responseTimeWarning: number;
  /** ms */
  responseTimeCritical: number;
  /** percent */
  errorRate: number;
}

export interface HealthMetrics {
  cpu: number | undefined;
  memory: number | undefined;
  disk: number | undefined;
  avgResponseTime: number | undefined;
  errorRate: number | undefined;
}

/** Usages in percent from which a host is short of something, and from which it is in trouble. */
const USAGE_THRESHOLDS = {
  cpu: [80, 95],
  memory: [85, 95],
  disk: [90, 98],
} as const;

/** The worst that any figure says; what is not known says nothing. */
export function evaluateHealthStatus(
  figures: HealthMetrics,
  limits: HealthThresholds,
): HealthStatus {
  const levels = [
    toLevel(figures.cpu, ...USAGE_THRESHOLDS.cpu),
    toLevel(figures.memory, ...USAGE_THRESHOLDS.memory),
    toLevel(figures.disk, ...USAGE_THRESHOLDS.disk),
    toLevel(figures.avgResponseTime, limits.responseTimeWarning, limits.responseTimeCritical),
    toLevel(figures.errorRate, limits.errorRate, 3 * limits.errorRate),
  ];
  const worst = Math.max(...levels);
  return worst === 2 ? 'unhealthy' : worst === 1 ? 'degraded' : 'healthy';
}

function toLevel(value: number | undefined, warning: number, critical: number): 0 | 1 | 2 {
  if (value === undefined || value <= warning) return 0;
  return value > critical ? 2 : 1;
}
