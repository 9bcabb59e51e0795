export const HEALTH_STATUSES = ['healthy', 'degraded', 'unhealthy'] as const;
export type HealthStatus = (typeof HEALTH_STATUSES)[number];

/** How one process and its host are. Usages and rates in percent, times in ms, uptime in seconds. */
export interface HealthSnapshot {
  status: HealthStatus;
  timestamp: Date;
  metrics: {
    cpu: number | undefined;
    memory: number;
    disk: number | undefined;
    load: number;
    uptime: number;
    eventLoopDelayP99: number | undefined;
    avgResponseTime: number | undefined;
    errorRate: number | undefined;
    /** Values of `registerGauge`. */
    gauges: Record<string, number>;
  };
}
