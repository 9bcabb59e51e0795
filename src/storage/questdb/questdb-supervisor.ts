import type { ChildProcess } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  formatBasicAuthorization,
  type QuestdbTargets,
} from '../../core/config/questdb-targets.ts';
import { startTask } from '../../core/guard.ts';
import type { Logger } from '../../core/log.ts';
import { errorMessage } from '../../core/perfscope-error.ts';
import { getProcessIdentity, type ProcessIdentity } from '../../core/process-identity.ts';
import { type Credentials, loadOrCreateCredentials } from './credentials.ts';
import { hasPortConflict, launchQuestdb, stopProcess, waitUntilReady } from './launch-questdb.ts';
import { findFreePorts, type Ports, writeServerConf } from './server-conf.ts';
import { DEFAULT_PORTS, loadPorts, savePorts } from './stored-ports.ts';

const ANY_PORTS: Ports = { http: 0, pg: 0 };
const MAX_LAUNCH_ATTEMPTS = 3;
const HEAP_MB = 256;
const BACKOFF_MS = { first: 500, max: 30_000 };

export interface EmbeddedOptions {
  dataDir: string;
  java: string;
  jar: string;
  log: Logger;
  /** Called with each Java process that is launched, so that a later start can stop an orphan. */
  onLaunch: (questdb: ProcessIdentity) => void;
  /** Called with the current addresses after QuestDB was restarted and responds to queries. */
  onRestart: (targets: QuestdbTargets) => void;
}

/** Stops QuestDB if this process exits without a shutdown, for example after an uncaught error. */
function stopOnExit(child: ChildProcess): void {
  const stop = () => child.kill('SIGTERM');
  process.once('exit', stop);
  child.once('exit', () => process.off('exit', stop));
}

/** Runs QuestDB as a child process and restarts it whenever it exits. */
export class EmbeddedQuestdb {
  readonly #options: EmbeddedOptions;
  readonly #credentials: Credentials;
  readonly #root: string;
  readonly #logFile: string;
  #child: ChildProcess | undefined;
  #ports: Ports = DEFAULT_PORTS;
  #stopping = false;
  #restartTimer: NodeJS.Timeout | undefined;
  #reportTimer: NodeJS.Timeout | undefined;

  private constructor(options: EmbeddedOptions) {
    this.#options = options;
    this.#credentials = loadOrCreateCredentials(options.dataDir, options.log);
    this.#root = join(options.dataDir, 'questdb');
    this.#logFile = join(options.dataDir, 'questdb.log');
    mkdirSync(this.#root, { recursive: true, mode: 0o700 });
  }

  /**
   * Starts QuestDB in `options.dataDir` and resolves when it responds to queries.
   *
   * @throws PS_QUESTDB_START_FAILED
   */
  static async start(options: EmbeddedOptions): Promise<EmbeddedQuestdb> {
    const questdb = new EmbeddedQuestdb(options);
    questdb.#ports = loadPorts(options.dataDir);
    try {
      await questdb.#launch();
    } catch (error) {
      await questdb.stop();
      throw error;
    }
    return questdb;
  }

  get targets(): QuestdbTargets {
    const { writer, reader } = this.#credentials;
    return {
      write: {
        url: `http://127.0.0.1:${this.#ports.http}`,
        authorization: formatBasicAuthorization(writer.user, writer.password),
      },
      read: { host: '127.0.0.1', port: this.#ports.pg, database: 'qdb', ...reader },
    };
  }

  /** Stops QuestDB without a restart. Kills it if it is still running after 3 s. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#restartTimer);
    clearTimeout(this.#reportTimer);
    if (this.#child) await stopProcess(this.#child);
  }

  /**
   * Launches QuestDB. If another process took a port after `findFreePorts` had checked it, tries
   * again with other ports.
   */
  async #launch(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#launchOn(await findFreePorts(attempt === 1 ? this.#ports : ANY_PORTS));
        return;
      } catch (error) {
        if (attempt === MAX_LAUNCH_ATTEMPTS || !hasPortConflict(this.#logFile)) throw error;
      }
    }
  }

  async #launchOn(ports: Ports): Promise<void> {
    this.#ports = ports;
    writeServerConf(this.#root, this.#ports, this.#credentials);
    const { java, jar, dataDir, log } = this.#options;
    savePorts(dataDir, this.#ports, log);
    const child = launchQuestdb({
      java,
      jar,
      root: this.#root,
      logFile: this.#logFile,
      heapMb: HEAP_MB,
    });
    this.#child = child;
    stopOnExit(child);
    if (child.pid !== undefined) this.#options.onLaunch(getProcessIdentity(child.pid));
    await waitUntilReady(child, this.targets.write, this.#logFile);
    child.once('exit', (code, signal) => this.#onExit(signal ?? `code ${code}`));
    // QuestDB can exit after its first response but before the listener is added.
    if (child.exitCode !== null || child.signalCode !== null)
      this.#onExit('right after it started');
  }

  #onExit(reason: string): void {
    if (this.#stopping) return;
    this.#options.log.warn(`QuestDB exited (${reason}). Restarting it.`);
    this.#scheduleRestart(BACKOFF_MS.first);
  }

  #scheduleRestart(delayMs: number): void {
    const restart = () => startTask('the restart of QuestDB', () => this.#restart(delayMs));
    this.#restartTimer = setTimeout(restart, delayMs);
  }

  async #restart(delayMs: number): Promise<void> {
    try {
      await this.#launch();
    } catch (error) {
      if (this.#stopping) return;
      if (this.#child) await stopProcess(this.#child);
      this.#options.log.error(errorMessage(error));
      this.#scheduleRestart(Math.min(delayMs * 2, BACKOFF_MS.max));
      return;
    }
    this.#reportRestart(BACKOFF_MS.first);
  }

  /** If the report fails, for example because the disk is full, reports again later. */
  #reportRestart(delayMs: number): void {
    try {
      this.#options.onRestart(this.targets);
    } catch (error) {
      this.#options.log.error(errorMessage(error));
      this.#reportTimer = setTimeout(
        () => this.#reportRestart(Math.min(delayMs * 2, BACKOFF_MS.max)),
        delayMs,
      );
    }
  }
}
