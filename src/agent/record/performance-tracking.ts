import type { Measurement } from './measurement.ts';

/** Fields of the measurement that each call records. */
export interface TrackingOptions
  extends Pick<
    Measurement,
    'metricType' | 'service' | 'endpoint' | 'operation' | 'organizationId' | 'propertyId' | 'tags'
  > {
  name: string;
}

/** Creates `withPerformanceTracking`, which passes the measurement of each call to `record`. */
export function createPerformanceTracking(record: (measurement: Measurement) => void) {
  return function withPerformanceTracking<T, A extends unknown[], R>(
    fn: (this: T, ...args: A) => R,
    options: TrackingOptions,
  ): (this: T, ...args: A) => R {
    return function (this: T, ...args: A): R {
      const startMs = performance.now();
      const recordCall = (error: boolean) => {
        try {
          record({ unit: 'ms', ...options, value: performance.now() - startMs, error });
        } catch {
          // The outcome of the function is more important than its measurement.
        }
      };
      let result: R;
      try {
        result = fn.apply(this, args);
      } catch (error) {
        recordCall(true);
        throw error;
      }
      if (result instanceof Promise) {
        result.then(
          () => recordCall(false),
          () => recordCall(true),
        );
      } else recordCall(false);
      return result;
    };
  };
}
