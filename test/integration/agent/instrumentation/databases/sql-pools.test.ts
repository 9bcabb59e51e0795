import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import type { Attributes, BatchObservableCallback, Meter } from '@opentelemetry/api';
import pg from 'pg';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { PostgresServer } from '../../../../../demo/database-servers.ts';
import { createJobRun } from '../../../../../src/agent/instrumentation/context/caller.ts';
import { runJob } from '../../../../../src/agent/instrumentation/context/tenant-context.ts';
import { MYSQL2 } from '../../../../../src/agent/instrumentation/databases/mysql2/mysql2.ts';
import { POSTGRES_JS } from '../../../../../src/agent/instrumentation/databases/postgres/postgres-js.ts';
import { HistogramRegistry } from '../../../../../src/agent/instrumentation/histograms/histogram-registry.ts';
import type { Library } from '../../../../../src/agent/instrumentation/loading/library.ts';
import { HELD_CONNECTION_MS } from '../../../../../src/core/suggestion-metrics.ts';
import { createTestContext } from '../../../../support/instrumentation-context.ts';
import { MariadbServer } from '../../../../support/mariadb-server.ts';
import { PatchedPostgres } from '../../../../support/patched-postgres.ts';
import { waitFor } from '../../../../support/wait-for.ts';

const mariadb = new MariadbServer();
const postgres = new PostgresServer();
beforeAll(() => Promise.all([mariadb.start(), postgres.start()]));
afterAll(() => Promise.all([mariadb.remove(), postgres.remove()]));

/** A meter whose gauges can be read. */
class ReadableMeter {
  #observe: BatchObservableCallback = () => {};
  readonly createObservableGauge = (name: string) => name;
  readonly addBatchObservableCallback = (observe: BatchObservableCallback) => {
    this.#observe = observe;
  };

  /** Returns the values by pool, metric, and state. */
  async read(): Promise<Record<string, number>> {
    const values: Record<string, number> = {};
    const observe = (metric: unknown, value: number, attributes: Attributes = {}) => {
      const { 'db.client.connection.state': state, 'perfscope.caller': caller } = attributes;
      const name = String(metric).replace(/^.*connection\./, '');
      values[
        `${attributes['db.client.connection.pool.name']} ${name} ${state ?? caller ?? ''}`.trim()
      ] = value;
    };
    await this.#observe({ observe } as never);
    return values;
  }
}

/** Reads the pools as if more than a minute had passed. */
async function readLater(meter: ReadableMeter): Promise<Record<string, number>> {
  const laterMs = performance.now() + HELD_CONNECTION_MS + 1;
  const clock = vi.spyOn(performance, 'now').mockReturnValue(laterMs);
  try {
    return await meter.read();
  } finally {
    clock.mockRestore();
  }
}

/** Loads a library whose files are patched in this process, as the agent does. */
function loadPatched(
  library: Library,
  folder: string,
  meter: ReadableMeter,
  histograms?: HistogramRegistry,
): unknown {
  const require = createRequire(resolve('test/libraries', folder, 'test.cjs'));
  const { patches = {} } = library.instrument!(
    createTestContext({ meter: meter as unknown as Meter, ...(histograms && { histograms }) }),
  );
  const main = require.resolve(library.name);
  const root = main.slice(0, main.lastIndexOf(library.name) + library.name.length);
  for (const [path, patch] of Object.entries(patches)) {
    const file = `${root}/${path}`;
    const replaced = patch(require(file), { version: library.versions.from, path, folder: root });
    if (replaced !== undefined) require.cache[file]!.exports = replaced;
  }
  return require(library.name);
}

const createCounts = (pool: string, used: number, idle: number, waiting: number) => ({
  [`${pool} count used`]: used,
  [`${pool} count idle`]: idle,
  [`${pool} max`]: 1,
  [`${pool} pending_requests`]: waiting,
});

interface MysqlConnection {
  release(): void;
  destroy(): void;
}

interface MysqlPool {
  getConnection(done: (error: unknown, connection: MysqlConnection) => void): void;
  end(done: () => void): void;
}

it('reports the connections and the waiting callers of a pool of mysql2', async () => {
  const meter = new ReadableMeter();
  const histograms = new HistogramRegistry(() => {});
  const mysql2 = loadPatched(MYSQL2, 'mysql2-3', meter, histograms) as {
    createPool: (options: object) => MysqlPool;
  };
  const pool = mysql2.createPool({ uri: mariadb.url, connectionLimit: 1 });
  const name = `${new URL(mariadb.url).host}/demo`;
  const connect = () =>
    new Promise<MysqlConnection>((done) => pool.getConnection((_, connection) => done(connection)));
  const first = await connect();
  const waiting = [connect(), connect()];
  expect(await meter.read()).toEqual(createCounts(name, 1, 0, 2));
  expect(await readLater(meter)).toEqual({ ...createCounts(name, 1, 0, 2), [`${name} held`]: 1 });
  first.release();
  for (const connection of waiting) (await connection).release();
  expect(await readLater(meter)).toEqual(createCounts(name, 0, 1, 0));
  // The pool opens another connection for the caller that waits for a closed one, and the caller waits once.
  const closed = await connect();
  const next = connect();
  closed.destroy();
  (await next).release();
  const [waits] = histograms
    .collectDelta(Date.now())
    .flatMap(({ metrics }) => metrics)
    .filter(({ descriptor }) => descriptor.name === 'db.client.connection.wait_time');
  expect(waits?.dataPoints.map(({ value }) => (value as { count: number }).count)).toEqual([5]);
  await new Promise<void>((done) => pool.end(done));
  expect(await meter.read()).toEqual({});
});

it('reports the connections that a job took from a pool of pg and did not return', async () => {
  const meter = new ReadableMeter();
  new PatchedPostgres(meter as unknown as Meter).patch(['lib/client.js']);
  const pool = new pg.Pool({ connectionString: postgres.url, max: 3 });
  // The server can stop before the connections are closed.
  pool.on('connect', (client) => client.on('error', () => {}));
  const name = `${new URL(postgres.url).host}/postgres`;
  const take = (job: string) =>
    runJob(createJobRun('reports', job, undefined), () => pool.connect());
  const clients = [await take('daily'), await take('monthly'), await take('monthly')];
  expect(await meter.read()).not.toHaveProperty([`${name} held reports:monthly`]);
  expect(await readLater(meter)).toHaveProperty([`${name} held reports:monthly`], 3);
  clients[1]!.release();
  clients[2]!.release();
  // These two are idle or used only now.
  await pool.query('SELECT 1');
  expect(await readLater(meter)).toHaveProperty([`${name} held reports:daily`], 1);
  clients[0]!.release();
  expect(Object.keys(await readLater(meter)).filter((key) => key.includes('held'))).toEqual([]);
  await pool.end();
});

type Query = (strings: TemplateStringsArray) => Promise<unknown> & { execute(): Promise<unknown> };

type Sql = Query & {
  reserve(): Promise<Query & { release(): void }>;
  end(): Promise<void>;
};

it('reports the connections and the waiting queries of a pool of postgres.js', async () => {
  const meter = new ReadableMeter();
  const createSql = loadPatched(POSTGRES_JS, 'postgres-3', meter) as (
    url: string,
    options: object,
  ) => Sql;
  const sql = createSql(postgres.url, { max: 1, fetch_types: false });
  const name = `${new URL(postgres.url).host}/postgres`;
  await sql`SELECT 1`;
  await waitFor(async () => (await meter.read())[`${name} count idle`] === 1);
  expect(await meter.read()).toEqual(createCounts(name, 0, 1, 0));
  const reserved = await sql.reserve();
  await reserved`SELECT 'reserved'`;
  const waiting = [sql`SELECT 2`.execute(), sql`SELECT 3`.execute()];
  expect(await meter.read()).toEqual(createCounts(name, 1, 0, 2));
  expect(await readLater(meter)).toEqual({ ...createCounts(name, 1, 0, 2), [`${name} held`]: 1 });
  reserved.release();
  await Promise.all(waiting);
  await waitFor(async () => (await meter.read())[`${name} count idle`] === 1);
  expect(await readLater(meter)).toEqual(createCounts(name, 0, 1, 0));
  await sql.end();
});
