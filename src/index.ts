import { getSharedAgent } from './agent/agent.ts';
import type { ProtectOptions } from './agent/breakers/circuit-breaker.ts';
import type {
  HandlerOptions,
  RuleDecision,
  RuleHandler,
} from './agent/business-rules/decision-dispatcher.ts';
import type { SystemHealthMonitor } from './agent/health/system-health-monitor.ts';
import {
  enableTenantContext,
  runWithTenant,
  type Tenant,
} from './agent/instrumentation/tenant-context.ts';
import type { TenantResolver } from './agent/instrumentation/tenant-reader.ts';
import { setDirectory } from './agent/notification-directory.ts';
import type { Measurement } from './agent/record/measurement.ts';
import { createPerformanceTracking } from './agent/record/performance-tracking.ts';
import type { JobTransition } from './core/schema/tables/queue-metrics-table.ts';
import type { Dashboard, DashboardOptions, Trends } from './storage/queries/dashboard-query.ts';

export { onRule, protect } from './agent/business-rules/actions-poller.ts';
export type { SystemHealthMonitor } from './agent/health/system-health-monitor.ts';
export type { Measurement } from './agent/record/measurement.ts';
export type { TrackingOptions } from './agent/record/performance-tracking.ts';
export { type ErrorCode, PerfscopeError } from './core/errors.ts';
export type { Person } from './core/people.ts';
export { AlertSeverity, PerformanceMetricType, QueueJobStatus } from './core/schema/enums.ts';
export type { JobTransition } from './core/schema/tables/queue-metrics-table.ts';
export type { HealthSnapshot, HealthStatus } from './core/schema/tables/system-health-table.ts';
export type {
  Dashboard,
  DashboardOptions,
  HandlerOptions,
  ProtectOptions,
  RuleDecision,
  RuleHandler,
  Tenant,
  TenantResolver,
  Trends,
};

enableTenantContext();

/** Records what only the application knows, and reads what is stored. */
export const performanceMonitoringService = {
  /** Throw PS_ROW_INVALID for what is refused, as tests want it; otherwise it is counted and said once. */
  set strict(value: boolean) {
    getSharedAgent().recorder.strict = value;
  },

  /** Measurements and rows that were given up since the start. */
  get droppedRows(): number {
    return getSharedAgent().droppedRows.total;
  },

  recordMetric(measurement: Measurement): void {
    const monitor = getSharedAgent();
    if (!monitor.config.settings.enabled) return;
    void monitor.connect();
    monitor.recorder.recordMetric(measurement);
  },

  recordQueueMetric(transition: JobTransition): void {
    const monitor = getSharedAgent();
    if (!monitor.config.settings.enabled) return;
    void monitor.connect();
    monitor.recordJob(transition);
  },

  /** Names the tenant of each request, before its headers are looked at. */
  setTenantResolver(resolver: TenantResolver): void {
    getSharedAgent().tenantReader.resolver = resolver;
  },

  /**
   * The figures of a window until now; of six hours and more they may be five seconds old.
   *
   * @throws PS_UNAVAILABLE when QuestDB does not answer
   */
  async getDashboard(options: DashboardOptions = {}): Promise<Dashboard> {
    const { queryDashboard: dashboard, toDashboardQuery: questionOf } = await import(
      './storage/queries/dashboard-query.ts'
    );
    const monitor = getSharedAgent();
    const { PERFORMANCE_TIME_ZONE: zone } = monitor.config.settings;
    // Others may have been given the same one.
    return structuredClone(
      await dashboard(await monitor.getQueryClient(), questionOf(options), zone),
    );
  },

  /** The same figures as in the dashboard's `trends`. @throws PS_UNAVAILABLE */
  async getTrends(options: DashboardOptions = {}): Promise<Trends> {
    const { toDashboardQuery: questionOf } = await import('./storage/queries/dashboard-query.ts');
    const { queryTrends: trends } = await import('./storage/queries/dashboard-query.ts');
    const monitor = getSharedAgent();
    const { PERFORMANCE_TIME_ZONE: zone } = monitor.config.settings;
    return trends(await monitor.getQueryClient(), questionOf(options), 'previous', zone);
  },

  /** Resolves when everything recorded before is stored. @throws PS_FLUSH_TIMEOUT after `timeoutMs` */
  flush: (timeoutMs?: number): Promise<void> => getSharedAgent().flush(timeoutMs),

  /** Stops measuring. What could not be stored is kept in the spool. */
  shutdown: (): Promise<void> => getSharedAgent().shutdown(),
};

/** Who can be told of alerts, where the server runs in the application's own process. */
export const notificationDirectory = {
  /** Names what is asked each minute for people, beside those of PERFORMANCE_NOTIFY_FILE. */
  setDirectory,
};

/** Health of this process and its host. */
export const systemHealthMonitor: Pick<
  SystemHealthMonitor,
  'startMonitoring' | 'stopMonitoring' | 'getHealthSnapshot' | 'registerGauge'
> = {
  startMonitoring(intervalMs) {
    void getSharedAgent().connect();
    getSharedAgent().health.startMonitoring(intervalMs);
  },
  stopMonitoring: () => getSharedAgent().health.stopMonitoring(),
  getHealthSnapshot: (now) => getSharedAgent().health.getHealthSnapshot(now),
  registerGauge: (name, fn) => getSharedAgent().health.registerGauge(name, fn),
};

/**
 * Runs `fn` for a tenant: all that is measured inside carries its names, and so does the request that
 * it is a part of. Returns what `fn` returns.
 */
export function withTenant<T>(tenant: Tenant, fn: () => T): T {
  return runWithTenant(getSharedAgent().tenantReader.sanitize(tenant), fn);
}

export const withPerformanceTracking = createPerformanceTracking((m) =>
  performanceMonitoringService.recordMetric(m),
);
