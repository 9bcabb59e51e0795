import {
  AggregationTemporality,
  AggregationType,
  InstrumentType,
  type PushMetricExporter,
  type ResourceMetrics,
  type ScopeMetrics,
} from '@opentelemetry/sdk-metrics';
import type { SampledRequest } from '../instrumentation/request-sample.ts';
import type { Origin } from '../schema/dimensions.ts';
import { idSource } from '../schema/identity.ts';
import type { Add } from '../schema/tables.ts';
import { rowsOf } from './rows.ts';
import { sampleRows } from './sample-rows.ts';

/** 160 buckets, as the specification recommends: a range of 10 octaves keeps scale 4. */
const MOST_BUCKETS = 160;

export interface ExporterOptions {
  origin: Origin;
  /** Takes rows over; from then on they are kept. */
  add: Add;
  /** Ends the interval of the histograms that are not the SDK's. */
  takeCycle: () => readonly ScopeMetrics[];
  /** Ends the interval of the request sample. */
  takeSample: () => readonly SampledRequest[];
}

/** Hands what OpenTelemetry has collected to the write road, as deltas and exponential histograms. */
export class PerfscopeMetricExporter implements PushMetricExporter {
  readonly #options: ExporterOptions;
  readonly #nextId = idSource();

  constructor(options: ExporterOptions) {
    this.#options = options;
  }

  /**
   * A failed export would lose the interval's delta, so this succeeds once the rows are handed over. Our
   * own histograms are emptied here: taken with the rest, theirs would be nowhere while the SDK waits
   * for the application's observable callbacks, and lost if the process ended meanwhile.
   */
  export(metrics: ResourceMetrics, done: (result: { code: number; error?: Error }) => void): void {
    try {
      const { add, origin, takeCycle, takeSample } = this.#options;
      const { metrics: points, buckets } = rowsOf(
        [...metrics.scopeMetrics, ...takeCycle()],
        origin,
      );
      add('performance_metrics', [...points, ...sampleRows(takeSample(), origin, this.#nextId)]);
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
      options: { recordMinMax: true, maxSize: MOST_BUCKETS },
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
