import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import pg from 'pg';
import {
  findExecutable,
  findFreePort,
  findPostgresFolders,
  ServerProcess,
} from './server-process.ts';

const READY_TIMEOUT_MS = 30_000;

/** Runs a temporary PostgreSQL server with pg_stat_statements. */
export class PostgresServer {
  readonly #program = new ServerProcess('postgres', 'postgres');
  #port = 0;

  /** Starts the server. After `kill`, it uses the same port and data. */
  async start(): Promise<void> {
    const program = this.#program;
    const bin = (name: string) => findExecutable(name, findPostgresFolders()) ?? name;
    const data = `${program.folder}/data`;
    if (this.#port === 0) {
      this.#port = await findFreePort();
      program.run(bin('initdb'), ['-D', data, '-U', 'demo', '-A', 'trust', '--no-sync']);
    }
    const settings = {
      listen_addresses: '127.0.0.1',
      port: this.#port,
      unix_socket_directories: '',
      fsync: 'off',
      shared_preload_libraries: 'pg_stat_statements',
      'pg_stat_statements.track': 'all',
    };
    const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    program.start(bin('postgres'), ['-D', data, ...flags]);
    await waitUntilReady(program, async () => {
      const client = new pg.Client(this.url);
      // A server that is still starting also closes the connection.
      client.on('error', () => {});
      await client.connect();
      await client.end();
    });
  }

  get url(): string {
    return `postgresql://demo@127.0.0.1:${this.#port}/postgres`;
  }

  kill(): Promise<void> {
    return this.#program.kill('SIGQUIT');
  }

  /** Stops the server with SIGINT, PostgreSQL's fast shutdown, and deletes its data. */
  remove(): Promise<void> {
    return this.#program.remove('SIGINT');
  }
}

/** Runs a temporary Redis server without persistence. */
export class RedisServer {
  readonly #program = new ServerProcess('redis');
  #port = 0;

  /** Starts the server. After `kill`, it uses the same port. */
  async start(): Promise<void> {
    if (this.#port === 0) this.#port = await findFreePort();
    const settings = ['--bind', '127.0.0.1', '--port', String(this.#port)];
    const inMemory = ['--save', '', '--appendonly', 'no', '--maxmemory-policy', 'noeviction'];
    this.#program.start('redis-server', [...settings, ...inMemory]);
    await waitUntilReady(this.#program, async () => {
      const client = new Redis(this.url, { lazyConnect: true, retryStrategy: null });
      client.on('error', () => {});
      try {
        await client.connect();
        await client.ping();
      } finally {
        client.disconnect();
      }
    });
  }

  get url(): string {
    return `redis://127.0.0.1:${this.#port}`;
  }

  kill(): Promise<void> {
    return this.#program.kill('SIGKILL');
  }

  remove(): Promise<void> {
    return this.#program.remove();
  }
}

async function waitUntilReady(program: ServerProcess, probe: () => Promise<void>): Promise<void> {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  for (;;) {
    try {
      await probe();
      return;
    } catch (error) {
      const { exitOutput } = program;
      if (exitOutput !== undefined) throw new Error(exitOutput, { cause: error });
      if (Date.now() > deadline) throw error;
      await delay(50);
    }
  }
}
