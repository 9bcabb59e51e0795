// Replaces the library on unsupported runtimes: functions that record do nothing, wrappers call or return
// the wrapped function, and queries reject.
import { createError } from './core/perfscope-error.ts';
import { findUnsupportedRuntime } from './core/supported-runtime.ts';

export { PerfscopeError } from './core/perfscope-error.ts';
export { AlertSeverity, PerformanceMetricType, QueueJobStatus } from './core/schema/enums.ts';

function doNothing(): void {}

async function rejectQuery(): Promise<never> {
  throw createError('PS_RUNTIME_UNSUPPORTED', { runtime: findUnsupportedRuntime() ?? 'Node.js' });
}

export const performanceMonitoringService = {
  strict: false,
  droppedRows: 0,
  recordMetric: doNothing,
  recordQueueMetric: doNothing,
  setTenantResolver: doNothing,
  getDashboard: rejectQuery,
  getTrends: rejectQuery,
  flush: async () => {},
  shutdown: async () => {},
};

export const notificationDirectory = { setDirectory: doNothing };

export const systemHealthMonitor = {
  startMonitoring: doNothing,
  stopMonitoring: doNothing,
  getHealthSnapshot: rejectQuery,
  registerGauge: doNothing,
};

export const onRule = () => doNothing;

export function withTenant<T>(_tenant: unknown, fn: () => T): T {
  return fn();
}

export function withUrlTemplate<T>(_template: unknown, fn: () => T): T {
  return fn();
}

export function withPerformanceTracking<T>(fn: T): T {
  return fn;
}

export function traceFunction<T>(nameOrFunction: string | T, fn?: T): T {
  return typeof nameOrFunction === 'string' ? fn! : nameOrFunction;
}

export function traceStep<T>(_name: unknown, fn: () => T): T {
  return fn();
}

/** Returns a decorator that changes nothing. The value of a field stays the same without a result. */
export const traced = () => doNothing;

export function wrapLambdaHandler<T>(handler: T): T {
  return handler;
}

/** Calls `fn` without a circuit breaker. */
export function protect<T, A extends unknown[], R>(fn: (this: T, ...args: A) => R | Promise<R>) {
  return async function (this: T, ...args: A): Promise<R> {
    return fn.apply(this, args);
  };
}
