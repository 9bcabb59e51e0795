import { guard } from '../../core/guard.ts';
import { PerformanceMetricType } from '../../core/schema/enums.ts';
import { checkFunction, createArgumentError } from '../argument-checks.ts';
import { isInMeasuredOperation } from '../instrumentation/context/tenant-context.ts';
import type { Measurement } from './measurement.ts';
import { observeResult, type TrackedCall } from './observe-result.ts';

/** Options of `withPerformanceTracking`: fields of the measurement that each call records. */
export interface TrackingOptions
  extends Pick<
    Measurement,
    | 'metricType'
    | 'type'
    | 'service'
    | 'operation'
    | 'organizationId'
    | 'propertyId'
    | 'userId'
    | 'tags'
  > {
  /** Name of the metric. Default: the name of the function. */
  name?: string | undefined;
  /** Endpoint of the call. Default: `name` for the type `API_RESPONSE_TIME`, otherwise none. */
  endpoint?: string | undefined;
  /**
   * Type of the measurement. Default: `API_RESPONSE_TIME`, so that the call counts as an API request. Inside a
   * request or job that the agent measures, the default is `CUSTOM`, so that the request or job is not counted
   * twice. For work that isn't an API request, such as a scheduled task, pass `CUSTOM`.
   */
  metricType?: PerformanceMetricType | undefined;
}

// biome-ignore-start lint/suspicious/noExplicitAny: a function or class of any type can be wrapped.
/** A function or class of any type. */
export type TrackableFunction =
  | ((this: any, ...args: any[]) => any)
  | (abstract new (
      ...args: any[]
    ) => any);
// biome-ignore-end lint/suspicious/noExplicitAny: see above.

type AnyFunction = (this: unknown, ...args: unknown[]) => unknown;
type AnyClass = new (...args: unknown[]) => object;

/** What fails, for {@link guard}. */
const PART = 'withPerformanceTracking';

/** Creates `withPerformanceTracking`, which passes the measurement of each call to `record`. */
export function createPerformanceTracking(record: (measurement: Measurement) => void) {
  return function withPerformanceTracking<F extends TrackableFunction>(
    fn: F,
    options?: TrackingOptions,
  ): F {
    checkFunction(PART, 'fn', fn);
    if (options !== undefined && options !== null && typeof options !== 'object') {
      throw createArgumentError(PART, 'options', 'is not an object');
    }
    const recordCall = guard(PART, (value: number, error: boolean, isMeasured: boolean) =>
      record({ ...createMeasurement(fn, options ?? {}, isMeasured), value, error }),
    );
    const startCall = (): TrackedCall => {
      let startMs = performance.now();
      let isEnded = false;
      const isMeasured = isInMeasuredOperation();
      return {
        restart: () => {
          startMs = performance.now();
        },
        end: (failed) => {
          if (!isEnded) recordCall(performance.now() - startMs, failed, isMeasured);
          isEnded = true;
        },
      };
    };
    const track = <R>(run: () => R, observe: (result: R, call: TrackedCall) => R): R => {
      const call = startCall();
      let isReturned = false;
      let result: R;
      // With `catch`, Node.js would print another source line for an uncaught error.
      try {
        result = run();
        isReturned = true;
      } finally {
        if (!isReturned) call.end(true);
      }
      return observe(result, call);
    };
    const observeInstance = (instance: object, call: TrackedCall) => {
      call.end(false);
      return instance;
    };
    // A Proxy has the name, the length, and the properties of the function.
    return new Proxy(fn, {
      apply: (target, thisArg, args) =>
        track(() => Reflect.apply(target as AnyFunction, thisArg, args), observeResult),
      construct: (target, args, newTarget) =>
        track(() => Reflect.construct(target as AnyClass, args, newTarget), observeInstance),
    });
  };
}

function createMeasurement(
  fn: TrackableFunction,
  options: TrackingOptions,
  isMeasured: boolean,
): Omit<Measurement, 'value'> {
  const name = options.name ?? (fn.name || 'anonymous');
  const defaultType = isMeasured
    ? PerformanceMetricType.CUSTOM
    : PerformanceMetricType.API_RESPONSE_TIME;
  const metricType = options.metricType ?? options.type ?? defaultType;
  const isApi = metricType === PerformanceMetricType.API_RESPONSE_TIME;
  // Queries of API response times group by endpoint.
  const endpoint = options.endpoint ?? (isApi ? name : undefined);
  return { unit: 'ms', ...options, name, metricType, endpoint };
}
