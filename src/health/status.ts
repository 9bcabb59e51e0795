import type { HealthStatus } from '../schema/health-snapshot.ts';

export interface HealthThresholds {
  /** ms */
  responseTimeWarning: number;
  /** ms */
  responseTimeCritical: number;
  /** percent */
  errorRate: number;
}

export interface HealthFigures {
  cpu: number | undefined;
  memory: number | undefined;
  disk: number | undefined;
  avgResponseTime: number | undefined;
  errorRate: number | undefined;
}

/** Usages in percent from which a host is short of something, and from which it is in trouble. */
const USAGE = {
  cpu: [80, 95],
  memory: [85, 95],
  disk: [90, 98],
} as const;

/** The worst that any figure says; what is not known says nothing. */
export function statusOf(figures: HealthFigures, limits: HealthThresholds): HealthStatus {
  const levels = [
    level(figures.cpu, ...USAGE.cpu),
    level(figures.memory, ...USAGE.memory),
    level(figures.disk, ...USAGE.disk),
    level(figures.avgResponseTime, limits.responseTimeWarning, limits.responseTimeCritical),
    level(figures.errorRate, limits.errorRate, 3 * limits.errorRate),
  ];
  const worst = Math.max(...levels);
  return worst === 2 ? 'unhealthy' : worst === 1 ? 'degraded' : 'healthy';
}

function level(value: number | undefined, warning: number, critical: number): 0 | 1 | 2 {
  if (value === undefined || value <= warning) return 0;
  return value > critical ? 2 : 1;
}
