import type { Server } from 'node:http';
import type { IMetricReader } from '@opentelemetry/sdk-metrics';
import { discover } from './config/discovery.ts';
import type { Started } from './config/environment.ts';
import { knownQuestdb } from './config/locate.ts';
import type { WriteTarget } from './config/target.ts';
import { coded, reasonOf } from './errors.ts';
import { SystemHealthMonitor } from './health/monitor.ts';
import { RequestStats } from './health/request-stats.ts';
import { EventLoopSampler } from './instrumentation/event-loop-sampler.ts';
import { HostSampler } from './instrumentation/host-sampler.ts';
import type { Log } from './log.ts';
import { Metering } from './metering.ts';
import type { Query, Reader } from './questdb/reader.ts';
import { Recorder } from './record/recorder.ts';
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
  readonly outlet = new Outlet();
  readonly recorder: Recorder;
  readonly health: SystemHealthMonitor;
  readonly #options: MonitorOptions;
  readonly #host = new HostSampler();
  readonly #loop = new EventLoopSampler();
  readonly #requests = new RequestStats();
  readonly #ownServers = new WeakSet<Server>();
  #metering: Metering | undefined;
  #connected: Promise<void> | undefined;
  #reader: Reader | undefined;

  constructor(options: MonitorOptions) {
    const { started, log } = options;
    const { settings, origin } = started;
    this.#options = options;
    this.started = started;
    const { add } = this.outlet;
    const strict = options.strict ?? false;
    const retentionDays = settings.PERFORMANCE_RETENTION_DAYS;
    this.recorder = new Recorder({ origin, retentionDays, add, strict, log });
    this.outlet.beforeBatch(() => this.recorder.addBuckets());
    this.health = new SystemHealthMonitor({
      ...{ origin, add, host: this.#host, loop: this.#loop, requests: this.#requests },
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
      ...{ origin, readers, exportIntervalMs: settings.exportIntervalMs },
      add: this.hasTarget ? this.outlet.add : undefined,
      ignoreRoutes: settings.PERFORMANCE_IGNORE_ROUTES,
      isOwnServer: (server) => this.#ownServers.has(server),
      onRequest: (durationMs, failed) => this.#requests.add(durationMs, failed),
    });
  }

  /** Begins to measure host and runtime, and to write health rows. */
  async instrumentSurroundings(): Promise<void> {
    const metering = this.#metering;
    if (!metering) return;
    await this.#part('Measuring the host', () => metering.measureHost(this.#host));
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
      const { settings, discoveryFile } = this.started;
      const { Writer } = await import('./write/writer.ts');
      const retentionDays = settings.PERFORMANCE_RETENTION_DAYS;
      const found = discover(discoveryFile)?.spoolDir;
      const inDataDir = `${settings.PERFORMANCE_DATA_DIR}/spool`;
      const writer = new Writer({
        spoolDir: settings.PERFORMANCE_SPOOL_DIR ?? this.#options.spoolDir ?? found ?? inDataDir,
        spoolMaxBytes: settings.PERFORMANCE_SPOOL_MAX_BYTES,
        retentionDays,
        bufferSize: settings.PERFORMANCE_BUFFER_SIZE,
        flushIntervalMs: settings.PERFORMANCE_FLUSH_INTERVAL,
        target: () => this.#target(),
        prepare: async (target) => {
          const { migrate } = await import('./questdb/migrate.ts');
          await migrate(target, retentionDays);
        },
        log: this.#options.log,
      });
      this.outlet.connect(writer);
    });
    return this.#connected;
  }

  /** Runs SELECTs on the database that the rows go to. @throws PS_NO_TARGET */
  async query(): Promise<Query> {
    const read = knownQuestdb(this.started)?.read;
    if (!read) throw coded('PS_NO_TARGET', {});
    const { Reader } = await import('./questdb/reader.ts');
    this.#reader ??= new Reader(read);
    return this.#reader.query;
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
    await this.#reader?.close().catch(() => {});
  }

  /** Puts all that was measured on disk, in the moment in which the process ends. Never throws. */
  leave(): void {
    try {
      this.#metering?.flushNow();
    } catch {
      // Another version of the SDK: what the last interval held is lost, and nothing else.
    }
    this.outlet.writer?.leave();
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
