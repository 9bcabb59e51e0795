import type { Attributes, Counter, ObservableResult } from '@opentelemetry/api';
import { emptyResource, resourceFromAttributes } from '@opentelemetry/resources';
import {
  type IMetricReader,
  MeterProvider,
  PeriodicExportingMetricReader,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import type { Settings } from '../core/config/parse-settings.ts';
import { getGuardFailures, guard, runGuarded } from '../core/guard.ts';
import type { ServiceResource } from '../core/schema/table-definition.ts';
import type { AddRows } from '../core/schema/table-registry.ts';
import type { JobTransition } from '../core/schema/tables/queue-metrics-table.ts';
import type { CheckpointEntry } from '../storage/write/checkpoint-file.ts';
import { ATTR_AGENT_PART } from './attribute-keys.ts';
import { CheckpointCollector } from './export/checkpoint-collector.ts';
import { collectSync } from './export/collect-sync.ts';
import { PerfscopeMetricExporter } from './export/metric-exporter.ts';
import {
  DatabaseRecorder,
  type FailedConnect,
} from './instrumentation/databases/database-recorder.ts';
import { createPoolMetrics, type PoolMetrics } from './instrumentation/databases/pool-metrics.ts';
import type { HistogramRegistry } from './instrumentation/histograms/histogram-registry.ts';
import { type HostSampler, instrumentHost } from './instrumentation/host/host-metrics.ts';
import {
  type EventLoopSampler,
  instrumentRuntime,
} from './instrumentation/host/runtime-metrics.ts';
import type { InstrumentationContext } from './instrumentation/instrumentation-context.ts';
import { OutgoingRecorder } from './instrumentation/outgoing/outgoing-recorder.ts';
import { getErrorType } from './instrumentation/queues/job-error.ts';
import { createJobHistograms } from './instrumentation/queues/job-histograms.ts';
import { QueueGauges } from './instrumentation/queues/queue-gauges.ts';
import { createUnlistedJobs } from './instrumentation/queues/unlisted-jobs.ts';
import { recordEventLoopBlocks } from './instrumentation/requests/event-loop-block-recorder.ts';
import {
  type HttpInstrumentationOptions,
  instrumentHttp,
  type RequestInstrumentation,
} from './instrumentation/requests/http.ts';
import { RequestSampler } from './instrumentation/requests/request-sampler.ts';
import { ApplicationMeterProvider } from './opentelemetry-api/application-meters.ts';
import { GlobalApi } from './opentelemetry-api/global-api.ts';
import { MeterMirror } from './opentelemetry-api/meter-mirror.ts';
import { setOwnMeterProvider } from './opentelemetry-api/shared-api.ts';
import type { OtlpExport } from './otlp-export/otlp-export.ts';
import { monitorOverhead, type OverheadMonitorOptions } from './overhead/overhead-monitor.ts';
import type { MetricRecorder } from './record/metric-recorder.ts';
import { createWriteMetrics, type WriteMetricsOptions } from './write-metrics.ts';

/** What fails, for {@link guard}. */
const PART = 'the metrics of the agent';

export interface OtelMetricsOptions
  extends Omit<HttpInstrumentationOptions, 'sampler'>,
    WriteMetricsOptions {
  /** Called when an instrument has reached its series limit. */
  onOverflow: () => void;
  resource: ServiceResource;
  exportIntervalMs: number;
  /** Receives the rows. If undefined, metrics are available only through `readers`. */
  add: AddRows | undefined;
  /** Returns the checkpoint entries of other parts. */
  collectCheckpointRows?: (() => readonly CheckpointEntry[]) | undefined;
  /** Additional readers, such as the Prometheus exporter. */
  readers: readonly IMetricReader[];
  /** Undefined if metrics aren't sent over OTLP. */
  otlp?: OtlpExport | undefined;
}

export interface LibraryInstrumentationOptions {
  onJob: (job: JobTransition, failure: { error: unknown } | undefined) => void;
  onUnlistedJob: (job: JobTransition, failure: { error: unknown } | undefined) => void;
  onQuery: (durationMs: number) => void;
  onFailedConnect: (failure: FailedConnect) => void;
  onQueueReachabilityChange: (queue: string, reachable: boolean) => void;
  settings: Pick<
    Settings,
    'PERFORMANCE_JOB_DATA' | 'PERFORMANCE_MESSAGE_HEADERS' | 'PERFORMANCE_SQS_DEPTH'
  >;
  /** Host and port whose outgoing calls are not recorded. */
  ignoredHost?: string | undefined;
}

/** Owns the OpenTelemetry meter provider of this process and its instruments. */
export class OtelMetrics {
  readonly #provider: MeterProvider;
  readonly #exporter: PerfscopeMetricExporter | undefined;
  readonly #reader: PeriodicExportingMetricReader | undefined;
  readonly #histograms: HistogramRegistry;
  readonly #checkpoint: CheckpointCollector | undefined;
  readonly #otlp: OtlpExport | undefined;
  readonly #stopFunctions: (() => void)[] = [];
  /** Adds the times of a job transition to the queue histograms. */
  readonly recordJob: (job: JobTransition, errorType: string | undefined) => void;
  /** Counts a job transition without a row. See {@link createUnlistedJobs}. */
  readonly countUnlistedJob: (job: JobTransition) => void;
  readonly poolMetrics: PoolMetrics;
  /** Records requests that don't arrive over HTTP. */
  readonly requests: RequestInstrumentation;
  /** Records the open requests and outgoing calls, because the process ends. */
  readonly endOpenRequests: () => void;
  /** Called first when the open requests are recorded. */
  onEndOpenRequests: (() => void) | undefined;
  #outgoing: OutgoingRecorder | undefined;
  #rejectedTenants: Counter | undefined;

  /**
   * Starts recording requests and the values that the application records with
   * `@opentelemetry/api`. Runs before the application starts, so it loads no other modules.
   */
  constructor(options: OtelMetricsOptions) {
    const { resource, add, exportIntervalMs, histograms, otlp } = options;
    this.#histograms = histograms;
    this.#otlp = otlp;
    const sampler = new RequestSampler();
    if (add) {
      this.#exporter = new PerfscopeMetricExporter({
        resource,
        add,
        collectHistograms: () => {
          this.#checkpoint?.startInterval();
          return histograms.collectDelta(Date.now());
        },
        sampler,
      });
      this.#checkpoint = new CheckpointCollector({
        resource,
        histograms,
        collectRows: () => [
          ...(this.#exporter?.encodeSamples() ?? []),
          ...(options.collectCheckpointRows?.() ?? []),
        ],
      });
      this.#reader = new PeriodicExportingMetricReader({
        exporter: this.#exporter,
        exportIntervalMillis: exportIntervalMs,
        exportTimeoutMillis: exportIntervalMs,
      });
    }
    // Only the rows need the instance of a thread, whose name isn't known yet.
    const needsResource = otlp !== undefined || options.readers.length > 0;
    this.#provider = new MeterProvider({
      resource: resourceFromAttributes(needsResource ? toResourceAttributes(resource) : {}),
      readers: [this.#reader, otlp?.reader, ...options.readers].filter(
        (each) => each !== undefined,
      ),
    });
    otlp?.createMetrics(this.#provider);
    this.#stopFunctions.push(shareMeterProvider(this.#provider, options.onOverflow));
    const http = instrumentHttp({ ...options, sampler });
    this.requests = http.requests;
    this.#stopFunctions.push(http.stop, recordEventLoopBlocks(histograms));
    this.endOpenRequests = () => {
      this.onEndOpenRequests?.();
      http.endOpenRequests();
      this.#outgoing?.endOpenCalls();
    };
    this.recordJob = createJobHistograms(histograms);
    this.countUnlistedJob = createUnlistedJobs(histograms);
    this.poolMetrics = createPoolMetrics(this.#provider.getMeter('perfscope.db'), histograms);
    createWriteMetrics(this.#provider, options);
    this.#observeFailures();
  }

  /** Creates the parts that receive the measurements of libraries. */
  createInstrumentationContext(options: LibraryInstrumentationOptions): InstrumentationContext {
    const { onJob, onUnlistedJob, onQuery, onFailedConnect, onQueueReachabilityChange } = options;
    const {
      PERFORMANCE_JOB_DATA: includeJobData,
      PERFORMANCE_MESSAGE_HEADERS: usesMessageHeaders,
      PERFORMANCE_SQS_DEPTH: readSqsDepth,
    } = options.settings;
    const histograms = this.#histograms;
    const gauges = new QueueGauges({
      meter: this.#provider.getMeter('perfscope.queue'),
      onReachabilityChange: onQueueReachabilityChange,
    });
    this.#outgoing = new OutgoingRecorder(histograms, options.ignoredHost);
    return {
      histograms,
      getMeter: (scope) => this.#provider.getMeter(scope),
      databases: new DatabaseRecorder({ histograms, onQuery, onFailedConnect }),
      pools: this.poolMetrics,
      outgoing: this.#outgoing,
      queues: {
        onTransition: onJob,
        onUnlistedTransition: onUnlistedJob,
        gauges,
        includeJobData,
        usesMessageHeaders,
        readSqsDepth,
      },
      requests: this.requests,
    };
  }

  /** Counts a rejected tenant value by its field. */
  countRejectedTenant(field: string): void {
    this.#rejectedTenants ??= this.#provider
      .getMeter('perfscope.http')
      .createCounter('perfscope.tenant.refused', { unit: '{name}' });
    this.#rejectedTenants.add(1, { 'perfscope.tenant.field': field });
  }

  #observeFailures(): void {
    const counter = this.#provider
      .getMeter('perfscope.agent')
      .createObservableCounter('perfscope.agent.failures', {
        unit: '{failure}',
        description: 'Failures of the agent that did not affect the application, by part.',
      });
    const observe = (result: ObservableResult) => {
      for (const [part, failures] of getGuardFailures())
        result.observe(failures, { [ATTR_AGENT_PART]: part });
    };
    counter.addCallback(guard(PART, observe));
  }

  startHostMetrics(sampler: HostSampler, hostName: string): void {
    instrumentHost(this.#provider.getMeter('perfscope.system'), sampler, hostName);
  }

  startRuntimeMetrics(sampler: EventLoopSampler): void {
    this.#stopFunctions.push(
      instrumentRuntime(this.#provider.getMeter('perfscope.system'), sampler),
    );
  }

  /** See {@link monitorOverhead}. */
  startOverheadMonitor(options: Omit<OverheadMonitorOptions, 'meter'>): void {
    const meter = this.#provider.getMeter('perfscope.agent');
    this.#stopFunctions.push(monitorOverhead({ ...options, meter }));
  }

  /** Returns the values of the current interval. See {@link CheckpointCollector.collect}. */
  collectCheckpoint(): readonly CheckpointEntry[] | undefined {
    return this.#checkpoint?.collect();
  }

  /** Ends the current export interval and passes its rows to the writer. */
  async flush(): Promise<void> {
    await this.#provider.forceFlush().catch(() => {});
  }

  /**
   * Same as `flush`, but synchronous, for use while the process exits. Skips gauges.
   *
   * @param options.canSend whether asynchronous code still runs, so that metrics can be sent. Default: `true`.
   */
  flushSync({ canSend = true } = {}, nowMs: number = Date.now()): void {
    if (canSend) runGuarded(PART, () => this.#otlp?.collectSync(this.#provider, nowMs));
    if (!this.#reader) return;
    let collected: ResourceMetrics = { resource: emptyResource(), scopeMetrics: [] };
    try {
      collected = collectSync(this.#provider, this.#reader, nowMs);
    } catch {
      // The internals of this SDK version differ, so its instruments lose their last interval.
    }
    this.#exporter?.export(collected, () => {});
  }

  /** Exports the current interval, then stops all instruments. */
  async stop(): Promise<void> {
    for (const stop of this.#stopFunctions.splice(0)) stop();
    await this.#provider.shutdown().catch(() => {});
  }
}

/**
 * Receives the values that the application records through `@opentelemetry/api`, with or without its
 * own meter provider.
 *
 * @returns a function that stops this
 */
function shareMeterProvider(provider: MeterProvider, onOverflow: () => void): () => void {
  const applicationProvider = new ApplicationMeterProvider(provider, onOverflow);
  const mirror = new MeterMirror({
    provider: applicationProvider,
    isRegistered: (each) => globalApi.isRegistered(each),
  });
  const globalApi = new GlobalApi({
    provider: applicationProvider,
    onRegister: (each) => mirror.mirror(each),
  });
  setOwnMeterProvider(provider);
  return () => {
    globalApi.uninstall();
    setOwnMeterProvider(undefined);
  };
}

function toResourceAttributes(resource: ServiceResource): Attributes {
  return {
    'service.name': resource.service,
    'service.instance.id': resource.instance,
    ...(resource.serviceVersion && { 'service.version': resource.serviceVersion }),
    ...(resource.environment && { 'deployment.environment.name': resource.environment }),
  };
}

/**
 * Stores a job transition as a row, and adds the job's times to its queue's histograms. Without
 * `otelMetrics`, the times are stored as individual measurements.
 *
 * @param failure error of the failed attempt, if it failed
 */
export function recordJobTransition(
  recorder: MetricRecorder,
  otelMetrics: OtelMetrics | undefined,
  job: JobTransition,
  failure: { error: unknown } | undefined,
): void {
  const row = recorder.recordQueueMetric(job);
  if (!row) return;
  const failed = failure !== undefined || row.status === 'failed';
  const { organizationId, propertyId } = row;
  const jobWithTenant = { ...job, organizationId, propertyId };
  if (otelMetrics) {
    otelMetrics.recordJob(jobWithTenant, failed ? getErrorType(failure?.error) : undefined);
  } else recorder.recordJobTimes(jobWithTenant, failed);
}

/**
 * Counts a job transition without a row, and adds the job's times to its queue's histograms. Each transition that is
 * neither in a row nor counted here would be missing in the totals of the queue.
 */
export function recordUnlistedTransition(
  recorder: MetricRecorder,
  otelMetrics: OtelMetrics | undefined,
  job: JobTransition,
  failure: { error: unknown } | undefined,
): void {
  const { limits } = recorder;
  const { organizationId, propertyId } = limits.limitTenant(job);
  const queueName = limits.limit('queueName', job.queueName);
  const queueScope = limits.limit('queueScope', job.queueScope);
  const limited = { ...job, queueName, queueScope, organizationId, propertyId };
  otelMetrics?.recordJob(limited, failure ? getErrorType(failure.error) : undefined);
  otelMetrics?.countUnlistedJob(limited);
}
