import { readOptions, toMsInRange } from '../argument-checks.ts';
import type { MetricReader } from '../export/sdk-metric-types.ts';
import type { ExporterOptions } from './exporter-options.ts';
import { getExporterPipeline } from './exporter-pipeline.ts';
import { PerfscopeMetricReader } from './metric-reader.ts';
import { QuestDBMetricExporter } from './questdb-metric-exporter.ts';
import { QuestDBSpanExporter } from './questdb-span-exporter.ts';
import type { SpanProcessor } from './sdk-span-types.ts';
import { PerfscopeSpanProcessor } from './span-processor.ts';

const FUNCTION_NAME = 'perfscopeConfiguration';
const MIN_INTERVAL_MS = 100;
const MAX_INTERVAL_MS = 86_400_000;

/** Options of `perfscopeConfiguration`. */
export interface PerfscopeConfigurationOptions extends ExporterOptions {
  /**
   * Interval between two exports of metrics, in ms, from 100 to 86,400,000 (a day). Default:
   * `OTEL_METRIC_EXPORT_INTERVAL`, or `PERFORMANCE_FLUSH_INTERVAL`, or 30,000.
   */
  exportIntervalMs?: number | undefined;
}

/** Options of `NodeSDK` of the package `@opentelemetry/sdk-node`. */
export interface PerfscopeConfiguration {
  /** Contains one reader, which exports exponential histograms to QuestDB. */
  metricReaders: MetricReader[];
  /** The same reader, for `@opentelemetry/sdk-node` before 0.204. Later versions ignore it. */
  metricReader: MetricReader;
  /** Contains one processor, which exports spans to QuestDB. */
  spanProcessors: SpanProcessor[];
}

/**
 * Returns options of `NodeSDK` that store its metrics and spans in QuestDB. To use other exporters too, add them to the
 * lists.
 *
 * @example
 * import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
 * import { NodeSDK } from '@opentelemetry/sdk-node';
 * import { perfscopeConfiguration } from '@perfscope/agent/opentelemetry';
 *
 * new NodeSDK({ ...perfscopeConfiguration(), instrumentations: [new HttpInstrumentation()] }).start();
 * @param options where rows are sent, and how often. Default: the environment variables.
 * @returns one metric reader and one span processor. They never throw.
 * @throws PS_ARGUMENT_INVALID if an option is invalid, or differs from the option of another exporter in this process
 */
export function perfscopeConfiguration(
  options?: PerfscopeConfigurationOptions,
): PerfscopeConfiguration {
  const { exportIntervalMs, ...exporterOptions } = readOptions(FUNCTION_NAME, options, [
    ...(['url', 'user', 'password', 'token', 'spoolDir'] as const),
    'exportIntervalMs',
  ]);
  const pipeline = getExporterPipeline(FUNCTION_NAME, exporterOptions);
  const intervalMs = toMsInRange(FUNCTION_NAME, 'exportIntervalMs', exportIntervalMs, {
    min: MIN_INTERVAL_MS,
    max: MAX_INTERVAL_MS,
    fallback: pipeline.exportIntervalMs,
  });
  const reader = new PerfscopeMetricReader(new QuestDBMetricExporter(), intervalMs);
  const processor = new PerfscopeSpanProcessor(new QuestDBSpanExporter());
  // Metrics first, so that spans in them aren't stored too.
  pipeline.onProcessEnd(() => reader.exportSync());
  pipeline.onProcessEnd(() => processor.exportSync());
  const metricReader = reader as MetricReader;
  return { metricReaders: [metricReader], metricReader, spanProcessors: [processor] };
}
