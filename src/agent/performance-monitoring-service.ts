import { runGuarded } from '../core/guard.ts';
import type { JobTransition } from '../core/schema/tables/queue-metrics-table.ts';
import type { Dashboard, DashboardOptions, Trends } from '../storage/queries/dashboard-query.ts';
import { checkOptionalFunction, toMsInRange } from './argument-checks.ts';
import { readDashboardOptions } from './dashboard-options.ts';
import type { TenantResolver } from './instrumentation/context/tenant-reader.ts';
import { addJobDefaults, readJobTransition } from './record/job-transition-row.ts';
import type { Measurement } from './record/measurement.ts';
import { getSharedAgent } from './shared-agent.ts';

const FLUSH_RANGE_MS = { min: 0, max: 2 ** 31 - 1, fallback: 30_000 };

/**
 * Records measurements and job transitions, and reads the stored metrics.
 *
 * @example
 * import { performanceMonitoringService } from '@perfscope/agent';
 *
 * performanceMonitoringService.recordMetric({ name: 'checkout', value: 12.5, unit: 'ms' });
 */
export const performanceMonitoringService = {
  /**
   * Whether invalid measurements and job transitions throw PS_ROW_INVALID. Set it to `true` in tests. Default: `false`,
   * which drops invalid measurements, counts them in `droppedRows`, and logs each reason once. Never throws.
   *
   * @example
   * import { performanceMonitoringService } from '@perfscope/agent';
   *
   * performanceMonitoringService.strict = process.env.NODE_ENV === 'test';
   * @param value whether to throw
   */
  set strict(value: boolean) {
    getSharedAgent().recorder.strict = Boolean(value);
  },

  /**
   * Number of measurements and rows dropped since the process started. Never throws.
   *
   * @example
   * import { performanceMonitoringService } from '@perfscope/agent';
   *
   * if (performanceMonitoringService.droppedRows > 0) console.warn('Some metrics were dropped.');
   * @returns the number of dropped rows. 0 if no row was dropped.
   */
  get droppedRows(): number {
    return getSharedAgent().droppedRows.total;
  },

  /**
   * Records one measurement. Returns immediately and stores the row in the background. Does nothing
   * if monitoring is disabled.
   *
   * @example
   * import { performanceMonitoringService } from '@perfscope/agent';
   *
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
   * Records one state transition of a job from any queue library. Jobs of measured libraries, such as BullMQ, are recorded
   * automatically. Does nothing if monitoring is disabled.
   *
   * @example
   * import { performanceMonitoringService } from '@perfscope/agent';
   *
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
   * a tenant.
   *
   * @example
   * import { performanceMonitoringService } from '@perfscope/agent';
   *
   * performanceMonitoringService.setTenantResolver(({ headers }) => {
   *   const organizationId = headers['x-organization'];
   *   return typeof organizationId === 'string' ? { organizationId } : undefined;
   * });
   * @param resolver the function. `undefined` removes the current function. Default: none.
   * @throws PS_ARGUMENT_INVALID if `resolver` is not a function
   */
  setTenantResolver(resolver: TenantResolver | undefined): void {
    checkOptionalFunction('setTenantResolver', 'resolver', resolver);
    getSharedAgent().tenantReader.resolver = resolver ?? undefined;
  },

  /**
   * Returns the metrics of a time window: requests, database, queues, health, and trends. Results for windows of six
   * hours or more can be up to 5 s old.
   *
   * @example
   * import { performanceMonitoringService } from '@perfscope/agent';
   *
   * const { api } = await performanceMonitoringService.getDashboard({ windowMs: 3_600_000 });
   * console.log(api.p95, api.errorRate);
   * @param options window and tenant. Default: the last 15 minutes of all tenants.
   * @returns the metrics. Times are in ms, rates are per second, and shares are in percent.
   * @throws PS_ARGUMENT_INVALID if an option is invalid
   * @throws PS_NO_TARGET if no QuestDB is configured and no local server is running
   * @throws PS_UNAVAILABLE if QuestDB does not respond
   * @throws PS_QUERY_TOO_LONG if a query times out
   * @throws PS_REQUEST_TOO_LARGE if the result has too many rows
   * @throws PS_RUNTIME_UNSUPPORTED if Perfscope doesn't support the JavaScript runtime
   */
  async getDashboard(options?: DashboardOptions): Promise<Dashboard> {
    const checkedOptions = readDashboardOptions('getDashboard', options);
    const { queryDashboard, toDashboardQuery } = await import(
      '../storage/queries/dashboard-query.ts'
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
   * import { performanceMonitoringService } from '@perfscope/agent';
   *
   * const { errorRate } = await performanceMonitoringService.getTrends({ windowMs: 3_600_000 });
   * console.log(errorRate.current, errorRate.change);
   * @param options window and tenant. Default: the last 15 minutes of all tenants.
   * @returns the trends. Times are in ms, rates are per second, and error rates and changes are in percent.
   * @throws PS_ARGUMENT_INVALID if an option is invalid
   * @throws PS_NO_TARGET if no QuestDB is configured and no local server is running
   * @throws PS_UNAVAILABLE if QuestDB does not respond
   * @throws PS_QUERY_TOO_LONG if a query times out
   * @throws PS_REQUEST_TOO_LARGE if the result has too many rows
   * @throws PS_RUNTIME_UNSUPPORTED if Perfscope doesn't support the JavaScript runtime
   */
  async getTrends(options?: DashboardOptions): Promise<Trends> {
    const checkedOptions = readDashboardOptions('getTrends', options);
    const { queryTrends, toDashboardQuery } = await import('../storage/queries/dashboard-query.ts');
    const agent = getSharedAgent();
    const { timeZone: zone } = agent.config.settings;
    const queryClient = await agent.getQueryClient();
    return queryTrends(queryClient, toDashboardQuery(checkedOptions), 'previous', zone);
  },

  /**
   * Sends all rows recorded before the call, and waits until QuestDB has acknowledged them.
   *
   * @example
   * import { performanceMonitoringService } from '@perfscope/agent';
   *
   * await performanceMonitoringService.flush(5000);
   * @param timeoutMs time limit in ms, from 0 to 2,147,483,647. Default: 30,000.
   * @returns a promise that resolves when all rows are stored
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
   * import { performanceMonitoringService } from '@perfscope/agent';
   *
   * await performanceMonitoringService.shutdown();
   * @returns a promise that resolves when the rows are sent, or after 2 s
   */
  async shutdown(): Promise<void> {
    await runGuarded('the shutdown', () => getSharedAgent().shutdown());
  },
};
