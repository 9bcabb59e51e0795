import {
  AggregationTemporality,
  AggregationType,
  InstrumentType,
  type PushMetricExporter,
  type ResourceMetrics,
  type ScopeMetrics,
} from '@opentelemetry/sdk-metrics';
import { CallTimer } from '../../core/call-timer.ts';
import { reportFailure } from '../../core/guard.ts';
import { OMITTED_PARTS_TAG, REQUEST_PARTS_TAG } from '../../core/request-breakdown.ts';
import { createRequestSampleRow } from '../../core/request-sample-row.ts';
import { createIdGenerator } from '../../core/schema/row-ids.ts';
import type { ServiceResource } from '../../core/schema/table-definition.ts';
import type { AddRows } from '../../core/schema/table-registry.ts';
import type { PerformanceMetricRow } from '../../core/schema/tables/performance-metrics-table.ts';
import { type CheckpointEntry, encodeCheckpointRow } from '../../storage/write/checkpoint-file.ts';
import { ATTR_REQUEST_ABORTED } from '../attribute-keys.ts';
import type {
  RequestSampler,
  SampledRequest,
} from '../instrumentation/requests/request-sampler.ts';
import { toMetricRows } from './otel-metric-rows.ts';

/**
 * Limit recommended by the OpenTelemetry specification. Values that span 10 octaves fit at scale 4.
 */
const MAX_BUCKETS = 160;

export interface MetricExporterOptions {
  resource: ServiceResource;
  /** Passes rows to the writer, which keeps them until they are stored. */
  add: AddRows;
  /** Ends the interval of the histograms in the histogram registry, and returns their points. */
  collectHistograms: () => readonly ScopeMetrics[];
  /** Sampled requests of the current interval. */
  sampler: Pick<RequestSampler, 'getSamples' | 'takeSamples'>;
}

/** Exports OpenTelemetry metrics to the writer, as deltas and exponential histograms. */
export class PerfscopeMetricExporter implements PushMetricExporter {
  readonly #options: MetricExporterOptions;
  readonly #nextId = createIdGenerator();
  readonly #timer = new CallTimer();
  readonly #sampleRows = new WeakMap<SampledRequest, PerformanceMetricRow>();

  constructor(options: MetricExporterOptions) {
    this.#options = options;
  }

  /**
   * Converts metrics to rows and passes them to the writer. A failed export would lose the
   * interval's deltas, so the export succeeds as soon as the writer has the rows.
   *
   * The registry histograms are collected here and not by a metric producer. Otherwise, their
   * values would be lost if the process ends while the SDK waits for the application's callbacks.
   */
  export(metrics: ResourceMetrics, done: (result: { code: number; error?: Error }) => void): void {
    try {
      this.#timer.run(() => this.#addRows(metrics));
      done({ code: 0 });
    } catch (error) {
      reportFailure('the export of metrics', error);
      done({ code: 1, error: error as Error });
    }
  }

  #addRows(metrics: ResourceMetrics): void {
    const { add, resource, collectHistograms, sampler } = this.#options;
    const collected = [...metrics.scopeMetrics, ...collectHistograms()];
    const { metrics: metricRows, buckets } = toMetricRows(collected, resource);
    const sampleRows = sampler.takeSamples().map((sample) => this.#toSampleRow(sample));
    add('performance_metrics', [...metricRows, ...sampleRows]);
    add('metric_buckets', buckets);
  }

  /** Encodes the sampled requests of the current interval for a checkpoint. */
  encodeSamples(): CheckpointEntry[] {
    return this.#options.sampler
      .getSamples()
      .map((sample) => encodeCheckpointRow('performance_metrics', this.#toSampleRow(sample)));
  }

  /** Returns the same row, with the same ID, for the same request. */
  #toSampleRow(sample: SampledRequest): PerformanceMetricRow {
    const existing = this.#sampleRows.get(sample);
    if (existing) return existing;
    const row = toRequestSampleRow(sample, this.#options.resource, this.#nextId());
    this.#sampleRows.set(sample, row);
    return row;
  }

  /**
   * Set for this reader and not by a view, because Prometheus can't export exponential histograms.
   */
  selectAggregation(type: InstrumentType) {
    if (type !== InstrumentType.HISTOGRAM) return { type: AggregationType.DEFAULT } as const;
    return {
      type: AggregationType.EXPONENTIAL_HISTOGRAM,
      options: { recordMinMax: true, maxSize: MAX_BUCKETS },
    } as const;
  }

  /** Up-down counters are exported as absolute values, and all other instruments as deltas. */
  selectAggregationTemporality(type: InstrumentType): AggregationTemporality {
    const isUpDownCounter =
      type === InstrumentType.UP_DOWN_COUNTER || type === InstrumentType.OBSERVABLE_UP_DOWN_COUNTER;
    return isUpDownCounter ? AggregationTemporality.CUMULATIVE : AggregationTemporality.DELTA;
  }

  /** Does nothing, because `export` passes all rows to the writer. */
  async forceFlush(): Promise<void> {}

  async shutdown(): Promise<void> {}
}

/** Converts a sampled request to a row. See {@link createRequestSampleRow}. */
export function toRequestSampleRow(
  sample: SampledRequest,
  resource: ServiceResource,
  id: string,
): PerformanceMetricRow {
  const { tenant, aborted, parts, omittedPartCount } = sample;
  return createRequestSampleRow(
    {
      ...sample,
      ...tenant,
      otherTags: {
        [ATTR_REQUEST_ABORTED]: aborted ? true : undefined,
        [REQUEST_PARTS_TAG]: parts,
        [OMITTED_PARTS_TAG]: omittedPartCount > 0 ? omittedPartCount : undefined,
      },
    },
    resource,
    id,
  );
}
