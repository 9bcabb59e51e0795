import type { Server } from 'node:http';
import { createRequire } from 'node:module';
import { extname } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import type { IMetricReader } from '@opentelemetry/sdk-metrics';
import type { WriteTarget } from '../core/config/questdb-targets.ts';
import {
  findQuestdbTargets,
  readStartupConfig,
  type StartupConfig,
} from '../core/config/startup-config.ts';
import { createError, errorMessage } from '../core/errors.ts';
import { createWarnOnce, type Logger, stderrLogger } from '../core/log.ts';
import type { JobTransition } from '../core/schema/tables/queue-metrics-table.ts';
import type { QueryClient, QuestdbQueryClient } from '../storage/questdb/query-client.ts';
import { DeferredWriter } from '../storage/write/deferred-writer.ts';
import { DroppedRowCounter } from '../storage/write/dropped-rows.ts';
import type { createWriter as CreateWriter } from './create-writer.ts';
import { toJobOccurrence, toRequestOccurrence } from './error-tracking/error-occurrences.ts';
import { ErrorTracker, parseThrown } from './error-tracking/error-tracker.ts';
import { captureProcessErrors } from './error-tracking/process-errors.ts';
import { DurationStats, SystemHealthMonitor } from './health/system-health-monitor.ts';
import { createExpressInstrumentations } from './instrumentation/express.ts';
import { HistogramRegistry } from './instrumentation/histogram-registry.ts';
import { HostSampler } from './instrumentation/host-metrics.ts';
import {
  InstrumentationRegistry,
  type LibraryState,
} from './instrumentation/instrumentation-registry.ts';
import { EventLoopSampler } from './instrumentation/runtime-metrics.ts';
import { getCurrentTenant } from './instrumentation/tenant-context.ts';
import { TenantReader } from './instrumentation/tenant-reader.ts';
import { OtelMetrics, recordJobTransition } from './otel-metrics.ts';
import { MetricRecorder } from './record/metric-recorder.ts';

export interface AgentOptions {
  config: StartupConfig;
  log: Logger;
  /** Where rows go; by default the configured QuestDB, else that of the server of this machine. */
  target?: () => WriteTarget | undefined;
  spoolDir?: string;
  strict?: boolean;
}

/** All parts of one process that measure and write, joined. */
export class Agent {
  readonly config: StartupConfig;
  /** Measurements and rows that were given up. */
  readonly droppedRows = new DroppedRowCounter();
  readonly deferredWriter = new DeferredWriter(this.droppedRows);
  readonly recorder: MetricRecorder;
  readonly health: SystemHealthMonitor;
  readonly errorTracker: ErrorTracker;
  readonly tenantReader: TenantReader;
  /** Readers that are scraped have to ask it before `instrument` is called. */
  readonly histograms = new HistogramRegistry(() => this.#onOverflow());
  readonly #options: AgentOptions;
  readonly #host = new HostSampler();
  readonly #eventLoop = new EventLoopSampler();
  readonly #requestStats = new DurationStats();
  readonly #queryStats = new DurationStats();
  readonly #logOnce: (kind: string, message: string) => void;
  readonly #ownServers = new WeakSet<Server>();
  #otelMetrics: OtelMetrics | undefined;
  #instrumentationRegistry: InstrumentationRegistry | undefined;
  #connected: Promise<void> | undefined;
  #queryClient: QuestdbQueryClient | undefined;
  #crashed = false;

  constructor(options: AgentOptions) {
    const { config: started, log } = options;
    const { settings, resource: origin } = started;
    this.#options = options;
    this.config = started;
    this.#logOnce = createWarnOnce(log);
    this.tenantReader = new TenantReader(settings, (field, reason) =>
      this.#reportRejectedTenant(field, reason),
    );
    const { add } = this.deferredWriter;
    const strict = options.strict ?? false;
    const retentionDays = settings.PERFORMANCE_RETENTION_DAYS;
    const { droppedRows: dropped } = this;
    this.recorder = new MetricRecorder({ origin, retentionDays, add, strict, dropped, log });
    this.deferredWriter.onBeforeBatch(() => this.recorder.addBucketRows());
    this.errorTracker = new ErrorTracker({ origin, add });
    this.deferredWriter.onBeforeBatch(() => this.errorTracker.addCountRows());
    this.health = new SystemHealthMonitor({
      origin,
      add,
      host: this.#host,
      loop: this.#eventLoop,
      requests: this.#requestStats,
      queries: this.#queryStats,
      countConnections: () => this.#otelMetrics?.poolMetrics.countConnections(),
      thresholds: {
        responseTimeWarning: settings.PERFORMANCE_RESPONSE_TIME_WARNING,
        responseTimeCritical: settings.PERFORMANCE_RESPONSE_TIME_CRITICAL,
        errorRate: settings.PERFORMANCE_ERROR_RATE_THRESHOLD,
      },
    });
  }

  /** Begins to measure requests, and gives `@opentelemetry/api` its meters. */
  instrument(readers: IMetricReader[] = []): void {
    const { resource: origin, settings } = this.config;
    this.#otelMetrics = new OtelMetrics({
      dropped: this.droppedRows,
      getSpoolBytes: () => this.deferredWriter.writer?.spoolBytes ?? 0,
      origin,
      readers,
      exportIntervalMs: settings.exportIntervalMs,
      add: this.hasWriteTarget ? this.deferredWriter.add : undefined,
      ignoreRoutes: settings.PERFORMANCE_IGNORE_ROUTES,
      isOwnServer: (server) => this.#ownServers.has(server),
      onRequest: (durationMs, failed) => this.#requestStats.add(durationMs, failed),
      onServerError: (request, thrown) =>
        this.errorTracker.track(toRequestOccurrence(request, thrown), request.timestampMs),
      resolveTenant: (request) => this.tenantReader.readTenant(request),
      onOverflow: this.#onOverflow,
      histograms: this.histograms,
    });
  }

  /** Stores the errors that nobody catches. */
  captureProcessErrors(): void {
    if (!this.hasWriteTarget) return;
    captureProcessErrors(({ kind, fatal, thrown }) => {
      const level = fatal ? 'fatal' : 'error';
      this.#crashed ||= fatal;
      this.errorTracker.track({ kind, level, error: parseThrown(thrown), ...getCurrentTenant() });
    });
  }

  /** Measures libraries while the application loads them. */
  instrumentLibraries(): void {
    const { log } = this.#options;
    const libraries = this.#otelMetrics?.createLibraryInstrumentations({
      onJob: (job, failure) => this.recordJob(job, failure),
      onQuery: (durationMs) => this.#queryStats.add(durationMs, false),
      onQueueReachabilityChange: (queue, reachable) => {
        if (reachable) log.warn(`The Redis of queue ${queue} answers again.`);
        else log.warn(createError('PS_QUEUE_AWAY', { queue }).message);
      },
      includeJobData: this.config.settings.PERFORMANCE_JOB_DATA,
    });
    this.#instrumentationRegistry = new InstrumentationRegistry([
      ...createExpressInstrumentations(),
      ...(libraries ?? []),
    ]);
  }

  /** The libraries that the application has loaded until now. */
  get loadedLibraries(): readonly LibraryState[] {
    return this.#instrumentationRegistry?.loadedLibraries ?? [];
  }

  /** Stores a job's transition as a row, and in the histograms of its queue. */
  recordJob(job: JobTransition, failure?: { error: unknown }): void {
    recordJobTransition(this.recorder, this.#otelMetrics, job, failure);
    const failed = toJobOccurrence(job, failure);
    if (failed) this.errorTracker.track(failed);
  }

  /** Begins to measure host and runtime, and to write health rows. */
  async startSystemMetrics(): Promise<void> {
    const metering = this.#otelMetrics;
    if (!metering) return;
    // Threads share the host with their process, which measures it.
    if (isMainThread) {
      await this.#startPart('Measuring the host', () => metering.startHostMetrics(this.#host));
    }
    await this.#startPart('Measuring the runtime', () =>
      metering.startRuntimeMetrics(this.#eventLoop),
    );
    const { SYSTEM_HEALTH_ENABLED, SYSTEM_HEALTH_INTERVAL } = this.config.settings;
    if (SYSTEM_HEALTH_ENABLED && this.hasWriteTarget)
      this.health.startMonitoring(SYSTEM_HEALTH_INTERVAL);
  }

  /** Whether it is known where rows go. */
  get hasWriteTarget(): boolean {
    return this.#getWriteTarget() !== undefined;
  }

  /** Loads the write road. Called once, whoever asks first. Never rejects. */
  connect(): Promise<void> {
    this.#connected ??= this.#startPart('Writing to QuestDB', async () => {
      const { createWriter: openWriter } = await import('./create-writer.ts');
      this.#connectWriter(openWriter);
    });
    return this.#connected;
  }

  #connectWriter(openWriter: typeof CreateWriter): void {
    const target = () => this.#getWriteTarget();
    const { droppedRows: dropped, config: started, deferredWriter: outlet } = this;
    const { log, spoolDir } = this.#options;
    if (!outlet.writer)
      outlet.connect(openWriter({ config: started, log, dropped, spoolDir, target }));
  }

  /** The same without waiting, for a process that ends of an error before its first turn is over. */
  #connectSync(): void {
    const here = import.meta.url;
    const { createWriter } = createRequire(here)(`./create-writer${extname(here)}`) as {
      createWriter: typeof CreateWriter;
    };
    this.#connectWriter(createWriter);
  }

  /** Reads the database that the rows go to. @throws PS_NO_TARGET */
  async getQueryClient(): Promise<QueryClient> {
    const read = findQuestdbTargets(this.config)?.read;
    if (!read) throw createError('PS_NO_TARGET', {});
    const { QuestdbQueryClient } = await import('../storage/questdb/query-client.ts');
    this.#queryClient ??= new QuestdbQueryClient(read);
    return this.#queryClient;
  }

  /** A server whose requests are not the application's. */
  ignoreServer(server: Server): void {
    this.#ownServers.add(server);
  }

  /**
   * Collects what is being measured and resolves when all of it is stored.
   *
   * @throws PS_FLUSH_TIMEOUT
   */
  async flush(timeoutMs?: number): Promise<void> {
    await this.connect();
    await this.#otelMetrics?.flush();
    await this.deferredWriter.writer?.flush(timeoutMs);
  }

  /** Stops measuring. What could not be stored in time stays in the spool. Never rejects. */
  async shutdown(timeoutMs = 2000): Promise<void> {
    await this.connect();
    this.health.stopMonitoring();
    await this.#otelMetrics?.stop();
    this.#eventLoop.stop();
    await this.deferredWriter.writer?.close(timeoutMs);
    await this.#queryClient?.close().catch(() => {});
  }

  /** Puts all that was measured on disk, in the moment in which the process ends. Never throws. */
  flushSync(): void {
    this.#otelMetrics?.flushSync();
    try {
      if (this.#crashed && !this.deferredWriter.writer) this.#connectSync();
    } catch {
      // It is being loaded at this moment: what the process has said of its end is all there is.
    }
    this.deferredWriter.writer?.flushSync();
  }

  readonly #onOverflow = () => this.#logOnce('series', createError('PS_SERIES_LIMIT', {}).message);

  #reportRejectedTenant(field: string, reason: string): void {
    this.#otelMetrics?.countRejectedTenant(field);
    this.#logOnce(
      `${field} ${reason}`,
      createError('PS_TENANT_REFUSED', { field, reason }).message,
    );
  }

  #getWriteTarget(): WriteTarget | undefined {
    return this.#options.target ? this.#options.target() : findQuestdbTargets(this.config)?.write;
  }

  /** A part that fails is left out, and said; the application runs on. */
  async #startPart(part: string, start: () => Promise<void>): Promise<void> {
    try {
      await start();
    } catch (error) {
      const reason = errorMessage(error);
      this.#options.log.warn(createError('PS_PART_FAILED', { part, reason }).message);
    }
  }
}

const SHARED_AGENT_KEY = Symbol.for('perfscope.monitor');
const sharedGlobal = globalThis as { [SHARED_AGENT_KEY]?: Agent };

/**
 * The process' one monitor, made when it is first asked for. Shared through the global object,
 * because `register` and the application may load two copies of the package.
 */
export function getSharedAgent(): Agent {
  sharedGlobal[SHARED_AGENT_KEY] ??= createAgent();
  return sharedGlobal[SHARED_AGENT_KEY];
}

export function setSharedAgent(monitor: Agent): void {
  sharedGlobal[SHARED_AGENT_KEY] = monitor;
}

function createAgent(): Agent {
  const started = readStartupConfig();
  for (const problem of started.problems) stderrLogger.warn(problem.message);
  return new Agent({ config: started, log: stderrLogger });
}
