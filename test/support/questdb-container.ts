import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { findFreePort } from '../../demo/server-process.ts';
import { formatBasicAuthorization } from '../../src/core/config/questdb-targets.ts';
import { stopProcess } from '../../src/storage/questdb/launch-questdb.ts';
import { findJava, resolveJar } from '../../src/storage/questdb/questdb-jar.mjs';
import { execSql } from './exec-sql.ts';
import { waitFor } from './wait-for.ts';

/** Runs QuestDB with the environment of a container, but without the container, and on free loopback ports. */
export class QuestdbContainer {
  ports = { http: 0, pg: 0, min: 0 };
  readonly #root: string;
  #child: ChildProcess | undefined;

  /** @param folder parent of the folder with the data */
  constructor(folder: string) {
    this.#root = join(folder, 'questdb');
  }

  /** Chooses the ports. Until then, no address is known. */
  async reservePorts(): Promise<void> {
    this.ports = {
      http: await findFreePort(),
      pg: await findFreePort(),
      min: await findFreePort(),
    };
  }

  /**
   * Starts QuestDB. Doesn't wait until it is healthy.
   *
   * @param env environment of the container, with paths of this machine
   */
  async start(env: NodeJS.ProcessEnv): Promise<void> {
    const loopback = {
      QDB_HTTP_BIND_TO: `127.0.0.1:${this.ports.http}`,
      QDB_PG_NET_BIND_TO: `127.0.0.1:${this.ports.pg}`,
      QDB_HTTP_MIN_NET_BIND_TO: `127.0.0.1:${this.ports.min}`,
    };
    mkdirSync(this.#root, { recursive: true });
    const jar = await resolveJar({ log: () => {} });
    const main = [
      '-Xmx256m',
      '-p',
      jar,
      '-m',
      'io.questdb/io.questdb.ServerMain',
      '-d',
      this.#root,
    ];
    this.#child = spawn(findJava()!.command, main, {
      env: { PATH: process.env.PATH, ...env, ...loopback },
      stdio: 'ignore',
    });
  }

  /** Waits until the health check on the port for monitoring succeeds. */
  async waitUntilHealthy(path = '/status'): Promise<void> {
    const url = `http://127.0.0.1:${this.ports.min}${path}`;
    await waitFor(async () => (await fetch(url)).ok);
  }

  get url(): string {
    return `http://127.0.0.1:${this.ports.http}`;
  }

  /** The addresses in a container, and their replacements outside of it. */
  get addresses(): Record<string, string> {
    return {
      'questdb:9000': `127.0.0.1:${this.ports.http}`,
      'questdb:8812': `127.0.0.1:${this.ports.pg}`,
    };
  }

  /** Runs a statement as the user `perfscope`. */
  sql(statement: string, password: string): Promise<unknown[][]> {
    const authorization = formatBasicAuthorization('perfscope', password);
    return execSql({ url: this.url, authorization }, statement);
  }

  async stop(): Promise<void> {
    if (this.#child) await stopProcess(this.#child);
  }
}
