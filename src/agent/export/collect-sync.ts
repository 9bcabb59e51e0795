import type { HrTime } from '@opentelemetry/api';
import {
  DataPointType,
  type IMetricReader,
  type MeterProvider,
  type MetricData,
  type ResourceMetrics,
  type ScopeMetrics,
} from '@opentelemetry/sdk-metrics';

interface MetricStorage {
  collect(collector: object, time: HrTime): MetricData | undefined;
}

interface MeterProviderInternals {
  _sharedState: {
    resource: ResourceMetrics['resource'];
    metricCollectors: { _metricReader: IMetricReader }[];
    meterSharedStates: Map<
      string,
      {
        _instrumentationScope: ScopeMetrics['scope'];
        metricStorageRegistry: { getStorages(collector: object): MetricStorage[] };
      }
    >;
  };
}

/**
 * Collects what `reader` has not exported yet, at once: nothing that is asynchronous runs any more
 * while a process exits, and the SDK's own `collect` waits for observable callbacks. Gauges are left
 * out, for they would only say their last value again. The SDK has no other road (it reads its private state: sdk-metrics 2.x).
 *
 * @throws when the SDK looks different
 */
export function collectSync(
  provider: MeterProvider,
  reader: IMetricReader,
  nowMs: number,
): ResourceMetrics {
  const state = (provider as unknown as MeterProviderInternals)._sharedState;
  const collector = state.metricCollectors.find((each) => each._metricReader === reader);
  if (!collector) throw new Error('the reader is not registered');
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
