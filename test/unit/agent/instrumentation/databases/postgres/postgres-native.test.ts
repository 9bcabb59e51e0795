import { EventEmitter } from 'node:events';
import Module, { createRequire } from 'node:module';
import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { PatchedPostgres } from '../../../../../support/patched-postgres.ts';

type Answer = [error: Error | null, rows?: unknown, results?: unknown];

/** Replaces `pg-native`, which needs a compiler. `pg.native` itself is real. */
class FakePgNative extends EventEmitter {
  static connectError: Error | null = null;
  static answer: Answer = [null, [], { command: 'SELECT' }];
  static sqlState: string | undefined;
  readonly pq = { resultErrorFields: () => ({ sqlState: FakePgNative.sqlState }) };

  connect(_settings: string, done: (error: Error | null) => void): void {
    setImmediate(done, FakePgNative.connectError);
  }

  query(...args: unknown[]): void {
    const done = args.at(-1) as (...answer: Answer) => void;
    setImmediate(() => done(...FakePgNative.answer));
  }

  prepare(_name: string, _text: string, _count: number, done: () => void): void {
    setImmediate(done);
  }

  execute(...args: unknown[]): void {
    this.query(...args);
  }

  pipeline(
    queries: readonly unknown[],
    done: (error: Error | null, results: { err: Error | null; result: unknown }[]) => void,
  ): void {
    const [err, , result] = FakePgNative.answer;
    setImmediate(
      done,
      null,
      queries.map(() => ({ err, result })),
    );
  }

  end(done?: () => void): void {
    if (done) setImmediate(done);
  }
}

const loader = Module as unknown as { _load: (request: string, ...rest: unknown[]) => unknown };
const load = loader._load;
const patched = new PatchedPostgres();
let Client: typeof pg.Client;

beforeAll(() => {
  loader._load = function (request, ...rest) {
    return request === 'pg-native' ? FakePgNative : load.call(this, request, ...rest);
  };
  patched.patch(['lib/native/client.js', 'lib/native/query.js']);
  Client = createRequire(import.meta.url)('pg/lib/native/client.js') as typeof pg.Client;
});
afterAll(() => {
  loader._load = load;
});
beforeEach(() => {
  FakePgNative.answer = [null, [], { command: 'SELECT' }];
  FakePgNative.connectError = null;
  FakePgNative.sqlState = undefined;
  patched.failures.length = 0;
});

async function connect(config: object = {}): Promise<pg.Client> {
  const client = new Client({ host: '127.0.0.1', ...config });
  client.on('error', () => {});
  await client.connect();
  return client;
}

it.each([false, true])('records each kind of query once, with pipeline %s', async (pipeline) => {
  const client = await connect({ pipeline });
  await client.query('SELECT 1');
  await client.query('SELECT $1::int', [1]);
  await client.query({ name: 'named', text: 'SELECT a FROM t' });
  await client.query({ name: 'named' } as pg.QueryConfig);
  await new Promise((done) => client.query('SELECT 2', done));
  expect(patched.readStatements()).toEqual([
    ['SELECT ?', undefined, 2],
    ['SELECT ?::int', undefined, 1],
    ['SELECT a FROM t', undefined, 2],
  ]);
  await client.end();
});

it('records a failed query with its SQLSTATE, and passes the error on', async () => {
  const client = await connect();
  FakePgNative.answer = [new Error('division by zero')];
  FakePgNative.sqlState = '22012';
  await expect(client.query('SELECT 1 / 0')).rejects.toThrow('division by zero');
  const error = await new Promise((done) => client.query('SELECT 1 / 0', done));
  expect(error).toMatchObject({ code: '22012' });
  await expect(client.query('SELECT 1; SELECT 1 / 0')).rejects.toThrow('division by zero');
  expect(patched.readStatements()).toEqual([
    ['SELECT ? / ?', '22012', 2],
    ['SELECT ?; SELECT ? / ?', '22012', 1],
  ]);
});

it('records each statement of a text with several statements', async () => {
  const client = await connect();
  FakePgNative.answer = [null, [[], []], [{ command: 'BEGIN' }, { command: 'SELECT' }]];
  await client.query('BEGIN; SELECT 1');
  expect(patched.readStatements()).toEqual([
    ['BEGIN', undefined, 1],
    ['SELECT ?', undefined, 1],
  ]);
});

it.each([
  ['connection to server at "127.0.0.1", port 1 failed: Connection refused', 'ECONNREFUSED'],
  ['could not translate host name "db" to address: Name or service not known', 'ENOTFOUND'],
  ['FATAL:  password authentication failed for user "eve"', '28P01'],
  ['FATAL:  database "hotel" does not exist', '3D000'],
  ['server does not support SSL, but SSL was required', 'Error'],
  ['timeout expired', 'timeout'],
])('records the failed connection %j', async (message, errorType) => {
  FakePgNative.connectError = new Error(message);
  await expect(connect()).rejects.toThrow(message);
  expect(patched.readStatements()).toEqual([['CONNECT', errorType, 1]]);
  expect(patched.failures).toHaveLength(1);
});

it('does not change emitters of other classes', () => {
  expect(Object.hasOwn(EventEmitter.prototype, 'emit')).toBe(true);
  expect(EventEmitter.prototype.emit).toBe(new FakePgNative().emit);
});
