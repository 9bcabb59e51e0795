import type { Server } from 'node:http';
import { createRequire } from 'node:module';
import { extname } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import type { IMetricReader } from '@opentelemetry/sdk-metrics';
import type { Started } from './config/environment.ts';
import { knownQuestdb } from './config/locate.ts';
import type { WriteTarget } from './config/target.ts';
import { readThrown } from './error-tracking/thrown.ts';
import { ErrorTracker } from './error-tracking/tracker.ts';
import { coded, reasonOf } from './errors.ts';
import { failedRequest, jobFailure } from './failures.ts';
import { SystemHealthMonitor } from './health/monitor.ts';
import { RequestStats } from './health/request-stats.ts';
import { currentTenant } from './instrumentation/context.ts';
import { EventLoopSampler } from './instrumentation/event-loop-sampler.ts';
import { express } from './instrumentation/express.ts';
import { Histograms } from './instrumentation/histograms.ts';
import { HostSampler } from './instrumentation/host-sampler.ts';
import { Libraries, type LibraryState } from './instrumentation/libraries.ts';
import { watchProcessErrors } from './instrumentation/process-errors.ts';
import { TenantReader } from './instrumentation/tenant.ts';
import { type Log, oncePerKind } from './log.ts';
import { Metering } from './metering.ts';
import type { openWriter as OpenWriter } from './open-writer.ts';
import type { QuestdbStore } from './questdb/store.ts';
import { Recorder } from './record/recorder.ts';
import { recordJob } from './record-job.ts';
import type { JobTransition } from './schema/job-transition.ts';
import type { Store } from './windows/store.ts';
import { DroppedRows } from './write/dropped.ts';
import { Outlet } from './write/outlet.ts';

export interface MonitorOptions {
  started: Started;
  log: Log;
  /** Where rows go; by default the configured QuestDB, else that of the server of this machine. */
  target?: () => WriteTarget | undefined;
  spoolDir?: string;
  strict?: boolean;
}

/** All parts of one process that measure and write, joined. */
export class Monitor {
  readonly started: Started;
  /** Measurements and rows that were given up. */
  readonly dropped = new DroppedRows();
  readonly outlet = new Outlet(this.dropped);
  readonly recorder: Recorder;
  readonly health: SystemHealthMonitor;
  readonly errors: ErrorTracker;
  readonly tenants: TenantReader;
  /** Readers that are scraped have to ask it before `instrument` is called. */
  readonly histograms = new Histograms(() => this.#onOverflow());
  readonly #options: MonitorOptions;
  readonly #host = new HostSampler();
  readonly #loop = new EventLoopSampler();
  readonly #requests = new RequestStats();
  readonly #queries = new RequestStats();
  readonly #once: (kind: string, message: string) => void;
  readonly #ownServers = new WeakSet<Server>();
  #metering: Metering | undefined;
  #libraries: Libraries | undefined;
  #connected: Promise<void> | undefined;
  #store: QuestdbStore | undefined;
  #crashed = false;

  constructor(options: MonitorOptions) {
    const { started, log } = options;
    const { settings, origin } = started;
    this.#options = options;
    this.started = started;
    this.#once = oncePerKind(log);
    this.tenants = new TenantReader(settings, (field, reason) => this.#refuseTenant(field, reason));
    const { add } = this.outlet;
    const strict = options.strict ?? false;
    const retentionDays = settings.PERFORMANCE_RETENTION_DAYS;
    const { dropped } = this;
    this.recorder = new Recorder({ origin, retentionDays, add, strict, dropped, log });
    this.outlet.beforeBatch(() => this.recorder.addBuckets());
    this.errors = new ErrorTracker({ origin, add });
    this.outlet.beforeBatch(() => this.errors.addCounts());
    this.health = new SystemHealthMonitor({
      origin,
      add,
      host: this.#host,
      loop: this.#loop,
      requests: this.#requests,
      queries: this.#queries,
      connections: () => this.#metering?.pools.connections(),
      thresholds: {
        responseTimeWarning: settings.PERFORMANCE_RESPONSE_TIME_WARNING,
        responseTimeCritical: settings.PERFORMANCE_RESPONSE_TIME_CRITICAL,
        errorRate: settings.PERFORMANCE_ERROR_RATE_THRESHOLD,
      },
    });
  }

  /** Begins to measure requests, and gives `@opentelemetry/api` its meters. */
  instrument(readers: IMetricReader[] = []): void {
    const { origin, settings } = this.started;
    this.#metering = new Metering({
      dropped: this.dropped,
      spoolBytes: () => this.outlet.writer?.spoolBytes ?? 0,
      origin,
      readers,
      exportIntervalMs: settings.exportIntervalMs,
      add: this.hasTarget ? this.outlet.add : undefined,
      ignoreRoutes: settings.PERFORMANCE_IGNORE_ROUTES,
      isOwnServer: (server) => this.#ownServers.has(server),
      onRequest: (durationMs, failed) => this.#requests.add(durationMs, failed),
      onFailure: (request, thrown) =>
        this.errors.track(failedRequest(request, thrown), request.timestampMs),
      tenantOf: (request) => this.tenants.of(request),
      onOverflow: this.#onOverflow,
      histograms: this.histograms,
    });
  }

  /** Stores the errors that nobody catches. */
  watchErrors(): void {
    if (!this.hasTarget) return;
    watchProcessErrors(({ kind, fatal, thrown }) => {
      const level = fatal ? 'fatal' : 'error';
      this.#crashed ||= fatal;
      this.errors.track({ kind, level, error: readThrown(thrown), ...currentTenant() });
    });
  }

  /** Measures libraries while the application loads them. */
  instrumentLibraries(): void {
    const { log } = this.#options;
    const libraries = this.#metering?.libraries({
      onJob: (job, failure) => this.recordJob(job, failure),
      onQuery: (durationMs) => this.#queries.add(durationMs, false),
      onQueueReachable: (queue, reachable) => {
        if (reachable) log.warn(`The Redis of queue ${queue} answers again.`);
        else log.warn(coded('PS_QUEUE_AWAY', { queue }).message);
      },
      withJobData: this.started.settings.PERFORMANCE_JOB_DATA,
    });
    this.#libraries = new Libraries([...express(), ...(libraries ?? [])]);
  }

  /** The libraries that the application has loaded until now. */
  get libraries(): readonly LibraryState[] {
    return this.#libraries?.found ?? [];
  }

  /** Stores a job's transition as a row, and in the histograms of its queue. */
  recordJob(job: JobTransition, failure?: { error: unknown }): void {
    recordJob(this.recorder, this.#metering, job, failure);
    const failed = jobFailure(job, failure);
    if (failed) this.errors.track(failed);
  }

  /** Begins to measure host and runtime, and to write health rows. */
  async instrumentSurroundings(): Promise<void> {
    const metering = this.#metering;
    if (!metering) return;
    // Threads share the host with their process, which measures it.
    if (isMainThread) {
      await this.#part('Measuring the host', () => metering.measureHost(this.#host));
    }
    await this.#part('Measuring the runtime', () => metering.measureRuntime(this.#loop));
    const { SYSTEM_HEALTH_ENABLED, SYSTEM_HEALTH_INTERVAL } = this.started.settings;
    if (SYSTEM_HEALTH_ENABLED && this.hasTarget)
      this.health.startMonitoring(SYSTEM_HEALTH_INTERVAL);
  }

  /** Whether it is known where rows go. */
  get hasTarget(): boolean {
    return this.#target() !== undefined;
  }

  /** Loads the write road. Called once, whoever asks first. Never rejects. */
  connect(): Promise<void> {
    this.#connected ??= this.#part('Writing to QuestDB', async () => {
      const { openWriter } = await import('./open-writer.ts');
      this.#connectTo(openWriter);
    });
    return this.#connected;
  }

  #connectTo(openWriter: typeof OpenWriter): void {
    const target = () => this.#target();
    const { dropped, started, outlet } = this;
    const { log, spoolDir } = this.#options;
    if (!outlet.writer) outlet.connect(openWriter({ started, log, dropped, spoolDir, target }));
  }

  /** The same without waiting, for a process that ends of an error before its first turn is over. */
  #connectNow(): void {
    const here = import.meta.url;
    const { openWriter } = createRequire(here)(`./open-writer${extname(here)}`) as {
      openWriter: typeof OpenWriter;
    };
    this.#connectTo(openWriter);
  }

  /** Reads the database that the rows go to. @throws PS_NO_TARGET */
  async store(): Promise<Store> {
    const read = knownQuestdb(this.started)?.read;
    if (!read) throw coded('PS_NO_TARGET', {});
    const { QuestdbStore } = await import('./questdb/store.ts');
    this.#store ??= new QuestdbStore(read);
    return this.#store;
  }

  /** A server whose requests are not the application's. */
  disown(server: Server): void {
    this.#ownServers.add(server);
  }

  /**
   * Collects what is being measured and resolves when all of it is stored.
   *
   * @throws PS_FLUSH_TIMEOUT
   */
  async flush(timeoutMs?: number): Promise<void> {
    await this.connect();
    await this.#metering?.flush();
    await this.outlet.writer?.flush(timeoutMs);
  }

  /** Stops measuring. What could not be stored in time stays in the spool. Never rejects. */
  async shutdown(timeoutMs = 2000): Promise<void> {
    await this.connect();
    this.health.stopMonitoring();
    await this.#metering?.stop();
    this.#loop.stop();
    await this.outlet.writer?.close(timeoutMs);
    await this.#store?.close().catch(() => {});
  }

  /** Puts all that was measured on disk, in the moment in which the process ends. Never throws. */
  leave(): void {
    this.#metering?.flushNow();
    try {
      if (this.#crashed && !this.outlet.writer) this.#connectNow();
    } catch {
      // It is being loaded at this moment: what the process has said of its end is all there is.
    }
    this.outlet.writer?.leave();
  }

  readonly #onOverflow = () => this.#once('series', coded('PS_SERIES_LIMIT', {}).message);

  #refuseTenant(field: string, reason: string): void {
    this.#metering?.countRefusedTenant(field);
    this.#once(`${field} ${reason}`, coded('PS_TENANT_REFUSED', { field, reason }).message);
  }

  #target(): WriteTarget | undefined {
    return this.#options.target ? this.#options.target() : knownQuestdb(this.started)?.write;
  }

  /** A part that fails is left out, and said; the application runs on. */
  async #part(part: string, start: () => Promise<void>): Promise<void> {
    try {
      await start();
    } catch (error) {
      const reason = reasonOf(error);
      this.#options.log.warn(coded('PS_PART_FAILED', { part, reason }).message);
    }
  }
}
