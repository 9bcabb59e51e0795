import {
  AggregationTemporality,
  AggregationType,
  InstrumentType,
  type PushMetricExporter,
  type ResourceMetrics,
  type ScopeMetrics,
} from '@opentelemetry/sdk-metrics';
import { PerformanceMetricType } from '../../core/schema/enums.ts';
import { createIdGenerator } from '../../core/schema/row-ids.ts';
import { MAX_NAME_LENGTH, type ServiceResource } from '../../core/schema/table-definition.ts';
import type { AddRows } from '../../core/schema/table-registry.ts';
import type { PerformanceMetricRow } from '../../core/schema/tables/performance-metrics-table.ts';
import { ATTR_REQUEST_ABORTED } from '../attribute-keys.ts';
import type { SampledRequest } from '../instrumentation/request-sampler.ts';
import { toMetricRows } from './otel-metric-rows.ts';

/** 160 buckets, as the specification recommends: a range of 10 octaves keeps scale 4. */
const MAX_BUCKETS = 160;

export interface MetricExporterOptions {
  resource: ServiceResource;
  /** Takes rows over; from then on they are kept. */
  add: AddRows;
  /** Ends the interval of the histograms that are not the SDK's. */
  collectHistograms: () => readonly ScopeMetrics[];
  /** Ends the interval of the request sample. */
  takeRequestSamples: () => readonly SampledRequest[];
}

/** Hands what OpenTelemetry has collected to the write road, as deltas and exponential histograms. */
export class PerfscopeMetricExporter implements PushMetricExporter {
  readonly #options: MetricExporterOptions;
  readonly #nextId = createIdGenerator();

  constructor(options: MetricExporterOptions) {
    this.#options = options;
  }

  /**
   * A failed export would lose the interval's delta, so this succeeds once the rows are handed over. Our
   * own histograms are emptied here: taken with the rest, theirs would be nowhere while the SDK waits
   * for the application's observable callbacks, and lost if the process ended meanwhile.
   */
  export(metrics: ResourceMetrics, done: (result: { code: number; error?: Error }) => void): void {
    try {
      const {
        add,
        resource: origin,
        collectHistograms: takeCycle,
        takeRequestSamples: takeSample,
      } = this.#options;
      const { metrics: points, buckets } = toMetricRows(
        [...metrics.scopeMetrics, ...takeCycle()],
        origin,
      );
      add('performance_metrics', [
        ...points,
        ...toRequestSampleRows(takeSample(), origin, this.#nextId),
      ]);
      add('metric_buckets', buckets);
      done({ code: 0 });
    } catch (error) {
      done({ code: 1, error: error as Error });
    }
  }

  /** Per reader, never by view: the Prometheus exporter has no exponential histograms. */
  selectAggregation(type: InstrumentType) {
    if (type !== InstrumentType.HISTOGRAM) return { type: AggregationType.DEFAULT } as const;
    return {
      type: AggregationType.EXPONENTIAL_HISTOGRAM,
      options: { recordMinMax: true, maxSize: MAX_BUCKETS },
    } as const;
  }

  /** Values that go up and down are stored as they are, everything else as its increase. */
  selectAggregationTemporality(type: InstrumentType): AggregationTemporality {
    const absolute =
      type === InstrumentType.UP_DOWN_COUNTER || type === InstrumentType.OBSERVABLE_UP_DOWN_COUNTER;
    return absolute ? AggregationTemporality.CUMULATIVE : AggregationTemporality.DELTA;
  }

  /** Nothing is held back here: what was exported is with the writer. */
  async forceFlush(): Promise<void> {}

  async shutdown(): Promise<void> {}
}

/** Name of the rows of single requests. */
export const REQUEST_SAMPLE_METRIC_NAME = 'http.server.request.sample';

/**
 * Single requests as rows of `performance_metrics`, with user and trace. The histograms have counted
 * these requests already, so the rows are part of no sum, count or percentile: their count is 0,
 * they have no buckets, and their type is not that of the histograms, which people average by hand.
 */
export function toRequestSampleRows(
  requests: readonly SampledRequest[],
  origin: ServiceResource,
  nextId: () => string,
): PerformanceMetricRow[] {
  return requests.map(({ timestampMs, durationMs, method, scheme, route, status, ...rest }) => ({
    ...origin,
    id: nextId(),
    timestamp: timestampMs,
    metricType: PerformanceMetricType.CUSTOM,
    name: REQUEST_SAMPLE_METRIC_NAME,
    unit: 'ms',
    value: durationMs,
    duration: durationMs,
    endpoint: route?.slice(0, MAX_NAME_LENGTH),
    operation: method,
    organizationId: rest.tenant?.organizationId,
    propertyId: rest.tenant?.propertyId,
    userId: rest.tenant?.userId,
    tags: JSON.stringify({
      'url.scheme': scheme,
      'http.response.status_code': status,
      'error.type': status !== undefined && status >= 500 ? String(status) : undefined,
      [ATTR_REQUEST_ABORTED]: status === undefined ? true : undefined,
      trace_id: rest.traceId,
    }),
    count: 0,
    errorCount: 0,
    abortedCount: 0,
    test: false,
  }));
}
