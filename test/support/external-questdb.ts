import type { ChildProcess } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatBasicAuthorization } from '../../src/core/config/questdb-targets.ts';
import { MINUTE_MS } from '../../src/core/duration.ts';
import {
  launchQuestdb,
  stopProcess,
  waitUntilReady,
} from '../../src/storage/questdb/launch-questdb.ts';
import { findJava, resolveJar } from '../../src/storage/questdb/questdb-jar.mjs';
import { findFreePorts, writeServerConf } from '../../src/storage/questdb/server-conf.ts';
import { execSql } from './exec-sql.ts';
import {
  addUsedQuestdb,
  findQuestdbPool,
  returnQuestdb,
  type SharedQuestdb,
  takeQuestdb,
} from './shared-questdb.ts';

const WRITER_CREDENTIALS = { user: 'writer', password: 'write-secret' };
const READER_CREDENTIALS = { user: 'reader', password: 'read-secret' };

export interface ExternalQuestdbOptions {
  /**
   * Uses a server of other test files, whose tables were deleted. It has `devMode`, and must not be stopped. Default:
   * `false`.
   */
  readonly isShared?: boolean;
}

/** Runs a QuestDB that Perfscope doesn't manage. */
export class ExternalQuestdb {
  /** Folder for files of the test. Also contains the data of the server, unless it is shared. */
  readonly folder = mkdtempSync(join(tmpdir(), 'perfscope-questdb-'));
  readonly #pool: string | undefined;
  #shared: SharedQuestdb | undefined;
  #keepAlive: NodeJS.Timeout | undefined;
  // Below the range of ephemeral ports, so that QuestDB can use the same ports after a restart.
  #ports = { http: 20_000 + (process.pid % 5000) * 2, pg: 20_001 + (process.pid % 5000) * 2 };
  #child: ChildProcess | undefined;

  /** Allows tests to suspend tables. Default: false. */
  devMode = false;
  /** Allows SQL to read files in `root/import` of the folder. Default: false. */
  canImport = false;
  /** Properties that override Perfscope's, by name. They apply to the next start. Default: none. */
  overrides: Readonly<Record<string, string>> = {};

  constructor({ isShared = false }: ExternalQuestdbOptions = {}) {
    this.#pool = isShared ? findQuestdbPool() : undefined;
    if (isShared) this.devMode = true;
  }

  /** Starts QuestDB with the ports and the data of the last start. */
  async start(): Promise<void> {
    if (this.#pool === undefined) return this.#launch(this.folder);
    // As a child process does. Otherwise, Perfscope closes its connections, because the process is ending.
    this.#keepAlive = setInterval(() => {}, MINUTE_MS);
    this.#shared = takeQuestdb(this.#pool);
    if (this.#shared) this.#ports = this.#shared.ports;
    else {
      const folder = mkdtempSync(join(this.#pool, 'server-'));
      await this.#launch(folder);
      this.#child?.unref();
      this.#shared = { pid: this.#child!.pid!, ports: this.#ports, folder };
      addUsedQuestdb(this.#pool, this.#shared);
    }
  }

  async #launch(folder: string): Promise<void> {
    const root = join(folder, 'root');
    mkdirSync(root, { recursive: true });
    this.#ports = await findFreePorts(this.#ports);
    writeServerConf(root, this.#ports, { writer: WRITER_CREDENTIALS, reader: READER_CREDENTIALS });
    if (this.devMode) {
      appendFileSync(join(root, 'conf', 'server.conf'), 'dev.mode.enabled=true\n');
    }
    if (this.canImport) {
      appendFileSync(join(root, 'conf', 'server.conf'), 'cairo.sql.copy.root=import\n');
    }
    for (const [key, value] of Object.entries(this.overrides)) {
      appendFileSync(join(root, 'conf', 'server.conf'), `${key}=${value}\n`);
    }
    const logFile = join(folder, 'log');
    const jar = await resolveJar({ log: () => {} });
    this.#child = launchQuestdb({ java: findJava()!.command, jar, root, logFile, heapMb: 256 });
    await waitUntilReady(this.#child, this.target, logFile);
  }

  /** Stops QuestDB. It writes and closes its files first. */
  async stop(): Promise<void> {
    this.#expectOwn();
    if (this.#child) await stopProcess(this.#child);
  }

  /** Kills QuestDB with SIGKILL. */
  async kill(): Promise<void> {
    this.#expectOwn();
    const child = this.#child!;
    const exited = new Promise((done) => child.once('exit', done));
    child.kill('SIGKILL');
    await exited;
  }

  #expectOwn(): void {
    if (this.#shared) throw new Error('other tests need this server: omit `isShared`');
  }

  /** Stops the server, or deletes all tables of a shared one. */
  async remove(): Promise<void> {
    if (this.#shared) await this.#return(this.#shared);
    else await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #return(server: SharedQuestdb): Promise<void> {
    this.#shared = undefined;
    clearInterval(this.#keepAlive);
    try {
      await dropTables((statement) => this.sql(statement));
      returnQuestdb(this.#pool!, server);
    } catch {
      process.kill(server.pid, 'SIGKILL');
    }
  }

  sql(statement: string): Promise<unknown[][]> {
    return execSql(this.target, statement);
  }

  get pid(): number {
    return this.#shared?.pid ?? this.#child!.pid!;
  }

  /** Environment variables that make Perfscope use this QuestDB. */
  get env(): NodeJS.ProcessEnv {
    return {
      PERFORMANCE_QUESTDB_URL: this.target.url,
      PERFORMANCE_QUESTDB_PG_URL: `postgresql://${READER_CREDENTIALS.user}:${READER_CREDENTIALS.password}@127.0.0.1:${this.#ports.pg}/qdb`,
      PERFORMANCE_QUESTDB_USER: WRITER_CREDENTIALS.user,
      PERFORMANCE_QUESTDB_PASSWORD: WRITER_CREDENTIALS.password,
    };
  }

  /** Environment of a service that uses this QuestDB and no local server. Its spool is in `folder`. */
  get serviceEnv(): NodeJS.ProcessEnv {
    return {
      PATH: process.env.PATH,
      XDG_RUNTIME_DIR: this.folder,
      ...this.env,
      PERFORMANCE_SPOOL_DIR: `${this.folder}/spool`,
    };
  }

  get readTarget() {
    return { host: '127.0.0.1', port: this.#ports.pg, database: 'qdb', ...READER_CREDENTIALS };
  }

  get target() {
    const authorization = formatBasicAuthorization(
      WRITER_CREDENTIALS.user,
      WRITER_CREDENTIALS.password,
    );
    return { url: `http://127.0.0.1:${this.#ports.http}`, authorization };
  }
}

/** Deletes all tables. Views first, because a table with a view can't be deleted. */
async function dropTables(sql: (statement: string) => Promise<unknown[][]>): Promise<void> {
  const tables = await sql('SELECT table_name, matView FROM tables()');
  for (const [name] of tables.filter(([, isView]) => isView === true))
    await sql(`DROP MATERIALIZED VIEW '${String(name)}'`);
  for (const [name] of tables.filter(([, isView]) => isView !== true))
    await sql(`DROP TABLE '${String(name)}'`);
}
