import type { Server } from 'node:http';
import type { IMetricReader } from '@opentelemetry/sdk-metrics';
import type { PausedTarget, WriteTarget } from '../core/config/questdb-targets.ts';
import type { StartupConfig } from '../core/config/startup-config.ts';
import { runGuarded } from '../core/guard.ts';
import { readHealthThresholds } from '../core/health-status.ts';
import { createWarnOnce, type Logger } from '../core/log.ts';
import { createError } from '../core/perfscope-error.ts';
import type { JobTransition } from '../core/schema/tables/queue-metrics-table.ts';
import type { QueryClient } from '../storage/questdb/query-client.ts';
import { reportDroppedAtExit } from '../storage/spool/dropped-row-report.ts';
import { DroppedRowCounter } from '../storage/spool/dropped-rows.ts';
import type { CheckpointEntry } from '../storage/write/checkpoint-file.ts';
import { DeferredWriter } from '../storage/write/deferred-writer.ts';
import { AgentQueryClient } from './agent-query-client.ts';
import { DataSender } from './data-sender.ts';
import { ErrorTracker } from './error-tracking/error-tracker.ts';
import {
  toConnectOccurrence,
  toJobOccurrence,
  toRequestOccurrences,
} from './error-tracking/to-error-occurrence.ts';
import { DurationStats, SystemHealthMonitor } from './health/system-health-monitor.ts';
import { TenantReader } from './instrumentation/context/tenant-reader.ts';
import { FunctionRecorder } from './instrumentation/functions/function-recorder.ts';
import { HistogramRegistry } from './instrumentation/histograms/histogram-registry.ts';
import { HostSampler } from './instrumentation/host/host-metrics.ts';
import { EventLoopSampler } from './instrumentation/host/runtime-metrics.ts';
import { LIBRARIES } from './instrumentation/library-table.ts';
import {
  InstrumentationRegistry,
  type LibraryState,
} from './instrumentation/loading/instrumentation-registry.ts';
import type { Library } from './instrumentation/loading/library.ts';
import { createLambdaMonitor } from './lambda/create-lambda-monitor.ts';
import type { LambdaMonitor } from './lambda/lambda-monitor.ts';
import { OtelMetrics, recordJobTransition, recordUnlistedTransition } from './otel-metrics.ts';
import { QuestdbConnector, type QuestdbConnectorOptions } from './questdb-connector.ts';
import { MetricRecorder } from './record/metric-recorder.ts';
import { listSystemMetricStarts } from './system-metrics.ts';
import { WriteTargetFinder } from './write-target-finder.ts';

/** What fails, for {@link runGuarded}. */
const EXIT_PART = 'the export at exit';

export interface AgentOptions extends Pick<QuestdbConnectorOptions, 'states'> {
  config: StartupConfig;
  log: Logger;
  /**
   * Returns the QuestDB to send rows to. Default: the configured QuestDB, or the local server's
   * QuestDB.
   */
  target?: () => WriteTarget | PausedTarget | undefined;
  spoolDir?: string;
  /** Whether this process can write all tables, such as API keys. Default: `false`. */
  isServer?: boolean;
  /** Throws on an invalid measurement instead of dropping it. Default: `false`. */
  strict?: boolean;
  /** Called before the agent connects for the first time. */
  onConnect?: () => void;
}

/** Connects the parts of a process that record metrics and write rows. */
export class Agent {
  readonly config: StartupConfig;
  /** Counts dropped measurements and rows. */
  readonly droppedRows = new DroppedRowCounter();
  readonly deferredWriter: DeferredWriter;
  readonly recorder: MetricRecorder;
  readonly health: SystemHealthMonitor;
  readonly errorTracker: ErrorTracker;
  readonly tenantReader: TenantReader;
  /** Records the functions that the application traces. Undefined if the application isn't instrumented. */
  functionRecorder: FunctionRecorder | undefined;
  /** Records the invocations of the AWS Lambda function that this process runs. */
  lambda: LambdaMonitor | undefined;
  /**
   * Call `createCumulativeProducer` before `instrument`, because `instrument` creates histograms.
   */
  readonly histograms = new HistogramRegistry(() => this.#onOverflow());
  readonly #options: AgentOptions;
  readonly #connector: QuestdbConnector;
  readonly #targetFinder: WriteTargetFinder;
  readonly #host = new HostSampler();
  readonly #eventLoop = new EventLoopSampler();
  readonly #requestStats = new DurationStats();
  readonly #queryStats = new DurationStats();
  readonly #warnOnce: (kind: string, message: string | (() => string)) => void;
  readonly #ownServers = new WeakSet<Server>();
  #otelMetrics: OtelMetrics | undefined;
  #instrumentationRegistry: InstrumentationRegistry | undefined;
  readonly #queryClient: AgentQueryClient;
  readonly #sender: DataSender;
  #isConnecting = false;

  constructor(options: AgentOptions) {
    const { config, log, strict = false, target } = options;
    const { settings, resource } = config;
    this.#options = options;
    this.config = config;
    this.#queryClient = new AgentQueryClient(config);
    this.#warnOnce = createWarnOnce(log);
    this.deferredWriter = new DeferredWriter(this.droppedRows, log);
    this.tenantReader = new TenantReader(settings, (field, reason) =>
      this.#reportRejectedTenant(field, reason),
    );
    this.#targetFinder = new WriteTargetFinder({ config, target, warnOnce: this.#warnOnce });
    this.#connector = new QuestdbConnector({
      ...options,
      deferredWriter: this.deferredWriter,
      dropped: this.droppedRows,
      spoolDir: options.spoolDir,
      target: () => this.#targetFinder.find(),
    });
    this.#sender = new DataSender({
      ...options,
      deferredWriter: this.deferredWriter,
      connector: this.#connector,
      targetFinder: this.#targetFinder,
    });
    const { add } = this.deferredWriter;
    const { droppedRows: dropped } = this;
    this.recorder = new MetricRecorder({ resource, add, strict, dropped, log });
    this.deferredWriter.onBeforeBatch(() => this.recorder.addBucketRows());
    this.errorTracker = new ErrorTracker({ resource, add, limits: this.recorder.limits });
    this.deferredWriter.onBeforeBatch(() => this.errorTracker.addDueCountRows());
    this.deferredWriter.onCheckpoint(() => this.#collectCheckpoint());
    this.health = new SystemHealthMonitor({
      resource,
      add,
      hostName: config.host,
      host: this.#host,
      eventLoop: this.#eventLoop,
      requests: this.#requestStats,
      queries: this.#queryStats,
      countConnections: () => this.#otelMetrics?.poolMetrics.countConnections(),
      thresholds: readHealthThresholds(settings),
    });
  }

  /** Starts recording requests and the application's OpenTelemetry metrics. A dry run sends nothing over OTLP. */
  instrument(readers: IMetricReader[] = [], { dryRun = false } = {}): void {
    const { resource, settings } = this.config;
    if (!dryRun) this.#sender.exportToOtlp({ ...this, onOverflow: this.#onOverflow });
    this.#otelMetrics = new OtelMetrics({
      otlp: this.#sender.otlp,
      dropped: this.droppedRows,
      getWriteStats: () => this.deferredWriter.writer?.stats,
      collectCheckpointRows: () => this.errorTracker.encodeCountRows(),
      resource,
      readers,
      exportIntervalMs: settings.exportIntervalMs,
      add: this.isOtlpOnly ? undefined : this.deferredWriter.add,
      ignoreRoutes: settings.PERFORMANCE_IGNORE_ROUTES,
      streamRoutes: settings.PERFORMANCE_STREAM_ROUTES,
      isOwnServer: (server) => this.#ownServers.has(server),
      onRequest: (durationMs, failed) => this.#requestStats.add(durationMs, failed),
      onServerError: (request, thrown) =>
        this.errorTracker.trackAll(toRequestOccurrences(request, thrown), request.timestampMs),
      resolveTenant: (request) => this.tenantReader.readTenant(request),
      onOverflow: this.#onOverflow,
      histograms: this.histograms,
    });
    this.functionRecorder = new FunctionRecorder(this.histograms);
    this.lambda = createLambdaMonitor(this, this.#otelMetrics);
  }

  /** Instruments libraries when the application loads them. Default: all supported libraries. */
  instrumentLibraries(libraries: readonly Library[] = LIBRARIES): void {
    const { log } = this.#options;
    const context = this.#otelMetrics?.createInstrumentationContext({
      onJob: (job, failure) => this.recordJob(job, failure),
      onUnlistedJob: (job, failure) => this.recordJob(job, failure, recordUnlistedTransition),
      onQuery: (durationMs) => this.#queryStats.add(durationMs, false),
      onFailedConnect: (failure) => this.errorTracker.track(toConnectOccurrence(failure)),
      onQueueReachabilityChange: (queue, reachable) => {
        if (reachable) log.warn(`The server of queue ${queue} is reachable again.`);
        else log.warn(createError('PS_QUEUE_AWAY', { queue }).message);
      },
      settings: this.config.settings,
      ignoredHost: this.config.lambda?.runtimeApi,
    });
    if (context) this.#instrumentationRegistry = new InstrumentationRegistry(libraries, context);
  }

  /** Supported libraries that the application has loaded so far. */
  get loadedLibraries(): readonly LibraryState[] {
    return this.#instrumentationRegistry?.loadedLibraries ?? [];
  }

  /** See `InstrumentationRegistry.unhookedLibraries`. */
  get unhookedLibraries(): readonly string[] {
    return this.#instrumentationRegistry?.unhookedLibraries ?? [];
  }

  /** Calls `onChange` after a library was loaded, or its state changed. */
  watchLibraries(onChange: () => void): void {
    if (this.#instrumentationRegistry) this.#instrumentationRegistry.onChange = onChange;
  }

  /** Stores a job transition as a row, and adds the job's times to its queue's histograms. */
  recordJob(job: JobTransition, failure?: { error: unknown }, record = recordJobTransition): void {
    record(this.recorder, this.#otelMetrics, job, failure);
    const occurrence = toJobOccurrence(job, failure);
    if (occurrence) this.errorTracker.track(occurrence);
  }

  /** Starts host metrics, runtime metrics, and health rows. */
  startSystemMetrics(): void {
    for (const start of this.listSystemMetricStarts()) start();
  }

  /** Returns the steps of `startSystemMetrics`. Each takes a few ms, and doesn't throw. */
  listSystemMetricStarts(): (() => void)[] {
    if (!this.#otelMetrics) return [];
    return listSystemMetricStarts({
      ...this,
      ...this.config,
      ...this.#options,
      otelMetrics: this.#otelMetrics,
      host: this.#host,
      hostName: this.config.host,
      eventLoop: this.#eventLoop,
    });
  }

  /** Whether QuestDB is configured or a local server is running. */
  get hasWriteTarget(): boolean {
    return this.#targetFinder.find() !== undefined;
  }

  /** Whether metrics are sent over OTLP, and no rows are written. */
  get isOtlpOnly(): boolean {
    return this.#sender.isOtlpOnly;
  }

  /**
   * Creates the writer on the first call. If no QuestDB is known, looks for a local server every 5 s.
   * Never throws.
   */
  connect(): void {
    if (!this.#isConnecting) this.#options.onConnect?.();
    this.#isConnecting = true;
    this.#sender.connect();
  }

  /**
   * Returns a client for the database that the rows are written to.
   *
   * @throws PS_NO_TARGET if no QuestDB is configured and no local server is running
   */
  getQueryClient(): Promise<QueryClient> {
    return this.#queryClient.get();
  }

  /** Excludes the requests of `server`, because it isn't part of the application. */
  ignoreServer(server: Server): void {
    this.#ownServers.add(server);
  }

  /**
   * Collects all metrics, and resolves when all rows are stored.
   *
   * @throws PS_FLUSH_TIMEOUT if QuestDB does not confirm the rows within `timeoutMs`
   * @throws PS_NO_TARGET if rows are waiting, no QuestDB is configured, and no local server is running
   */
  async flush(timeoutMs?: number): Promise<void> {
    this.#connector.tryConnect();
    await this.#otelMetrics?.flush();
    this.errorTracker.addCountRows();
    await this.#sender.flush(timeoutMs);
  }

  /**
   * Stops collecting metrics. Rows not stored within `timeoutMs` stay in the spool. Never rejects.
   */
  async shutdown(timeoutMs = 2000): Promise<void> {
    this.#connector.tryConnect();
    this.#connector.stop();
    this.health.recordStop();
    this.health.stopMonitoring();
    await this.#otelMetrics?.stop();
    this.errorTracker.addCountRows();
    this.#eventLoop.stop();
    await this.#sender.close(timeoutMs);
    reportDroppedAtExit(this.droppedRows, this.#options.log);
    await this.#queryClient.close();
  }

  /**
   * Writes all collected rows to the spool, and collects the metrics for OTLP.
   *
   * @param options.endOpenRequests whether to record the open requests, because the process ends.
   * Default: `false`.
   * @param options.canSend whether asynchronous code still runs. Default: `true`.
   * @returns whether the spool contains rows, or metrics wait to be sent over OTLP
   */
  flushSync({ endOpenRequests = false, canSend = true } = {}): boolean {
    // A failure of one step must not lose the rows of the other steps.
    if (endOpenRequests) runGuarded(EXIT_PART, () => this.#otelMetrics?.endOpenRequests());
    runGuarded(EXIT_PART, () => this.#otelMetrics?.flushSync({ canSend }));
    this.errorTracker.addCountRows();
    return this.#sender.flushSync();
  }

  /**
   * Sends the spooled rows, and the metrics for OTLP, for up to `timeoutMs`. Ends at the first failure, unless the time
   * limit is higher than the default. Unsent rows stay in the spool. Never rejects.
   */
  sendSpooled(timeoutMs: number): Promise<void> {
    return this.#sender.sendSpooled(timeoutMs);
  }

  /** Sends rows and metrics while the application shuts down, without delaying its end. Never rejects. */
  sendInBackground(): Promise<void> {
    const timeoutMs = this.config.settings.PERFORMANCE_EXIT_TIMEOUT;
    return this.#sender.sendSpooled(timeoutMs, { keepAlive: false });
  }

  /**
   * Writes all collected rows to the spool, leaves the spool to other processes, and logs the totals of the
   * dropped rows.
   */
  closeSync(): void {
    this.flushSync({ endOpenRequests: true, canSend: false });
    this.#sender.closeSync();
    reportDroppedAtExit(this.droppedRows, this.#options.log);
  }

  /** Returns the values of the current interval. Measurements of the library are moved into rows. */
  #collectCheckpoint(): readonly CheckpointEntry[] | undefined {
    this.recorder.addBucketRows();
    return this.#otelMetrics?.collectCheckpoint();
  }

  readonly #onOverflow = () =>
    this.#warnOnce('series', () => createError('PS_SERIES_LIMIT', {}).message);

  #reportRejectedTenant(field: string, reason: string): void {
    this.#otelMetrics?.countRejectedTenant(field);
    const createMessage = () => createError('PS_TENANT_REFUSED', { field, reason }).message;
    this.#warnOnce(`${field} ${reason}`, createMessage);
  }

  /** See {@link WriteTargetFinder.checkServerVersion}. */
  checkServerVersion(version: string | undefined, serverUrl: string): void {
    this.#targetFinder.checkServerVersion(version, serverUrl);
  }
}
