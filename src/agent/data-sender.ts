import { DEFAULT_EXIT_TIMEOUT_MS } from '../core/config/setting-definitions.ts';
import type { StartupConfig } from '../core/config/startup-config.ts';
import { findStoreId, getSpoolStoreId } from '../core/config/store-id.ts';
import { runGuarded } from '../core/guard.ts';
import type { Logger } from '../core/log.ts';
import { createError } from '../core/perfscope-error.ts';
import type { DeferredWriter } from '../storage/write/deferred-writer.ts';
import type { SystemHealthMonitor } from './health/system-health-monitor.ts';
import type { HistogramRegistry } from './instrumentation/histograms/histogram-registry.ts';
import { OtlpExport } from './otlp-export/otlp-export.ts';
import type { QuestdbConnector } from './questdb-connector.ts';
import type { MetricRecorder } from './record/metric-recorder.ts';
import type { WriteTargetFinder } from './write-target-finder.ts';

/** What fails, for {@link runGuarded}. */
const EXIT_PART = 'the export at exit';
/** Time limit of `flush` for OTLP, unless the caller specifies one, in ms. */
const OTLP_FLUSH_TIMEOUT_MS = 5000;

export interface DataSenderOptions {
  readonly config: StartupConfig;
  readonly log: Logger;
  readonly deferredWriter: DeferredWriter;
  readonly connector: QuestdbConnector;
  readonly targetFinder: WriteTargetFinder;
  /** See `AgentOptions`. */
  readonly isServer?: boolean | undefined;
  readonly spoolDir?: string | undefined;
}

export interface OtlpSources {
  readonly histograms: HistogramRegistry;
  readonly recorder: MetricRecorder;
  readonly health: SystemHealthMonitor;
  readonly onOverflow: () => void;
}

/** Sends rows to QuestDB, and metrics to an OTLP endpoint, if one is configured. */
export class DataSender {
  readonly #options: DataSenderOptions;
  #otlp: OtlpExport | undefined;

  constructor(options: DataSenderOptions) {
    this.#options = options;
  }

  /** Undefined if metrics aren't sent over OTLP. */
  get otlp(): OtlpExport | undefined {
    return this.#otlp;
  }

  /** Whether metrics are sent over OTLP, and no rows are written. */
  get isOtlpOnly(): boolean {
    return this.#options.connector.isDisabled;
  }

  /**
   * Exports metrics over OTLP if an endpoint is configured. Rows are then written only to a configured QuestDB, or if a
   * local server is running now. Must be called before the first histogram is created.
   */
  exportToOtlp({ histograms, recorder, health, onOverflow }: OtlpSources): void {
    const { config, log, connector, targetFinder } = this.#options;
    const settings = config.settings.otlp;
    if (!settings) return;
    const readGauges = () => health.readGauges();
    const writesRows = targetFinder.find() !== undefined;
    const storeId = writesRows ? this.#findStoreId() : undefined;
    const options = { settings, config, log, storeId, readGauges, onOverflow };
    const otlp = new OtlpExport(options, histograms);
    this.#otlp = otlp;
    recorder.onMetric = (row) => otlp.measurements.add(row);
    if (!writesRows) connector.disable();
  }

  #findStoreId(): string | undefined {
    const { config, isServer, spoolDir } = this.#options;
    // A server has no discovery file yet.
    return isServer && spoolDir !== undefined ? getSpoolStoreId(spoolDir) : findStoreId(config);
  }

  /** Looks for QuestDB, and starts sending metrics over OTLP. Never throws. */
  connect(): void {
    this.#otlp?.start();
    this.#options.connector.connect();
  }

  /**
   * Resolves when all rows are stored, and when metrics were sent over OTLP or `timeoutMs` is over.
   *
   * @throws PS_FLUSH_TIMEOUT if QuestDB does not confirm the rows within `timeoutMs`
   * @throws PS_NO_TARGET if rows are waiting, no QuestDB is configured, and no local server is running
   */
  async flush(timeoutMs?: number): Promise<void> {
    const { deferredWriter, targetFinder } = this.#options;
    const { writer, pendingRows } = deferredWriter;
    deferredWriter.reportDropped();
    if (!targetFinder.find() && !targetFinder.hasFound) {
      // The next server sends the rows in the spool.
      writer?.flushSync();
      if ((writer?.stats.waitingRows ?? pendingRows) > 0) throw createError('PS_NO_TARGET', {});
    }
    await Promise.all([
      writer?.flush(timeoutMs),
      this.#otlp?.drain(timeoutMs ?? OTLP_FLUSH_TIMEOUT_MS, { retry: true }),
    ]);
  }

  /**
   * Writes all rows to the spool.
   *
   * @returns whether the spool contains rows, or metrics wait to be sent over OTLP
   */
  flushSync(): boolean {
    const { connector, deferredWriter } = this.#options;
    // A process can end before it is connected.
    runGuarded(EXIT_PART, () => connector.tryConnect());
    const { writer } = deferredWriter;
    runGuarded(EXIT_PART, () => writer?.flushSync());
    return writer?.hasSpooledRows === true || this.#otlp?.hasPending === true;
  }

  /** Sends the spooled rows, and the metrics for OTLP, for up to `timeoutMs`. See `Agent.sendSpooled`. */
  async sendSpooled(timeoutMs: number, { keepAlive = true } = {}): Promise<void> {
    const retry = keepAlive && timeoutMs > DEFAULT_EXIT_TIMEOUT_MS;
    await Promise.all([
      this.#options.deferredWriter.writer?.sendSpooled(timeoutMs, { retry, keepAlive }),
      this.#otlp?.drain(timeoutMs, { retry }),
    ]);
  }

  /** Sends what remains for up to `timeoutMs`, and stops. Rows that aren't stored stay in the spool. Never rejects. */
  async close(timeoutMs: number): Promise<void> {
    await Promise.all([
      this.#options.deferredWriter.writer?.close(timeoutMs),
      this.#otlp?.drain(timeoutMs, { retry: true }),
    ]);
    this.#otlp?.close();
  }

  /** Leaves the spool to other processes, and drops the metrics that were not sent over OTLP. */
  closeSync(): void {
    runGuarded(EXIT_PART, () => this.#options.deferredWriter.writer?.releaseSpool());
    this.#otlp?.close();
  }
}
