import type { ChildProcess } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { markOf, type ProcessMark } from '../config/processes.ts';
import { basicAuthorization, type QuestdbTargets } from '../config/target.ts';
import { reasonOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { couldNotBind, launch, stopChild, untilReady } from './child.ts';
import { type Credentials, credentialsOf } from './credentials.ts';
import { freePorts, type Ports } from './ports.ts';
import { writeServerConf } from './server-conf.ts';

const USUAL_PORTS: Ports = { http: 9000, pg: 8812 };
const ANY_PORTS: Ports = { http: 0, pg: 0 };
const LAUNCH_TRIES = 3;
const HEAP_MB = 256;
const BACKOFF_MS = { first: 500, most: 30_000 };

export interface EmbeddedOptions {
  dataDir: string;
  java: string;
  jar: string;
  log: Log;
  /** Called with each Java process that is started, so that a later start can find it. */
  onLaunch: (questdb: ProcessMark) => void;
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
  #ports: Ports = USUAL_PORTS;
  #stopping = false;
  #retry: NodeJS.Timeout | undefined;

  private constructor(options: EmbeddedOptions) {
    this.#options = options;
    this.#credentials = credentialsOf(options.dataDir);
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
    questdb.#ports = questdb.#lastPorts();
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
        authorization: basicAuthorization(writer.user, writer.password),
      },
      read: { host: '127.0.0.1', port: this.#ports.pg, database: 'qdb', ...reader },
    };
  }

  /** Ends QuestDB, at the latest after three seconds, and does not start it again. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#retry);
    if (this.#child) await stopChild(this.#child);
  }

  /** Another process may take a port between the look and QuestDB's start: then others are tried. */
  async #launch(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#launchOn(await freePorts(attempt === 1 ? this.#ports : ANY_PORTS));
        return;
      } catch (error) {
        if (attempt === LAUNCH_TRIES || !couldNotBind(this.#logFile)) throw error;
      }
    }
  }

  async #launchOn(ports: Ports): Promise<void> {
    this.#ports = ports;
    writeServerConf(this.#root, this.#ports, this.#credentials);
    writeFileSync(this.#portsFile, JSON.stringify(this.#ports));
    const { java, jar } = this.#options;
    const child = launch({ java, jar, root: this.#root, logFile: this.#logFile, heapMb: HEAP_MB });
    this.#child = child;
    if (child.pid !== undefined) this.#options.onLaunch(markOf(child.pid));
    await untilReady(child, this.targets.write, this.#logFile);
    child.once('exit', (code, signal) => this.#ended(signal ?? `code ${code}`));
    // It may have ended between its answer and the listener.
    if (child.exitCode !== null || child.signalCode !== null) this.#ended('an early end');
  }

  #ended(how: string): void {
    if (this.#stopping) return;
    this.#options.log.warn(`QuestDB ended (${how}) and is started again`);
    this.#restart(BACKOFF_MS.first);
  }

  #restart(afterMs: number): void {
    this.#retry = setTimeout(async () => {
      try {
        await this.#launch();
        this.#options.onRestart(this.targets);
      } catch (error) {
        if (this.#stopping) return;
        if (this.#child) await stopChild(this.#child);
        this.#options.log.error(reasonOf(error));
        this.#restart(Math.min(afterMs * 2, BACKOFF_MS.most));
      }
    }, afterMs);
  }

  get #portsFile(): string {
    return join(this.#options.dataDir, 'ports.json');
  }

  /** The ports of the last start, so that services and bookmarks keep working. */
  #lastPorts(): Ports {
    try {
      return JSON.parse(readFileSync(this.#portsFile, 'utf8')) as Ports;
    } catch {
      return USUAL_PORTS;
    }
  }
}
