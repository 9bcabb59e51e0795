import type { Settings } from './config/parse-settings.ts';
import type { HealthStatus } from './schema/tables/system-health-table.ts';

export interface HealthThresholds {
  /** Response time, in ms, above which a process is degraded. */
  responseTimeWarning: number;
  /** Response time, in ms, above which a process is unhealthy. */
  responseTimeCritical: number;
  /**
   * Error rate, in percent, above which a process is degraded. Above three times this rate, it is
   * unhealthy.
   */
  errorRate: number;
}

export function readHealthThresholds(settings: Settings): HealthThresholds {
  return {
    responseTimeWarning: settings.PERFORMANCE_RESPONSE_TIME_WARNING,
    responseTimeCritical: settings.PERFORMANCE_RESPONSE_TIME_CRITICAL,
    errorRate: settings.PERFORMANCE_ERROR_RATE_THRESHOLD,
  };
}

/** Usage values and error rate in percent, and response time in ms. */
export interface HealthMetrics {
  cpu: number | undefined;
  memory: number | undefined;
  disk: number | undefined;
  avgResponseTime: number | undefined;
  errorRate: number | undefined;
}

/** Usage values, in percent, above which a process is degraded or unhealthy. */
const USAGE_THRESHOLDS = {
  cpu: [80, 95],
  memory: [85, 95],
  disk: [90, 98],
} as const;

/** Returns the worst status of all metrics. Unknown metrics are ignored. */
export function evaluateHealthStatus(
  metrics: HealthMetrics,
  thresholds: HealthThresholds,
): HealthStatus {
  const levels = [
    toLevel(metrics.cpu, ...USAGE_THRESHOLDS.cpu),
    toLevel(metrics.memory, ...USAGE_THRESHOLDS.memory),
    toLevel(metrics.disk, ...USAGE_THRESHOLDS.disk),
    toLevel(
      metrics.avgResponseTime,
      thresholds.responseTimeWarning,
      thresholds.responseTimeCritical,
    ),
    toLevel(metrics.errorRate, thresholds.errorRate, 3 * thresholds.errorRate),
  ];
  const worst = Math.max(...levels);
  return worst === 2 ? 'unhealthy' : worst === 1 ? 'degraded' : 'healthy';
}

function toLevel(value: number | undefined, warning: number, critical: number): 0 | 1 | 2 {
  if (value === undefined || value <= warning) return 0;
  return value > critical ? 2 : 1;
}
