import type { ChildProcess } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  formatBasicAuthorization,
  type QuestdbTargets,
} from '../../core/config/questdb-targets.ts';
import { errorMessage } from '../../core/errors.ts';
import type { Logger } from '../../core/log.ts';
import { getProcessIdentity, type ProcessIdentity } from '../../core/process-identity.ts';
import { type Credentials, loadOrCreateCredentials } from './data-dir.ts';
import { hasPortConflict, launchQuestdb, stopProcess, waitUntilReady } from './questdb-process.ts';
import { findFreePorts, type Ports, writeServerConf } from './server-conf.ts';

const DEFAULT_PORTS: Ports = { http: 9000, pg: 8812 };
const ANY_PORTS: Ports = { http: 0, pg: 0 };
const MAX_LAUNCH_ATTEMPTS = 3;
const HEAP_MB = 256;
const BACKOFF_MS = { first: 500, max: 30_000 };

export interface EmbeddedOptions {
  dataDir: string;
  java: string;
  jar: string;
  log: Logger;
  /** Called with each Java process that is started, so that a later start can find it. */
  onLaunch: (questdb: ProcessIdentity) => void;
  /** Called when QuestDB answers again after it had ended, with its addresses of now. */
  onRestart: (targets: QuestdbTargets) => void;
}

/** A QuestDB that runs as a child process and is started again whenever it ends. */
export class EmbeddedQuestdb {
  readonly #options: EmbeddedOptions;
  readonly #credentials: Credentials;
  readonly #root: string;
  readonly #logFile: string;
  #child: ChildProcess | undefined;
  #ports: Ports = DEFAULT_PORTS;
  #stopping = false;
  #retry: NodeJS.Timeout | undefined;

  private constructor(options: EmbeddedOptions) {
    this.#options = options;
    this.#credentials = loadOrCreateCredentials(options.dataDir);
    this.#root = join(options.dataDir, 'questdb');
    this.#logFile = join(options.dataDir, 'questdb.log');
    mkdirSync(this.#root, { recursive: true, mode: 0o700 });
  }

  /**
   * Starts QuestDB in `options.dataDir` and resolves when it answers.
   *
   * @throws PS_QUESTDB_START_FAILED
   */
  static async start(options: EmbeddedOptions): Promise<EmbeddedQuestdb> {
    const questdb = new EmbeddedQuestdb(options);
    questdb.#ports = questdb.#loadPorts();
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

  /** Ends QuestDB, at the latest after three seconds, and does not start it again. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#retry);
    if (this.#child) await stopProcess(this.#child);
  }

  /** Another process may take a port between the look and QuestDB's start: then others are tried. */
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
    writeFileSync(this.#portsFile, JSON.stringify(this.#ports));
    const { java, jar } = this.#options;
    const child = launchQuestdb({
      java,
      jar,
      root: this.#root,
      logFile: this.#logFile,
      heapMb: HEAP_MB,
    });
    this.#child = child;
    if (child.pid !== undefined) this.#options.onLaunch(getProcessIdentity(child.pid));
    await waitUntilReady(child, this.targets.write, this.#logFile);
    child.once('exit', (code, signal) => this.#onExit(signal ?? `code ${code}`));
    // It may have ended between its answer and the listener.
    if (child.exitCode !== null || child.signalCode !== null) this.#onExit('an early end');
  }

  #onExit(how: string): void {
    if (this.#stopping) return;
    this.#options.log.warn(`QuestDB ended (${how}) and is started again`);
    this.#scheduleRestart(BACKOFF_MS.first);
  }

  #scheduleRestart(afterMs: number): void {
    this.#retry = setTimeout(async () => {
      try {
        await this.#launch();
        this.#options.onRestart(this.targets);
      } catch (error) {
        if (this.#stopping) return;
        if (this.#child) await stopProcess(this.#child);
        this.#options.log.error(errorMessage(error));
        this.#scheduleRestart(Math.min(afterMs * 2, BACKOFF_MS.max));
      }
    }, afterMs);
  }

  get #portsFile(): string {
    return join(this.#options.dataDir, 'ports.json');
  }

  /** The ports of the last start, so that services and bookmarks keep working. */
  #loadPorts(): Ports {
    try {
      return JSON.parse(readFileSync(this.#portsFile, 'utf8')) as Ports;
    } catch {
      return DEFAULT_PORTS;
    }
  }
}
