import type { HrTime } from '@opentelemetry/api';
import {
  DataPointType,
  type IMetricReader,
  type MeterProvider,
  type MetricData,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';

interface MetricStorage {
  collect(collector: object, time: HrTime): MetricData | undefined;
}

/** Private state of a meter provider in sdk-metrics 2.x and 3.x. */
interface MeterProviderState {
  resource: ResourceMetrics['resource'];
  metricCollectors: MetricCollectorInternals[];
  meterSharedStates: Map<
    string,
    {
      _instrumentationScope: ResourceMetrics['scopeMetrics'][number]['scope'];
      metricStorageRegistry: { getStorages(collector: object): MetricStorage[] };
    }
  >;
}

/** Private state of the metric producer that a meter provider passes to its reader. */
interface MetricCollectorInternals {
  _metricReader: IMetricReader;
  _sharedState: MeterProviderState;
}

/**
 * Synchronously collects the metrics that `reader` has not exported yet. The `collect` method of
 * the SDK waits for observable callbacks, and no asynchronous code runs while a process exits. The
 * SDK has no synchronous method, so this function reads its private state. It skips gauges, because
 * they would only repeat their last value.
 *
 * @throws an error if the private state of this SDK version differs
 */
export function collectSync(
  provider: MeterProvider,
  reader: IMetricReader,
  nowMs: number,
): ResourceMetrics {
  const state = (provider as unknown as { _sharedState: MeterProviderState })._sharedState;
  const collector = state.metricCollectors.find((each) => each._metricReader === reader);
  if (!collector) throw new Error('the reader is not registered');
  return collectProducerSync(collector, nowMs);
}

/**
 * Same as {@link collectSync}, with the metric producer that a meter provider has passed to its reader.
 *
 * @throws an error if the private state of this SDK version differs
 */
export function collectProducerSync(producer: object, nowMs: number): ResourceMetrics {
  const collector = producer as MetricCollectorInternals;
  const state = collector._sharedState;
  const time: HrTime = [Math.trunc(nowMs / 1000), Math.trunc((nowMs % 1000) * 1e6)];
  const scopeMetrics = [...state.meterSharedStates.values()].map((meter) => ({
    scope: meter._instrumentationScope,
    metrics: meter.metricStorageRegistry
      .getStorages(collector)
      .flatMap((storage) => storage.collect(collector, time) ?? [])
      .filter(({ dataPointType }) => dataPointType !== DataPointType.GAUGE),
  }));
  return { resource: state.resource, scopeMetrics };
}
