import { findMissingPermissions } from '../core/config/missing-permissions.ts';
import type { PausedTarget, WriteTarget } from '../core/config/questdb-targets.ts';
import { readSpoolDirOfKilledServer } from '../core/config/server-discovery.ts';
import type { StartupConfig } from '../core/config/startup-config.ts';
import { startInterval } from '../core/guarded-timers.ts';
import { loadTls } from '../core/http/http-socket.ts';
import type { Logger } from '../core/log.ts';
import { createError, errorMessage } from '../core/perfscope-error.ts';
import type { DroppedRowCounter } from '../storage/spool/dropped-rows.ts';
import { createWriter, getSpoolDir } from '../storage/write/create-writer.ts';
import type { DeferredWriter } from '../storage/write/deferred-writer.ts';
import type { RowWriterStates } from '../storage/write/row-writer-options.ts';

/** Time between two searches for the discovery file of a local server. */
export const SEARCH_INTERVAL_MS = 5000;

export interface QuestdbConnectorOptions {
  config: StartupConfig;
  log: Logger;
  deferredWriter: DeferredWriter;
  /** Counts dropped rows. */
  dropped: DroppedRowCounter;
  /** Spool folder, unless `PERFORMANCE_SPOOL_DIR` is set. */
  spoolDir: string | undefined;
  /** Whether this process can write all tables. Default: `false`. */
  isServer?: boolean | undefined;
  /** Keeps the states of cumulative series. Default: none. */
  states?: RowWriterStates | undefined;
  /** Returns the QuestDB to send rows to, or undefined if none is known. */
  target: () => WriteTarget | PausedTarget | undefined;
}

/**
 * Creates the writer as soon as a QuestDB or a spool folder is known. Until then, it looks for a local server
 * every 5 s. Only the rows of the last interval are kept in the meantime. They aren't counted as dropped, because
 * a service can run without a server.
 */
export class QuestdbConnector {
  readonly #options: QuestdbConnectorOptions;
  #isConnected = false;
  #isDisabled = false;
  #searchTimer: NodeJS.Timeout | undefined;
  #lastSearchMs = Number.NEGATIVE_INFINITY;

  constructor(options: QuestdbConnectorOptions) {
    this.#options = options;
    // Takes a reference before the application can replace the function.
    if (options.config.settings.PERFORMANCE_QUESTDB_URL?.startsWith('https:')) loadTls();
    options.deferredWriter.onFull(() => this.#connectWhenFull());
  }

  get isDisabled(): boolean {
    return this.#isDisabled;
  }

  /** Writes nothing from now on, because this process only exports metrics. Must be called before `connect`. */
  disable(): void {
    this.#isDisabled = true;
    this.#options.deferredWriter.disable();
  }

  /** Creates the writer, or starts looking for a server. Logs a failure and never throws. */
  connect(): void {
    // Called for each measurement of the library, so it doesn't read the discovery file while a timer does.
    if (this.#isDisabled || this.#searchTimer || this.tryConnect()) return;
    this.#warnAboutPermissions();
    const { deferredWriter, config } = this.#options;
    const intervalMs = Math.max(SEARCH_INTERVAL_MS, config.settings.exportIntervalMs);
    let intervals = 0;
    this.#searchTimer = startInterval(
      'the search for a server',
      () => {
        if (this.tryConnect()) return;
        intervals++;
        if (intervals * SEARCH_INTERVAL_MS < intervalMs) return;
        intervals = 0;
        deferredWriter.startInterval();
      },
      SEARCH_INTERVAL_MS,
    );
  }

  /**
   * Creates the writer if a QuestDB is known. While a server is stopped, creates it if the spool folder is known.
   * The rows then wait in the spool for the next server. Logs a failure and never throws.
   *
   * @returns whether the writer was created
   */
  tryConnect(): boolean {
    if (this.#isDisabled) return false;
    if (this.#isConnected) return true;
    const isQuestdbKnown = this.#options.target() !== undefined;
    const spoolDir = isQuestdbKnown ? this.#options.spoolDir : this.#findSpoolDir();
    if (!isQuestdbKnown && spoolDir === undefined) return false;
    this.#isConnected = true;
    this.stop();
    const isRestricted = this.#warnAboutPermissions(spoolDir);
    const { deferredWriter } = this.#options;
    const log = isRestricted ? ignoreDeniedAccess(this.#options.log) : this.#options.log;
    try {
      deferredWriter.connect(createWriter({ ...this.#options, spoolDir, log }));
    } catch (error) {
      const params = { part: 'the QuestDB writer', reason: errorMessage(error) };
      log.warn(createError('PS_PART_FAILED', params).message);
    }
    return true;
  }

  /** Returns a spool folder that shows that a server was used before. An application without one has none. */
  #findSpoolDir(): string | undefined {
    const { settings, discoveryFile } = this.#options.config;
    return settings.PERFORMANCE_SPOOL_DIR ?? readSpoolDirOfKilledServer(discoveryFile);
  }

  /** Called for each row that doesn't fit into memory, so it reads the discovery file only every 5 s. */
  #connectWhenFull(): void {
    const nowMs = performance.now();
    if (nowMs - this.#lastSearchMs < SEARCH_INTERVAL_MS) return;
    this.#lastSearchMs = nowMs;
    this.tryConnect();
  }

  /** Stops looking for a server. */
  stop(): void {
    clearInterval(this.#searchTimer);
    this.#searchTimer = undefined;
  }

  /**
   * Logs one line if Node.js runs with `--permission` and without the permissions of the agent.
   *
   * @param spoolDir see {@link QuestdbConnectorOptions.spoolDir}
   * @returns whether a permission is missing
   */
  #warnAboutPermissions(spoolDir = this.#options.spoolDir): boolean {
    const { config, log } = this.#options;
    const isConfigured = config.settings.PERFORMANCE_QUESTDB_URL !== undefined;
    const folder = getSpoolDir(config, spoolDir);
    const missing = findMissingPermissions({
      read: this.#isConnected ? [folder] : [config.discoveryFile],
      write: this.#isConnected ? [folder] : [],
      network: isConfigured || this.#isConnected,
    });
    if (missing.length === 0) return false;
    log.warn(createError('PS_PERMISSION_MISSING', { flags: missing.join(' ') }).message);
    return true;
  }
}

/** Removes the warnings about missing permissions, because PS_PERMISSION_MISSING lists all of them. */
function ignoreDeniedAccess(log: Logger): Logger {
  return {
    ...log,
    warn: (message, fields) => {
      if (!message.includes('Access to this API has been restricted')) log.warn(message, fields);
    },
  };
}
