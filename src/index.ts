import { checkFunction, checkOptionalFunction, toMsInRange } from './agent/argument-checks.ts';
import type { ProtectOptions } from './agent/breakers/circuit-breaker.ts';
import type {
  HandlerOptions,
  RuleDecision,
  RuleHandler,
} from './agent/business-rules/decision-dispatcher.ts';
import { readDashboardOptions } from './agent/dashboard-options.ts';
import type { SystemHealthMonitor } from './agent/health/system-health-monitor.ts';
import { runWithTenant, type Tenant } from './agent/instrumentation/context/tenant-context.ts';
import type {
  TenantRequest,
  TenantResolver,
} from './agent/instrumentation/context/tenant-reader.ts';
import { runWithUrlTemplate } from './agent/instrumentation/outgoing/url-template.ts';
import { setDirectory } from './agent/notification-directory.ts';
import { addJobDefaults, readJobTransition } from './agent/record/job-transition-row.ts';
import type { Measurement } from './agent/record/measurement.ts';
import { createPerformanceTracking } from './agent/record/performance-tracking.ts';
import { getSharedAgent } from './agent/shared-agent.ts';
import { runGuarded } from './core/guard.ts';
import type { JobTransition } from './core/schema/tables/queue-metrics-table.ts';
import type { Dashboard, DashboardOptions, Trends } from './storage/queries/dashboard-query.ts';

export { onRule, protect } from './agent/business-rules/protect-and-on-rule.ts';
export type { SystemHealthMonitor } from './agent/health/system-health-monitor.ts';
export type { Measurement } from './agent/record/measurement.ts';
export type { TrackingOptions } from './agent/record/performance-tracking.ts';
export { type ErrorCode, PerfscopeError } from './core/perfscope-error.ts';
export type { Person } from './core/person-and-roles.ts';
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
  TenantRequest,
  TenantResolver,
  Trends,
};

const FLUSH_RANGE_MS = { min: 0, max: 2 ** 31 - 1, fallback: 30_000 };

/**
 * Records measurements and job transitions, and reads the stored metrics.
 *
 * @example
 * performanceMonitoringService.recordMetric({ name: 'checkout', value: 12.5, unit: 'ms' });
 */
export const performanceMonitoringService = {
  /**
   * Whether invalid measurements throw PS_ROW_INVALID. Set it to `true` in tests. Default: `false`,
   * which drops invalid measurements, counts them in `droppedRows`, and logs each reason once.
   *
   * @example
   * performanceMonitoringService.strict = process.env.NODE_ENV === 'test';
   */
  set strict(value: boolean) {
    getSharedAgent().recorder.strict = Boolean(value);
  },

  /**
   * Number of measurements and rows dropped since the process started.
   *
   * @example
   * if (performanceMonitoringService.droppedRows > 0) console.warn('Some metrics were dropped.');
   */
  get droppedRows(): number {
    return getSharedAgent().droppedRows.total;
  },

  /**
   * Records one measurement. Returns immediately and stores the row in the background. Does nothing
   * if monitoring is disabled.
   *
   * @example
   * performanceMonitoringService.recordMetric({ name: 'checkout', value: 12.5, unit: 'ms' });
   * @param measurement name and value. Default unit: `ms` for metric types that measure time,
   * otherwise `1`.
   * @throws PS_ROW_INVALID if the measurement is invalid and `strict` is set
   */
  recordMetric(measurement: Measurement): void {
    const agent = getSharedAgent();
    if (!agent.config.settings.enabled) return;
    agent.connect();
    agent.recorder.recordMetric(measurement);
  },

  /**
   * Records one state transition of a job from any queue library. BullMQ jobs are recorded
   * automatically. Does nothing if monitoring is disabled.
   *
   * @example
   * performanceMonitoringService.recordQueueMetric({
   *   queueName: 'invoices',
   *   jobId: '42',
   *   status: 'completed',
   *   duration: 340,
   *   waitTime: 15,
   * });
   * @param transition `duration`, `waitTime`, and `delay` are in ms. Defaults: `timestamp` and
   * `createdAt` now, `attempts` 1, `maxAttempts` 3, `priority` 0, and a new `jobId`.
   * @throws PS_ROW_INVALID if the transition is invalid and `strict` is set
   */
  recordQueueMetric(transition: JobTransition): void {
    const agent = getSharedAgent();
    if (!agent.config.settings.enabled) return;
    agent.connect();
    const copy = readJobTransition(transition);
    if (copy instanceof Error) agent.recorder.reject(copy);
    else agent.recordJob(addJobDefaults(copy, Date.now()));
  },

  /**
   * Sets a function that returns the tenant of an HTTP request. If it returns `undefined`, the
   * configured headers are used. If it throws or returns a promise, the request is recorded without
   * a tenant. `undefined` removes the function.
   *
   * @example
   * performanceMonitoringService.setTenantResolver((request) => ({
   *   organizationId: request.headers['x-organization'],
   * }));
   * @throws PS_ARGUMENT_INVALID if `resolver` is not a function
   */
  setTenantResolver(resolver: TenantResolver | undefined): void {
    checkOptionalFunction('setTenantResolver', 'resolver', resolver);
    getSharedAgent().tenantReader.resolver = resolver ?? undefined;
  },

  /**
   * Returns the metrics of a time window: requests, database, queues, health, and trends. Times are
   * in ms, rates are per second, and shares are in percent. Results for windows of six hours or
   * more can be up to 5 s old.
   *
   * @example
   * const { api } = await performanceMonitoringService.getDashboard({ windowMs: 3_600_000 });
   * console.log(api.p95, api.errorRate);
   * @param options window and tenant. Default: the last 15 minutes of all tenants.
   * @throws PS_ARGUMENT_INVALID if an option is invalid
   * @throws PS_UNAVAILABLE if QuestDB does not respond
   * @throws PS_NO_TARGET if no QuestDB is configured and no local server is running
   */
  async getDashboard(options?: DashboardOptions): Promise<Dashboard> {
    const checkedOptions = readDashboardOptions('getDashboard', options);
    const { queryDashboard, toDashboardQuery } = await import(
      './storage/queries/dashboard-query.ts'
    );
    const agent = getSharedAgent();
    const { timeZone: zone } = agent.config.settings;
    const queryClient = await agent.getQueryClient();
    const dashboard = await queryDashboard(queryClient, toDashboardQuery(checkedOptions), zone);
    // Callers can change the result, and the cached object is shared.
    return structuredClone(dashboard);
  },

  /**
   * Returns only the `trends` of the dashboard: the window compared with the preceding window.
   *
   * @example
   * const { errorRate } = await performanceMonitoringService.getTrends({ windowMs: 3_600_000 });
   * @param options window and tenant. Default: the last 15 minutes of all tenants.
   * @throws PS_ARGUMENT_INVALID if an option is invalid
   * @throws PS_UNAVAILABLE if QuestDB does not respond
   * @throws PS_NO_TARGET if no QuestDB is configured and no local server is running
   */
  async getTrends(options?: DashboardOptions): Promise<Trends> {
    const checkedOptions = readDashboardOptions('getTrends', options);
    const { queryTrends, toDashboardQuery } = await import('./storage/queries/dashboard-query.ts');
    const agent = getSharedAgent();
    const { timeZone: zone } = agent.config.settings;
    const queryClient = await agent.getQueryClient();
    return queryTrends(queryClient, toDashboardQuery(checkedOptions), 'previous', zone);
  },

  /**
   * Resolves when QuestDB has acknowledged all rows recorded before the call.
   *
   * @example
   * await performanceMonitoringService.flush(5000);
   * @param timeoutMs time limit in ms. Default: 30,000.
   * @throws PS_FLUSH_TIMEOUT if the rows are not acknowledged in time. They stay in the spool.
   * @throws PS_NO_TARGET if rows are waiting, no QuestDB is configured, and no local server is running
   * @throws PS_ARGUMENT_INVALID if `timeoutMs` is not a number
   */
  async flush(timeoutMs?: number): Promise<void> {
    await getSharedAgent().flush(toMsInRange('flush', 'timeoutMs', timeoutMs, FLUSH_RANGE_MS));
  },

  /**
   * Stops collecting metrics and sends the remaining rows for up to 2 s. Unsent rows stay in the
   * spool. Never rejects.
   *
   * @example
   * await performanceMonitoringService.shutdown();
   */
  async shutdown(): Promise<void> {
    await runGuarded('the shutdown', () => getSharedAgent().shutdown());
  },
};

/** Supplies people who receive notifications, if the server runs in the application's process. */
export const notificationDirectory = {
  /**
   * Sets a function that returns people. The server calls it every minute, in addition to reading
   * the notification file. If the function throws, the server keeps the previous people and logs a
   * warning. `undefined` removes the function.
   *
   * @example
   * notificationDirectory.setDirectory(async () => [
   *   { name: 'anna', role: 'ADMIN', email: 'anna@hotel.example' },
   * ]);
   */
  setDirectory,
};

/**
 * Reports the health of this process and its host.
 *
 * @example
 * systemHealthMonitor.registerGauge('activeUsers', () => sessions.size);
 * const { status, metrics } = await systemHealthMonitor.getHealthSnapshot();
 */
export const systemHealthMonitor: Pick<
  SystemHealthMonitor,
  'startMonitoring' | 'stopMonitoring' | 'getHealthSnapshot' | 'registerGauge'
> = {
  startMonitoring(intervalMs) {
    getSharedAgent().health.startMonitoring(intervalMs);
    getSharedAgent().connect();
  },
  stopMonitoring: () => getSharedAgent().health.stopMonitoring(),
  getHealthSnapshot: (now) => getSharedAgent().health.getHealthSnapshot(now),
  registerGauge: (name, fn) => getSharedAgent().health.registerGauge(name, fn),
};

/**
 * Runs `fn` for a tenant. Everything recorded inside `fn` belongs to this tenant, and so does the
 * current HTTP request. Invalid fields are ignored and logged once.
 *
 * @example
 * app.use((request, _response, next) =>
 *   withTenant({ organizationId: request.user.organization, userId: request.user.id }, next),
 * );
 * @param tenant fields of up to 128 characters without control characters. If it is not an object,
 * `fn` runs without a tenant.
 * @returns the result of `fn`
 * @throws the error of `fn`
 * @throws PS_ARGUMENT_INVALID if `fn` is not a function
 */
export function withTenant<T>(tenant: Tenant, fn: () => T): T {
  checkFunction('withTenant', 'fn', fn);
  return runWithTenant(getSharedAgent().tenantReader.sanitize(tenant), fn);
}

/**
 * Runs `fn`, and records its outgoing HTTP calls with a URL template. Without a template, calls are recorded by host
 * and method, because a URL can contain IDs and secrets. Adds no headers to the calls.
 *
 * @example
 * const room = await withUrlTemplate('/rooms/{id}', () => fetch(`${base}/rooms/${id}`));
 * @param template path with placeholders instead of values, up to 255 characters. A template with a query, a fragment,
 * a scheme, or control characters is ignored.
 * @returns the result of `fn`
 * @throws the error of `fn`
 * @throws PS_ARGUMENT_INVALID if `fn` is not a function
 */
export function withUrlTemplate<T>(template: string, fn: () => T): T {
  checkFunction('withUrlTemplate', 'fn', fn);
  return runWithUrlTemplate(template, fn);
}

/**
 * Wraps a function so that each call records its duration in ms. A call that throws or rejects is
 * recorded as an error. Generators are measured until they are done. The name, the length, `this`,
 * the arguments, the result, and the error stay the same.
 *
 * @example
 * const book = withPerformanceTracking(bookRoom, { name: 'booking', metricType: 'CUSTOM' });
 * await book(room, guest);
 * @param fn the function. A parameter without a type is `any`, unless the expected type of the
 * wrapped function is known.
 * @param options name and other fields of the measurement. Default name: the name of the function.
 * Default type: `API_RESPONSE_TIME`, or `CUSTOM` inside a request or job that the agent measures. Calls of the
 * type `API_RESPONSE_TIME` count as API requests without a status. For other work, pass `metricType: 'CUSTOM'`.
 * @throws PS_ARGUMENT_INVALID if `fn` is not a function, or `options` is not an object
 */
export const withPerformanceTracking = createPerformanceTracking((measurement) =>
  performanceMonitoringService.recordMetric(measurement),
);
