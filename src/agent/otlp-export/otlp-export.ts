import { type HrTime, type MeterProvider, ValueType } from '@opentelemetry/api';
import {
  AggregationTemporality,
  AggregationType,
  DataPointType,
  InstrumentType,
  type MetricData,
  PeriodicExportingMetricReader,
  type PushMetricExporter,
  type ScopeMetrics,
  type MeterProvider as SdkMeterProvider,
} from '@opentelemetry/sdk-metrics';
import type { OtlpSettings } from '../../core/config/otlp-settings.ts';
import type { StartupConfig } from '../../core/config/startup-config.ts';
import { guard, runGuarded, startTask } from '../../core/guard.ts';
import type { Logger } from '../../core/log.ts';
import type { OtelScopeMetrics } from '../../core/otel/metric-data.ts';
import { createError, errorMessage, PerfscopeError } from '../../core/perfscope-error.ts';
import { PerformanceMetricType } from '../../core/schema/enums.ts';
import {
  ATTR_DROP_REASON,
  ATTR_METRIC_TYPE,
  OTLP_DROPPED_METRIC,
  OTLP_SENT_METRIC,
} from '../attribute-keys.ts';
import { collectSync } from '../export/collect-sync.ts';
import { fromSdkMetrics } from '../export/sdk-metric-adapter.ts';
import type { HistogramRegistry } from '../instrumentation/histograms/histogram-registry.ts';
import type { HistogramExportOptions } from '../instrumentation/histograms/keyed-histogram.ts';
import { MeasurementHistograms } from './measurement-histograms.ts';
import type { OtlpPipeline } from './otlp-pipeline.ts';
import { createOtlpResource } from './otlp-resource.ts';

/** What fails, for {@link guard}. */
const PART = 'the OTLP export';
/** Limit recommended by the OpenTelemetry specification. */
const MAX_BUCKETS = 160;
/** Intervals that are kept until the pipeline is loaded. */
const MAX_WAITING_INTERVALS = 10;

export interface OtlpExportOptions {
  readonly settings: OtlpSettings;
  readonly config: StartupConfig;
  readonly log: Logger;
  /** ID of the store to which this process also writes rows. Undefined if it writes none. */
  readonly storeId: string | undefined;
  /** Returns the current values of the application's gauges, by name. */
  readonly readGauges: () => Promise<ReadonlyMap<string, number>>;
  readonly onOverflow: () => void;
}

/**
 * Exports all metrics of the process to an OTLP endpoint. The code that encodes and sends them is loaded later, so that
 * the application starts without delay.
 */
export class OtlpExport {
  readonly reader: PeriodicExportingMetricReader;
  readonly measurements: MeasurementHistograms;
  readonly #options: OtlpExportOptions;
  readonly #collectHistograms: (nowMs: number) => ScopeMetrics[];
  readonly #waiting: OtelScopeMetrics[][] = [];
  #loading: Promise<void> | undefined;
  #pipeline: OtlpPipeline | undefined;
  #isClosed = false;
  #countDropped: (reason: string, points: number) => void = () => {};
  #countSent: (points: number) => void = () => {};

  /** @param histograms must not have any histogram yet */
  constructor(options: OtlpExportOptions, histograms: HistogramRegistry) {
    const { settings, config, onOverflow } = options;
    const { exportIntervalMs } = config.settings;
    const histogramOptions: HistogramExportOptions = {
      temporality: settings.temporality === 'cumulative' ? 'cumulative' : 'delta',
      aggregation: settings.histogramAggregation,
    };
    this.#options = options;
    this.#collectHistograms = histograms.createExport(histogramOptions);
    this.measurements = new MeasurementHistograms(
      histogramOptions,
      config.resource.service,
      onOverflow,
    );
    this.reader = new PeriodicExportingMetricReader({
      exporter: this.#createExporter(),
      exportIntervalMillis: exportIntervalMs,
      exportTimeoutMillis: Math.min(exportIntervalMs, settings.collectTimeoutMs),
    });
  }

  /** Whether metrics wait to be sent. */
  get hasPending(): boolean {
    return this.#waiting.length > 0 || this.#pipeline?.hasPending === true;
  }

  /** Creates the counters of sent and dropped points. */
  createMetrics(provider: MeterProvider): void {
    const meter = provider.getMeter('perfscope.export');
    const sent = meter.createCounter(OTLP_SENT_METRIC, {
      unit: '{point}',
      description: 'Metric points that the OTLP endpoint accepted.',
    });
    const dropped = meter.createCounter(OTLP_DROPPED_METRIC, {
      unit: '{point}',
      description: 'Metric points that were not sent to the OTLP endpoint, by reason.',
    });
    this.#countSent = (points) => sent.add(points);
    this.#countDropped = (reason, points) => dropped.add(points, { [ATTR_DROP_REASON]: reason });
  }

  /** Starts sending. Until then, metrics are only collected. Never throws. */
  start(): void {
    startTask(PART, () => this.#load());
  }

  /** Collects the metrics synchronously, for use while the process ends. Skips gauges. */
  collectSync(provider: SdkMeterProvider, nowMs: number): void {
    const { scopeMetrics } = runGuarded(PART, () => collectSync(provider, this.reader, nowMs)) ?? {
      scopeMetrics: [],
    };
    this.#add(scopeMetrics, nowMs);
  }

  /**
   * Sends the collected metrics for up to `timeoutMs`. Never rejects.
   *
   * @param options.retry whether to repeat failed requests in this time
   */
  async drain(timeoutMs: number, options: { retry: boolean }): Promise<void> {
    const startMs = performance.now();
    await this.#load();
    await this.#pipeline?.drain(timeoutMs - (performance.now() - startMs), options);
  }

  /** Drops the metrics that were not sent. Never throws. */
  close(): void {
    this.#isClosed = true;
    runGuarded(PART, () => this.#pipeline?.close());
    this.#waiting.length = 0;
  }

  #createExporter(): PushMetricExporter {
    const { temporality, histogramAggregation } = this.#options.settings;
    return {
      export: (metrics, done) => {
        runGuarded(PART, () => this.#add(metrics.scopeMetrics, Date.now()));
        startTask(PART, () => this.#addGauges());
        done({ code: 0 });
      },
      selectAggregation: (type) =>
        type === InstrumentType.HISTOGRAM && histogramAggregation === 'exponential'
          ? {
              type: AggregationType.EXPONENTIAL_HISTOGRAM,
              options: { recordMinMax: true, maxSize: MAX_BUCKETS },
            }
          : { type: AggregationType.DEFAULT },
      selectAggregationTemporality: (type) => selectTemporality(temporality, type),
      forceFlush: async () => {},
      shutdown: async () => {},
    };
  }

  #add(scopeMetrics: readonly ScopeMetrics[], nowMs: number): void {
    const { measurements } = this;
    const collected = [
      ...scopeMetrics,
      ...this.#collectHistograms(nowMs),
      ...measurements.collect(nowMs),
    ].filter(({ metrics }) => metrics.length > 0);
    this.#send(collected);
  }

  /** Adds the gauges of `registerGauge`. They are in their own request, because they can take seconds. */
  async #addGauges(): Promise<void> {
    const gauges = await this.#options.readGauges();
    if (gauges.size > 0) this.#send([toGaugeMetrics(gauges, Date.now())]);
  }

  #send(scopeMetrics: ScopeMetrics[]): void {
    if (this.#isClosed || scopeMetrics.length === 0) return;
    const { scopes } = fromSdkMetrics({ resource: { attributes: {} }, scopeMetrics });
    if (this.#pipeline) {
      this.#pipeline.add(scopes);
      return;
    }
    this.#waiting.push([...scopes]);
    if (this.#waiting.length > MAX_WAITING_INTERVALS) this.#waiting.shift();
  }

  #load(): Promise<void> {
    this.#loading ??= this.#createPipeline();
    return this.#loading;
  }

  async #createPipeline(): Promise<void> {
    const { log } = this.#options;
    try {
      const { OtlpPipeline } = await import('./otlp-pipeline.ts');
      const pipeline = new OtlpPipeline({
        ...this.#options,
        resource: createOtlpResource(this.#options.config, this.#options.storeId),
        onDrop: guard(PART, (reason, points) => this.#countDropped(reason, points)),
        onSent: guard(PART, (points) => this.#countSent(points)),
      });
      this.#pipeline = pipeline;
      for (const scopes of this.#waiting.splice(0)) pipeline.add(scopes);
    } catch (error) {
      this.close();
      const params = { part: PART, reason: errorMessage(error) };
      const known = error instanceof PerfscopeError ? error : createError('PS_PART_FAILED', params);
      log.warn(known.message);
    }
  }
}

/** Up-down counters are always absolute values (https://opentelemetry.io/docs/specs/otel/metrics/sdk_exporters/otlp/). */
function selectTemporality(
  preference: OtlpSettings['temporality'],
  type: InstrumentType,
): AggregationTemporality {
  const isDelta =
    preference !== 'cumulative' &&
    (type === InstrumentType.COUNTER ||
      type === InstrumentType.HISTOGRAM ||
      (type === InstrumentType.OBSERVABLE_COUNTER && preference === 'delta'));
  return isDelta ? AggregationTemporality.DELTA : AggregationTemporality.CUMULATIVE;
}

/** Metric types of the gauges that health rows include. */
const GAUGE_TYPES: Readonly<Record<string, PerformanceMetricType>> = {
  activeUsers: PerformanceMetricType.ACTIVE_USERS,
  ongoingReservations: PerformanceMetricType.ONGOING_RESERVATIONS,
};

function toGaugeMetrics(gauges: ReadonlyMap<string, number>, nowMs: number): ScopeMetrics {
  const endTime: HrTime = [Math.trunc(nowMs / 1000), (nowMs % 1000) * 1e6];
  const metrics = [...gauges].map(([name, value]): MetricData => {
    const type = Object.hasOwn(GAUGE_TYPES, name) ? GAUGE_TYPES[name] : undefined;
    const attributes = type ? { [ATTR_METRIC_TYPE]: type } : {};
    return {
      descriptor: { name, unit: '1', description: '', valueType: ValueType.DOUBLE },
      aggregationTemporality: AggregationTemporality.CUMULATIVE,
      dataPointType: DataPointType.GAUGE,
      dataPoints: [{ startTime: endTime, endTime, attributes, value }],
    };
  });
  return { scope: { name: 'perfscope.library' }, metrics };
}
