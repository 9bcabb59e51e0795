import { type Attributes, type Counter, metrics } from '@opentelemetry/api';
import { emptyResource, resourceFromAttributes } from '@opentelemetry/resources';
import {
  type IMetricReader,
  MeterProvider,
  PeriodicExportingMetricReader,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import type { ServiceResource } from '../core/schema/table-definition.ts';
import type { AddRows } from '../core/schema/table-registry.ts';
import type { JobTransition } from '../core/schema/tables/queue-metrics-table.ts';
import type { DroppedRowCounter } from '../storage/write/dropped-rows.ts';
import { ATTR_DROP_REASON } from './attribute-keys.ts';
import { collectSync } from './export/collect-sync.ts';
import { PerfscopeMetricExporter } from './export/metric-exporter.ts';
import { createBullmqInstrumentations } from './instrumentation/bullmq.ts';
import { getErrorType } from './instrumentation/bullmq-job.ts';
import { CardinalityLimitedMeterProvider } from './instrumentation/cardinality-limit.ts';
import type { HistogramRegistry } from './instrumentation/histogram-registry.ts';
import type { HostSampler } from './instrumentation/host-metrics.ts';
import { type HttpInstrumentationOptions, instrumentHttp } from './instrumentation/http.ts';
import type { LibraryInstrumentation } from './instrumentation/instrumentation-registry.ts';
import { createJobHistograms } from './instrumentation/job-histograms.ts';
import { createPostgresInstrumentations } from './instrumentation/postgres.ts';
import { createPoolMetrics, type PoolMetrics } from './instrumentation/postgres-pools.ts';
import { createQueueDepthMetrics } from './instrumentation/queue-depth.ts';
import { RequestSampler } from './instrumentation/request-sampler.ts';
import type { EventLoopSampler } from './instrumentation/runtime-metrics.ts';
import type { MetricRecorder } from './record/metric-recorder.ts';

export interface OtelMetricsOptions extends Omit<HttpInstrumentationOptions, 'sampler'> {
  onOverflow: () => void;
  origin: ServiceResource;
  exportIntervalMs: number;
  /** Takes the rows; undefined when only other readers are wanted. */
  add: AddRows | undefined;
  /** What the process has given up. */
  dropped: DroppedRowCounter;
  /** Bytes of rows that wait for QuestDB. */
  getSpoolBytes: () => number;
  /** Readers beside our own, as that of Prometheus. */
  readers: readonly IMetricReader[];
}

export interface LibraryInstrumentationOptions {
  onJob: (job: JobTransition, failure: { error: unknown } | undefined) => void;
  onQuery: (durationMs: number) => void;
  onQueueReachabilityChange: (queue: string, reachable: boolean) => void;
  includeJobData: boolean;
}

/** OpenTelemetry's meters of one process, and what measures with them. */
export class OtelMetrics {
  readonly #provider: MeterProvider;
  readonly #exporter: PerfscopeMetricExporter | undefined;
  readonly #reader: PeriodicExportingMetricReader | undefined;
  readonly #histograms: HistogramRegistry;
  readonly #stopFunctions: (() => void)[] = [];
  /** Adds a job's transition to the histograms of queues. */
  readonly recordJob: (job: JobTransition, errorType: string | undefined) => void;
  readonly poolMetrics: PoolMetrics;
  #rejectedTenants: Counter | undefined;

  /** Begins to measure requests, and gives `@opentelemetry/api` its meters. Quick: loads nothing. */
  constructor(options: OtelMetricsOptions) {
    const { origin, add, exportIntervalMs, histograms } = options;
    this.#histograms = histograms;
    const sample = new RequestSampler();
    if (add) {
      this.#exporter = new PerfscopeMetricExporter({
        origin,
        add,
        collectHistograms: () => histograms.collectDelta(Date.now()),
        takeRequestSamples: () => sample.takeSamples(),
      });
      this.#reader = new PeriodicExportingMetricReader({
        exporter: this.#exporter,
        exportIntervalMillis: exportIntervalMs,
        exportTimeoutMillis: exportIntervalMs,
      });
    }
    this.#provider = new MeterProvider({
      resource: resourceFromAttributes(toResourceAttributes(origin)),
      readers: [...(this.#reader ? [this.#reader] : []), ...options.readers],
    });
    metrics.setGlobalMeterProvider(
      new CardinalityLimitedMeterProvider(this.#provider, options.onOverflow),
    );
    this.#stopFunctions.push(instrumentHttp({ ...options, sampler: sample }));
    this.recordJob = createJobHistograms(histograms);
    this.poolMetrics = createPoolMetrics(this.#provider.getMeter('perfscope.db'));
    this.#observeDroppedRows(options.dropped);
    this.#observeSpoolSize(options.getSpoolBytes);
  }

  /** What measures databases and queues, for whoever hooks their loading. */
  createLibraryInstrumentations(options: LibraryInstrumentationOptions): LibraryInstrumentation[] {
    const {
      onJob,
      onQuery,
      onQueueReachabilityChange: onQueueReachable,
      includeJobData: withJobData,
    } = options;
    const meter = this.#provider.getMeter('perfscope.queue');
    const onQueue = createQueueDepthMetrics({ meter, onReachabilityChange: onQueueReachable });
    return [
      ...createPostgresInstrumentations({
        histograms: this.#histograms,
        pools: this.poolMetrics,
        onQuery,
      }),
      ...createBullmqInstrumentations({
        onTransition: onJob,
        onQueue,
        includeJobData: withJobData,
      }),
    ];
  }

  /** Counts what was given as a tenant and could not be taken, by field. */
  countRejectedTenant(field: string): void {
    this.#rejectedTenants ??= this.#provider
      .getMeter('perfscope.http')
      .createCounter('perfscope.tenant.refused', { unit: '{name}' });
    this.#rejectedTenants.add(1, { 'perfscope.tenant.field': field });
  }

  #observeDroppedRows(dropped: DroppedRowCounter): void {
    const counter = this.#provider
      .getMeter('perfscope.write')
      .createObservableCounter('perfscope.rows.dropped', { unit: '{row}' });
    counter.addCallback((result) => {
      for (const [reason, rows] of dropped.byReason)
        result.observe(rows, { [ATTR_DROP_REASON]: reason });
    });
  }

  #observeSpoolSize(bytes: () => number): void {
    this.#provider
      .getMeter('perfscope.write')
      .createObservableGauge('perfscope.spool.size', { unit: 'By' })
      .addCallback((result) => result.observe(bytes()));
  }

  async startHostMetrics(sampler: HostSampler): Promise<void> {
    const { instrumentHost } = await import('./instrumentation/host-metrics.ts');
    instrumentHost(this.#provider.getMeter('perfscope.system'), sampler);
  }

  async startRuntimeMetrics(sampler: EventLoopSampler): Promise<void> {
    const { instrumentRuntime } = await import('./instrumentation/runtime-metrics.ts');
    this.#stopFunctions.push(
      instrumentRuntime(this.#provider.getMeter('perfscope.system'), sampler),
    );
  }

  /** Ends the interval: its rows are given to the writer. */
  async flush(): Promise<void> {
    await this.#provider.forceFlush().catch(() => {});
  }

  /** The same at once, without gauges, in the moment in which the process ends. */
  flushSync(nowMs: number = Date.now()): void {
    if (!this.#reader) return;
    let collected: ResourceMetrics = { resource: emptyResource(), scopeMetrics: [] };
    try {
      collected = collectSync(this.#provider, this.#reader, nowMs);
    } catch {
      // Another version of the SDK: what its own instruments hold of the last interval is lost.
    }
    this.#exporter?.export(collected, () => {});
  }

  /** Ends the interval and measures no more. */
  async stop(): Promise<void> {
    for (const stop of this.#stopFunctions.splice(0)) stop();
    await this.#provider.shutdown().catch(() => {});
  }
}

function toResourceAttributes(origin: ServiceResource): Attributes {
  return {
    'service.name': origin.service,
    'service.instance.id': origin.instance,
    ...(origin.serviceVersion && { 'service.version': origin.serviceVersion }),
    ...(origin.environment && { 'deployment.environment.name': origin.environment }),
  };
}

/**
 * Stores a job's transition as a row, and its times in the histograms of its queue; without `metering`
 * they are single measurements.
 *
 * @param failure what the attempt has failed with
 */
export function recordJobTransition(
  recorder: MetricRecorder,
  metering: OtelMetrics | undefined,
  job: JobTransition,
  failure: { error: unknown } | undefined,
): void {
  const row = recorder.recordQueueMetric(job);
  if (!row) return;
  const failed = failure !== undefined || row.status === 'failed';
  const { organizationId, propertyId } = row;
  const named = { ...job, organizationId, propertyId };
  if (metering) metering.recordJob(named, failed ? getErrorType(failure?.error) : undefined);
  else recorder.recordJobTimes(named, failed);
}
