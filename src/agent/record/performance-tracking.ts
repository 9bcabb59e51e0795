import type { Measurement } from './measurement.ts';

export interface TrackingOptions
  extends Pick<
    Measurement,
    'metricType' | 'service' | 'endpoint' | 'operation' | 'organizationId' | 'propertyId' | 'tags'
  > {
  name: string;
}

/**
 * Wraps `fn` so that each call is recorded with its duration in ms, and as failed when it throws
 * or rejects. The wrapper passes on `this`, arguments, result and error as they are.
 */
export function createPerformanceTracking(record: (m: Measurement) => void) {
  return function withPerformanceTracking<T, A extends unknown[], R>(
    fn: (this: T, ...args: A) => R,
    options: TrackingOptions,
  ): (this: T, ...args: A) => R {
    return function (this: T, ...args: A): R {
      const startMs = performance.now();
      const done = (error: boolean) => {
        try {
          record({ unit: 'ms', ...options, value: performance.now() - startMs, error });
        } catch {
          // The function's own outcome matters more than its measurement.
        }
      };
      let result: R;
      try {
        result = fn.apply(this, args);
      } catch (error) {
        done(true);
        throw error;
      }
      if (result instanceof Promise) {
        result.then(
          () => done(false),
          () => done(true),
        );
      } else done(false);
      return result;
    };
  };
}
