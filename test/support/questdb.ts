import type { ChildProcess } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findJava, resolveJar } from '../../scripts/java.mjs';
import { basicAuthorization } from '../../src/config/target.ts';
import { launch, stopChild, untilReady } from '../../src/questdb/child.ts';
import { freePorts } from '../../src/questdb/ports.ts';
import { writeServerConf } from '../../src/questdb/server-conf.ts';
import { sql } from './sql.ts';

const WRITER = { user: 'writer', password: 'write-secret' };
const READER = { user: 'reader', password: 'read-secret' };

/** A QuestDB that somebody else runs. */
export class ForeignQuestdb {
  readonly folder = mkdtempSync(join(tmpdir(), 'perfscope-questdb-'));
  // Below the range that outgoing connections use: it comes back to the same ports after an outage.
  #ports = { http: 20_000 + (process.pid % 5000) * 2, pg: 20_001 + (process.pid % 5000) * 2 };
  #child: ChildProcess | undefined;

  /** Lets tests suspend tables. */
  devMode = false;

  /** Starts it, with the ports and the data of its last start. */
  async start(): Promise<void> {
    const root = join(this.folder, 'root');
    mkdirSync(root, { recursive: true });
    this.#ports = await freePorts(this.#ports);
    writeServerConf(root, this.#ports, { writer: WRITER, reader: READER });
    if (this.devMode) {
      appendFileSync(join(root, 'conf', 'server.conf'), 'dev.mode.enabled=true\n');
    }
    const logFile = join(this.folder, 'log');
    const jar = await resolveJar({ log: () => {} });
    this.#child = launch({ java: findJava()!, jar, root, logFile, heapMb: 256 });
    await untilReady(this.#child, this.target, logFile);
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    const child = this.#child!;
    const ended = new Promise((done) => child.once('exit', done));
    child.kill('SIGKILL');
    await ended;
  }

  async remove(): Promise<void> {
    if (this.#child) await stopChild(this.#child);
    rmSync(this.folder, { recursive: true, force: true });
  }

  sql(statement: string): Promise<unknown[][]> {
    return sql(this.target, statement);
  }

  get pid(): number {
    return this.#child!.pid!;
  }

  /** What tells the product to use it. */
  get env(): NodeJS.ProcessEnv {
    return {
      PERFORMANCE_QUESTDB_URL: this.target.url,
      PERFORMANCE_QUESTDB_PG_URL: `postgresql://${READER.user}:${READER.password}@127.0.0.1:${this.#ports.pg}/qdb`,
      PERFORMANCE_QUESTDB_USER: WRITER.user,
      PERFORMANCE_QUESTDB_PASSWORD: WRITER.password,
    };
  }

  get readTarget() {
    return { host: '127.0.0.1', port: this.#ports.pg, database: 'qdb', ...READER };
  }

  get target() {
    const authorization = basicAuthorization(WRITER.user, WRITER.password);
    return { url: `http://127.0.0.1:${this.#ports.http}`, authorization };
  }
}
