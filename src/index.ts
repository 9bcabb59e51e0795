import type { HandlerOptions, RuleDecision, RuleHandler } from './actions/apply/applier.ts';
import type { ProtectOptions } from './actions/breaker/options.ts';
import type { SystemHealthMonitor } from './health/monitor.ts';
import { runFor, type Tenant, wantContext } from './instrumentation/context.ts';
import type { TenantResolver } from './instrumentation/tenant.ts';
import { setDirectory } from './notify/people/set-directory.ts';
import type { Measurement } from './record/measurement.ts';
import { trackWith } from './record/tracking.ts';
import type { JobTransition } from './schema/job-transition.ts';
import { sharedMonitor } from './shared-monitor.ts';
import type { Dashboard, DashboardOptions } from './windows/dashboard.ts';
import type { Trends } from './windows/trends.ts';

export { onRule, protect } from './application-actions.ts';
export { type ErrorCode, PerfscopeError } from './errors.ts';
export type { SystemHealthMonitor } from './health/monitor.ts';
export type { Person } from './notify/plan/plan.ts';
export type { Measurement } from './record/measurement.ts';
export type { TrackingOptions } from './record/tracking.ts';
export type { HealthSnapshot, HealthStatus } from './schema/health-snapshot.ts';
export type { JobTransition } from './schema/job-transition.ts';
export { AlertSeverity, PerformanceMetricType, QueueJobStatus } from './schema/metric-type.ts';
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

wantContext();

/** Records what only the application knows, and reads what is stored. */
export const performanceMonitoringService = {
  /** Throw PS_ROW_INVALID for what is refused, as tests want it; otherwise it is counted and said once. */
  set strict(value: boolean) {
    sharedMonitor().recorder.strict = value;
  },

  /** Measurements and rows that were given up since the start. */
  get droppedRows(): number {
    return sharedMonitor().dropped.total;
  },

  recordMetric(measurement: Measurement): void {
    const monitor = sharedMonitor();
    if (!monitor.started.settings.enabled) return;
    void monitor.connect();
    monitor.recorder.recordMetric(measurement);
  },

  recordQueueMetric(transition: JobTransition): void {
    const monitor = sharedMonitor();
    if (!monitor.started.settings.enabled) return;
    void monitor.connect();
    monitor.recordJob(transition);
  },

  /** Names the tenant of each request, before its headers are looked at. */
  setTenantResolver(resolver: TenantResolver): void {
    sharedMonitor().tenants.resolver = resolver;
  },

  /**
   * The figures of a window until now; of six hours and more they may be five seconds old.
   *
   * @throws PS_UNAVAILABLE when QuestDB does not answer
   */
  async getDashboard(options: DashboardOptions = {}): Promise<Dashboard> {
    const { dashboard, questionOf } = await import('./windows/dashboard.ts');
    const monitor = sharedMonitor();
    const { PERFORMANCE_TIME_ZONE: zone } = monitor.started.settings;
    // Others may have been given the same one.
    return structuredClone(await dashboard(await monitor.store(), questionOf(options), zone));
  },

  /** The same figures as in the dashboard's `trends`. @throws PS_UNAVAILABLE */
  async getTrends(options: DashboardOptions = {}): Promise<Trends> {
    const { questionOf } = await import('./windows/dashboard.ts');
    const { trends } = await import('./windows/trends.ts');
    const monitor = sharedMonitor();
    const { PERFORMANCE_TIME_ZONE: zone } = monitor.started.settings;
    return trends(await monitor.store(), questionOf(options), 'previous', zone);
  },

  /** Resolves when everything recorded before is stored. @throws PS_FLUSH_TIMEOUT after `timeoutMs` */
  flush: (timeoutMs?: number): Promise<void> => sharedMonitor().flush(timeoutMs),

  /** Stops measuring. What could not be stored is kept in the spool. */
  shutdown: (): Promise<void> => sharedMonitor().shutdown(),
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
    void sharedMonitor().connect();
    sharedMonitor().health.startMonitoring(intervalMs);
  },
  stopMonitoring: () => sharedMonitor().health.stopMonitoring(),
  getHealthSnapshot: (now) => sharedMonitor().health.getHealthSnapshot(now),
  registerGauge: (name, fn) => sharedMonitor().health.registerGauge(name, fn),
};

/**
 * Runs `fn` for a tenant: all that is measured inside carries its names, and so does the request that
 * it is a part of. Returns what `fn` returns.
 */
export function withTenant<T>(tenant: Tenant, fn: () => T): T {
  return runFor(sharedMonitor().tenants.clean(tenant), fn);
}

export const withPerformanceTracking = trackWith((m) =>
  performanceMonitoringService.recordMetric(m),
);
