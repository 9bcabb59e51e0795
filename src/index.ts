/**
 * Records an application's own measurements, jobs, and health, applies business rules, and reads the stored metrics.
 * HTTP requests, database queries, and jobs are measured without code: see `register`.
 *
 * On a runtime that Perfscope doesn't support, the functions that record do nothing. Wrappers call the wrapped
 * function, and queries reject with PS_RUNTIME_UNSUPPORTED. docs/agent.md describes the effects on an application.
 *
 * @module agent
 * @sortStrategy alphabetical
 */
import { checkFunction } from './agent/argument-checks.ts';
import type { SystemHealthMonitor } from './agent/health/system-health-monitor.ts';
import { runWithTenant, type Tenant } from './agent/instrumentation/context/tenant-context.ts';
import {
  traceNamedFunction,
  traceNamedStep,
} from './agent/instrumentation/functions/trace-function.ts';
import {
  createTracedDecorator,
  type TracedDecorator,
} from './agent/instrumentation/functions/traced-decorator.ts';
import { runWithUrlTemplate } from './agent/instrumentation/outgoing/url-template.ts';
import {
  type LambdaHandler,
  type LambdaHandlerOptions,
  wrapHandler,
} from './agent/lambda/wrap-lambda-handler.ts';
import {
  type DirectoryFunction,
  setDirectory as setDirectoryFunction,
} from './agent/notification-directory.ts';
import { performanceMonitoringService } from './agent/performance-monitoring-service.ts';
import {
  createPerformanceTracking,
  type TrackableFunction,
} from './agent/record/performance-tracking.ts';
import { getSharedAgent } from './agent/shared-agent.ts';

export type { ProtectOptions } from './agent/breakers/circuit-breaker.ts';
export type {
  HandlerOptions,
  RuleDecision,
  RuleHandler,
} from './agent/business-rules/decision-dispatcher.ts';
export { onRule, protect } from './agent/business-rules/protect-and-on-rule.ts';
export type { SystemHealthMonitor } from './agent/health/system-health-monitor.ts';
export type { Tenant } from './agent/instrumentation/context/tenant-context.ts';
export type {
  TenantRequest,
  TenantResolver,
} from './agent/instrumentation/context/tenant-reader.ts';
export type { TracedDecorator } from './agent/instrumentation/functions/traced-decorator.ts';
export type { LambdaHandler, LambdaHandlerOptions } from './agent/lambda/wrap-lambda-handler.ts';
export type { DirectoryFunction } from './agent/notification-directory.ts';
export { performanceMonitoringService } from './agent/performance-monitoring-service.ts';
export type { Measurement } from './agent/record/measurement.ts';
export type { TrackingOptions } from './agent/record/performance-tracking.ts';
export { type ErrorCode, PerfscopeError } from './core/perfscope-error.ts';
export type { Person, Role } from './core/person-and-roles.ts';
export { AlertSeverity, PerformanceMetricType, QueueJobStatus } from './core/schema/enums.ts';
export type { JobTransition } from './core/schema/tables/queue-metrics-table.ts';
export type { HealthSnapshot, HealthStatus } from './core/schema/tables/system-health-table.ts';
export type { Trend } from './storage/queries/comparison.ts';
export type {
  Dashboard,
  DashboardOptions,
  RequestStats,
  Trends,
} from './storage/queries/dashboard-query.ts';
export type { DatabaseStats } from './storage/queries/database-stats.ts';
export type { ProcessHealth } from './storage/queries/host-health.ts';
export type { SlowestOperation } from './storage/queries/operation-totals.ts';
export type { QueueStats } from './storage/queries/queue-stats.ts';
export type { StreamStats } from './storage/queries/request-totals.ts';

/**
 * Supplies people who receive notifications, if the server runs in the application's process.
 *
 * @example
 * import { notificationDirectory } from '@perfscope/agent';
 *
 * notificationDirectory.setDirectory(() => [{ name: 'anna', role: 'ADMIN', email: 'anna@hotel.example' }]);
 */
export const notificationDirectory = {
  /**
   * Sets a function that returns people. The server calls it every minute, in addition to reading
   * the notification file. If the function throws, the server keeps the previous people and logs a
   * warning.
   *
   * @example
   * import { notificationDirectory } from '@perfscope/agent';
   *
   * notificationDirectory.setDirectory(async () => [
   *   { name: 'anna', role: 'ADMIN', email: 'anna@hotel.example' },
   * ]);
   * @param directory the function. `undefined` removes the current function. Default: none.
   * @throws PS_ARGUMENT_INVALID if `directory` is not a function
   */
  setDirectory(directory: DirectoryFunction | undefined): void {
    setDirectoryFunction(directory);
  },
};

/**
 * Reports the health of this process and its host. {@link SystemHealthMonitor} describes the methods.
 *
 * @example
 * import { systemHealthMonitor } from '@perfscope/agent';
 *
 * const sessions = new Map<string, object>();
 * systemHealthMonitor.registerGauge('activeUsers', () => sessions.size);
 * const { status, metrics } = await systemHealthMonitor.getHealthSnapshot();
 * console.log(status, metrics.cpu, metrics.gauges.activeUsers);
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
 * import { performanceMonitoringService, withTenant } from '@perfscope/agent';
 *
 * withTenant({ organizationId: 'hotels', userId: 'anna' }, () => {
 *   performanceMonitoringService.recordMetric({ name: 'checkout', value: 12.5, unit: 'ms' });
 * });
 * @typeParam T type of the result of `fn`
 * @param tenant fields of up to 128 characters without control characters. If it is not an object,
 * `fn` runs without a tenant.
 * @param fn the function to run. It is called exactly once, synchronously, and without arguments.
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
 * import { withUrlTemplate } from '@perfscope/agent';
 *
 * const id = 7;
 * const room = await withUrlTemplate('/rooms/{id}', () => fetch(`http://rooms.example/rooms/${id}`));
 * console.log(room.status);
 * @typeParam T type of the result of `fn`
 * @param template path with placeholders instead of values, up to 255 characters. A template with a query, a fragment,
 * a scheme, or control characters is ignored.
 * @param fn the function to run. It is called exactly once, synchronously, and without arguments.
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
 * @function
 * @example
 * import { withPerformanceTracking } from '@perfscope/agent';
 *
 * const bookRoom = async (room: number, guest: string) => ({ room, guest });
 * const book = withPerformanceTracking(bookRoom, { name: 'booking', metricType: 'CUSTOM' });
 * await book(7, 'anna');
 * @typeParam F type of the function or class
 * @param fn the function or class. A parameter without a type is `any`, unless the expected type of the
 * wrapped function is known.
 * @param options name and other fields of the measurement. Default name: the name of the function.
 * Default type: `API_RESPONSE_TIME`, or `CUSTOM` inside a request or job that the agent measures. Calls of the
 * type `API_RESPONSE_TIME` count as API requests without a status. For other work, pass `metricType: 'CUSTOM'`.
 * @returns the wrapped function, with the type of `fn`
 * @throws PS_ARGUMENT_INVALID if `fn` is not a function, or `options` is not an object
 */
export const withPerformanceTracking = createPerformanceTracking((measurement) =>
  performanceMonitoringService.recordMetric(measurement),
);

/**
 * Wraps a function so that each call is recorded with its duration. A call is also a step in the breakdown of its
 * request. A promise is recorded when it settles, and a generator when its iteration ends. The name, the length, the
 * properties, `this`, the arguments, the result, and the error stay the same.
 *
 * Without `--import @perfscope/agent/register`, the function itself is returned.
 *
 * @example
 * import { traceFunction } from '@perfscope/agent';
 *
 * const priceRooms = traceFunction('priceRooms', async (hotel: string) => hotel.length);
 * await priceRooms('seaside');
 * @typeParam F type of the function
 * @param name name of the function, up to 255 characters. It must not contain values, such as IDs.
 * @param fn the function
 * @returns the wrapped function, with the type of `fn`
 * @throws PS_ARGUMENT_INVALID if `fn` is not a function, or `name` is empty
 */
export function traceFunction<F extends TrackableFunction>(name: string, fn: F): F;
/**
 * Same as above, with the function's own name.
 *
 * @example
 * import { traceFunction } from '@perfscope/agent';
 *
 * const priceRooms = traceFunction(async function priceRooms(hotel: string) {
 *   return hotel.length;
 * });
 * await priceRooms('seaside');
 * @typeParam F type of the function
 * @param fn the function. It must have a name.
 * @returns the wrapped function, with the type of `fn`
 * @throws PS_ARGUMENT_INVALID if `fn` is not a function, or has no name
 */
export function traceFunction<F extends TrackableFunction>(fn: F): F;
export function traceFunction<F extends TrackableFunction>(nameOrFunction: string | F, fn?: F): F {
  return traceNamedFunction(nameOrFunction, fn);
}

/**
 * Runs `fn`, and records its duration, in the same way as {@link traceFunction}.
 *
 * @example
 * import { traceStep } from '@perfscope/agent';
 *
 * const price = await traceStep('price rooms', async () => 120);
 * console.log(price);
 * @typeParam T type of the result of `fn`
 * @param name name of the step, up to 255 characters. It must not contain values, such as IDs.
 * @param fn the function to run. It is called exactly once, synchronously, and without arguments.
 * @returns the result of `fn`
 * @throws the error of `fn`
 * @throws PS_ARGUMENT_INVALID if `fn` is not a function, or `name` is not a string, or is empty
 */
export function traceStep<T>(name: string, fn: () => T): T {
  return traceNamedStep(name, fn);
}

/**
 * Returns a decorator of class methods that records each call, in the same way as {@link traceFunction}. It works as a
 * standard decorator, and with the option `experimentalDecorators` of TypeScript. It also accepts static and private
 * methods, getters, setters, and fields that contain a function.
 *
 * @example
 * import { traced } from '@perfscope/agent';
 *
 * class Prices {
 *   @traced()
 *   async find(room: number) {
 *     return room * 10;
 *   }
 * }
 * console.log(await new Prices().find(7));
 * @param name name of the function. Default: `Class.method`.
 * @returns the decorator
 * @throws PS_ARGUMENT_INVALID if `name` is not a string, or is empty
 */
export function traced(name?: string): TracedDecorator {
  return createTracedDecorator(name);
}

/**
 * Wraps the handler of an AWS Lambda function. Each invocation is recorded, and its rows are sent before its result is
 * returned, because Lambda then freezes the process. Accepts async functions, functions with a callback, and the
 * handlers of `awslambda.streamifyResponse`. If `--import @perfscope/agent/register` is in `NODE_OPTIONS`, the handler
 * is wrapped without this function. docs/serverless.md describes both ways.
 *
 * Outside of AWS Lambda, and without `register`, the handler itself is returned. A handler is wrapped only once.
 *
 * @example
 * import { wrapLambdaHandler } from '@perfscope/agent';
 *
 * export const handler = wrapLambdaHandler(
 *   async (event: { room: number }) => ({ statusCode: 200, body: String(event.room) }),
 *   { flushTimeoutMs: 100 },
 * );
 * @typeParam H type of the handler
 * @param handler the handler
 * @param options time limit for sending
 * @returns the wrapped handler, with the type of `handler`
 * @throws PS_ARGUMENT_INVALID if `handler` is not a function, or an option is invalid
 */
export function wrapLambdaHandler<H extends LambdaHandler>(
  handler: H,
  options?: LambdaHandlerOptions,
): H {
  return wrapHandler(handler, options);
}
