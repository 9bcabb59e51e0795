import { reportFailure, runGuarded } from '../../core/guard.ts';
import { EXPORT_PART, fromSdkMetrics } from '../export/sdk-metric-adapter.ts';
import type {
  ExportResult,
  SdkAggregation,
  SdkResourceMetrics,
  SdkTemporality,
} from '../export/sdk-metric-types.ts';
import type { ExporterOptions } from './exporter-options.ts';
import { type ExporterPipeline, getExporterPipeline, reportSdk1 } from './exporter-pipeline.ts';
import type { NotStored } from './rejected-data.ts';
import { createAggregation, isSdk1Resource } from './sdk-1.ts';

/**
 * Limit recommended by the OpenTelemetry specification. Values that span 10 octaves fit at scale 4.
 */
const MAX_BUCKETS = 160;
const DEFAULT_AGGREGATION = createAggregation({ type: 0 });
const HISTOGRAM_AGGREGATION = createAggregation({
  type: 5,
  options: { recordMinMax: true, maxSize: MAX_BUCKETS },
});

/**
 * Stores the metrics of the application's OpenTelemetry SDK in QuestDB. Use it with any `PeriodicExportingMetricReader`
 * of SDK 2.x or 3.x. With SDK 1.x, it stores nothing. In a process with `--import …/register`, it does nothing, because the
 * agent records the metrics.
 *
 * @example
 * import { NodeSDK } from '@opentelemetry/sdk-node';
 * import { PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
 * import { QuestDBMetricExporter } from '@perfscope/agent/opentelemetry';
 *
 * const reader = new PeriodicExportingMetricReader({ exporter: new QuestDBMetricExporter() });
 * new NodeSDK({ metricReaders: [reader] }).start();
 */
export class QuestDBMetricExporter {
  readonly #pipeline: ExporterPipeline;

  /**
   * Creates an exporter. All exporters of a process share one writer.
   *
   * @param options where rows are sent. Default: the `PERFORMANCE_*` variables, or the local server.
   * @throws PS_ARGUMENT_INVALID if an option is invalid, or differs from the option of another exporter in this process
   */
  constructor(options?: ExporterOptions) {
    this.#pipeline = getExporterPipeline('QuestDBMetricExporter', options);
  }

  /**
   * Converts metrics to rows. Calls `resultCallback` with code 0 as soon as the writer has the rows. The writer keeps
   * them in its spool until QuestDB has stored them. Code 1 means that the metrics can't be converted.
   * Never throws.
   *
   * @example
   * import { QuestDBMetricExporter } from '@perfscope/agent/opentelemetry';
   *
   * const exporter = new QuestDBMetricExporter();
   * exporter.export({ resource: { attributes: {} }, scopeMetrics: [] }, ({ code }) => console.log(code));
   * @param metrics `ResourceMetrics` of the package `@opentelemetry/sdk-metrics`
   * @param resultCallback called once, before this method returns
   */
  export(metrics: SdkResourceMetrics, resultCallback: (result: ExportResult) => void): void {
    let result: ExportResult = { code: 0 };
    try {
      if (this.#pipeline.isActive) {
        if (isSdk1Resource(metrics.resource)) reportSdk1();
        else this.#pipeline.addMetrics(fromSdkMetrics(metrics));
      }
    } catch (error) {
      reportFailure(EXPORT_PART, error);
      result = { code: 1, error: toError(error) };
    }
    runGuarded(EXPORT_PART, () => resultCallback(result));
  }

  /**
   * Returns the numbers of metric points that all exporters of this process did not store, by reason. docs/opentelemetry.md explains the
   * reasons. Never throws.
   *
   * @example
   * import { QuestDBMetricExporter } from '@perfscope/agent/opentelemetry';
   *
   * const exporter = new QuestDBMetricExporter();
   * console.log(exporter.notStored.rejected);
   * @returns the numbers since the process started, by reason
   */
  get notStored(): NotStored {
    return this.#pipeline.getNotStored('metric points');
  }

  /**
   * Writes all rows to the spool, and tries to send them for up to `PERFORMANCE_EXIT_TIMEOUT`. Never rejects. Unsent rows
   * stay in the spool.
   *
   * @example
   * import { QuestDBMetricExporter } from '@perfscope/agent/opentelemetry';
   *
   * const exporter = new QuestDBMetricExporter();
   * await exporter.forceFlush();
   * @returns a promise that resolves when the rows are sent, or after the time limit
   */
  async forceFlush(): Promise<void> {
    await this.#pipeline.flush();
  }

  /**
   * Same as `forceFlush`. Never rejects.
   *
   * @example
   * import { QuestDBMetricExporter } from '@perfscope/agent/opentelemetry';
   *
   * const exporter = new QuestDBMetricExporter();
   * await exporter.shutdown();
   * @returns a promise that resolves when the rows are sent, or after the time limit
   */
  async shutdown(): Promise<void> {
    await this.#pipeline.flush();
  }

  /**
   * Returns an exponential histogram for histograms, so that percentiles are exact to 4 %. This affects only the reader of
   * this exporter. With SDK 1.x, no values are kept for this reader. Never throws.
   *
   * @example
   * import { QuestDBMetricExporter } from '@perfscope/agent/opentelemetry';
   *
   * console.log(new QuestDBMetricExporter().selectAggregation('HISTOGRAM').type); // 5
   * @param instrumentType `InstrumentType` of the SDK, such as `HISTOGRAM`
   * @returns an `AggregationOption` of the SDK
   */
  selectAggregation(instrumentType: string): SdkAggregation {
    return instrumentType === 'HISTOGRAM' ? HISTOGRAM_AGGREGATION : DEFAULT_AGGREGATION;
  }

  /**
   * Returns cumulative temporality for up-down counters, and delta temporality for all other instruments. Never throws.
   *
   * @example
   * import { QuestDBMetricExporter } from '@perfscope/agent/opentelemetry';
   *
   * console.log(new QuestDBMetricExporter().selectAggregationTemporality('COUNTER')); // 0
   * @param instrumentType `InstrumentType` of the SDK, such as `COUNTER`
   * @returns an `AggregationTemporality` of the SDK: 0 is delta, 1 is cumulative
   */
  selectAggregationTemporality(instrumentType: string): SdkTemporality {
    return instrumentType.endsWith('UP_DOWN_COUNTER') ? 1 : 0;
  }
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
