import { type Attributes, type Counter, metrics } from '@opentelemetry/api';
import { emptyResource, resourceFromAttributes } from '@opentelemetry/resources';
import {
  type IMetricReader,
  MeterProvider,
  PeriodicExportingMetricReader,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import { collectNow } from './exporter/collect-now.ts';
import { PerfscopeMetricExporter } from './exporter/exporter.ts';
import { bullmq } from './instrumentation/bullmq.ts';
import { CappedMeters } from './instrumentation/capped-meters.ts';
import type { EventLoopSampler } from './instrumentation/event-loop-sampler.ts';
import type { Histograms } from './instrumentation/histograms.ts';
import type { HostSampler } from './instrumentation/host-sampler.ts';
import { type HttpOptions, instrumentHttp } from './instrumentation/http.ts';
import { jobHistograms } from './instrumentation/job-histograms.ts';
import type { Library } from './instrumentation/libraries.ts';
import { postgres } from './instrumentation/postgres.ts';
import { type PoolWatch, watchPools } from './instrumentation/postgres-pools.ts';
import { watchQueueDepth } from './instrumentation/queue-depth.ts';
import { RequestSample } from './instrumentation/request-sample.ts';
import { DROP_REASON } from './schema/attributes.ts';
import type { Origin } from './schema/dimensions.ts';
import type { JobTransition } from './schema/job-transition.ts';
import type { Add } from './schema/tables.ts';
import type { DroppedRows } from './write/dropped.ts';

export interface MeteringOptions extends Omit<HttpOptions, 'sample'> {
  onOverflow: () => void;
  origin: Origin;
  exportIntervalMs: number;
  /** Takes the rows; undefined when only other readers are wanted. */
  add: Add | undefined;
  /** What the process has given up. */
  dropped: DroppedRows;
  /** Bytes of rows that wait for QuestDB. */
  spoolBytes: () => number;
  /** Readers beside our own, as that of Prometheus. */
  readers: readonly IMetricReader[];
}

export interface LibraryOptions {
  onJob: (job: JobTransition, failure: { error: unknown } | undefined) => void;
  onQuery: (durationMs: number) => void;
  onQueueReachable: (queue: string, reachable: boolean) => void;
  withJobData: boolean;
}

/** OpenTelemetry's meters of one process, and what measures with them. */
export class Metering {
  readonly #provider: MeterProvider;
  readonly #exporter: PerfscopeMetricExporter | undefined;
  readonly #reader: PeriodicExportingMetricReader | undefined;
  readonly #histograms: Histograms;
  readonly #stops: (() => void)[] = [];
  /** Adds a job's transition to the histograms of queues. */
  readonly recordJob: (job: JobTransition, errorType: string | undefined) => void;
  readonly pools: PoolWatch;
  #refused: Counter | undefined;

  /** Begins to measure requests, and gives `@opentelemetry/api` its meters. Quick: loads nothing. */
  constructor(options: MeteringOptions) {
    const { origin, add, exportIntervalMs, histograms } = options;
    this.#histograms = histograms;
    const sample = new RequestSample();
    if (add) {
      this.#exporter = new PerfscopeMetricExporter({
        origin,
        add,
        takeCycle: () => histograms.takeCycle(Date.now()),
        takeSample: () => sample.take(),
      });
      this.#reader = new PeriodicExportingMetricReader({
        exporter: this.#exporter,
        exportIntervalMillis: exportIntervalMs,
        exportTimeoutMillis: exportIntervalMs,
      });
    }
    this.#provider = new MeterProvider({
      resource: resourceFromAttributes(resourceOf(origin)),
      readers: [...(this.#reader ? [this.#reader] : []), ...options.readers],
    });
    metrics.setGlobalMeterProvider(new CappedMeters(this.#provider, options.onOverflow));
    this.#stops.push(instrumentHttp({ ...options, sample }));
    this.recordJob = jobHistograms(histograms);
    this.pools = watchPools(this.#provider.getMeter('perfscope.db'));
    this.#watchDropped(options.dropped);
    this.#watchSpool(options.spoolBytes);
  }

  /** What measures databases and queues, for whoever hooks their loading. */
  libraries(options: LibraryOptions): Library[] {
    const { onJob, onQuery, onQueueReachable, withJobData } = options;
    const meter = this.#provider.getMeter('perfscope.queue');
    const onQueue = watchQueueDepth({ meter, onReachable: onQueueReachable });
    return [
      ...postgres({ histograms: this.#histograms, pools: this.pools, onQuery }),
      ...bullmq({ onTransition: onJob, onQueue, withData: withJobData }),
    ];
  }

  /** Counts what was given as a tenant and could not be taken, by field. */
  countRefusedTenant(field: string): void {
    this.#refused ??= this.#provider
      .getMeter('perfscope.http')
      .createCounter('perfscope.tenant.refused', { unit: '{name}' });
    this.#refused.add(1, { 'perfscope.tenant.field': field });
  }

  #watchDropped(dropped: DroppedRows): void {
    const counter = this.#provider
      .getMeter('perfscope.write')
      .createObservableCounter('perfscope.rows.dropped', { unit: '{row}' });
    counter.addCallback((result) => {
      for (const [reason, rows] of dropped.byReason)
        result.observe(rows, { [DROP_REASON]: reason });
    });
  }

  #watchSpool(bytes: () => number): void {
    this.#provider
      .getMeter('perfscope.write')
      .createObservableGauge('perfscope.spool.size', { unit: 'By' })
      .addCallback((result) => result.observe(bytes()));
  }

  async measureHost(sampler: HostSampler): Promise<void> {
    const { instrumentHost } = await import('./instrumentation/host.ts');
    instrumentHost(this.#provider.getMeter('perfscope.system'), sampler);
  }

  async measureRuntime(sampler: EventLoopSampler): Promise<void> {
    const { instrumentRuntime } = await import('./instrumentation/runtime.ts');
    this.#stops.push(instrumentRuntime(this.#provider.getMeter('perfscope.system'), sampler));
  }

  /** Ends the interval: its rows are given to the writer. */
  async flush(): Promise<void> {
    await this.#provider.forceFlush().catch(() => {});
  }

  /** The same at once, without gauges, in the moment in which the process ends. */
  flushNow(nowMs: number = Date.now()): void {
    if (!this.#reader) return;
    let collected: ResourceMetrics = { resource: emptyResource(), scopeMetrics: [] };
    try {
      collected = collectNow(this.#provider, this.#reader, nowMs);
    } catch {
      // Another version of the SDK: what its own instruments hold of the last interval is lost.
    }
    this.#exporter?.export(collected, () => {});
  }

  /** Ends the interval and measures no more. */
  async stop(): Promise<void> {
    for (const stop of this.#stops.splice(0)) stop();
    await this.#provider.shutdown().catch(() => {});
  }
}

function resourceOf(origin: Origin): Attributes {
  return {
    'service.name': origin.service,
    'service.instance.id': origin.instance,
    ...(origin.serviceVersion && { 'service.version': origin.serviceVersion }),
    ...(origin.environment && { 'deployment.environment.name': origin.environment }),
  };
}
