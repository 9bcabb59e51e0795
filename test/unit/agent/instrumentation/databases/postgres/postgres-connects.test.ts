import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { toConnectOccurrence } from '../../../../../../src/agent/error-tracking/to-error-occurrence.ts';
import { FakePostgres } from '../../../../../support/fake-postgres.ts';
import { PatchedPostgres } from '../../../../../support/patched-postgres.ts';
import { waitFor } from '../../../../../support/wait-for.ts';

const patched = new PatchedPostgres();
const server = new FakePostgres();
/** A reserved port. Another test could open a free port at any time. */
const closedPort = 1;

beforeAll(async () => {
  patched.patch(['lib/client.js']);
  await server.start();
});
afterAll(() => server.stop());
beforeEach(() => {
  server.answer = 'ready';
  patched.failures.length = 0;
  patched.readStatements();
});

const login = { host: '127.0.0.1', user: 'eve', password: 's3cret', database: 'hotel' };
const connect = (style: string, config: pg.ClientConfig) => {
  const client = new pg.Client({ ...login, port: server.port, ...config });
  client.on('error', () => {});
  if (style === 'a promise') return client.connect().catch((error: unknown) => error);
  return new Promise((done) => client.connect(done));
};

describe.each(['a promise', 'a callback'])('a failed connection with %s', (style) => {
  it.each<[string, () => pg.ClientConfig, string]>([
    ['a closed port', () => ({ port: closedPort }), 'ECONNREFUSED'],
    ['an unknown host', () => ({ host: 'no such host' }), 'ENOTFOUND'],
    ['a wrong password', () => answerWith('wrong password'), '28P01'],
    ['a server without TLS', () => ({ ...answerWith('no TLS'), ssl: true }), 'Error'],
    ['a closed connection', () => answerWith('close'), 'Error'],
    ['a timeout', () => ({ ...answerWith('silent'), connectionTimeoutMillis: 1 }), 'timeout'],
  ])('is recorded once, for %s', async (_title, configure, errorType) => {
    const error = await connect(style, configure());
    expect(error).toBeInstanceOf(Error);
    expect(patched.readStatements()).toEqual([['CONNECT', errorType, 1]]);
    expect(patched.failures).toMatchObject([{ errorType, error }]);
    expect(patched.failures[0]?.server).toMatch(/^[\w. ]+:\d+\/hotel$/);
  });

  it('is not recorded if the client is reused, or the attempt succeeds', async () => {
    const client = new pg.Client({ ...login, port: server.port });
    await client.connect();
    const again = style === 'a promise' ? client.connect() : callConnect(client);
    await expect(again).rejects.toThrow('already been connected');
    expect(patched.readStatements()).toEqual([]);
    await closeClient(client);
  });
});

function answerWith(answer: FakePostgres['answer']): object {
  server.answer = answer;
  return {};
}

function callConnect(client: pg.Client): Promise<void> {
  return new Promise((done, fail) =>
    client.connect((error: Error | null) => (error ? fail(error) : done())),
  );
}

async function closeClient(client: pg.Client): Promise<void> {
  client.on('error', () => {});
  const ended = new Promise<void>((done) => client.once('end', done));
  server.disconnect();
  await ended;
}

describe('a pool', () => {
  it('records a caller that gets no connection in time, and how long the others waited', async () => {
    const connectionString = `postgresql://eve:s3cret@127.0.0.1:${server.port}/hotel?application_name=a`;
    const pool = new pg.Pool({ connectionString, max: 1 });
    pool.on('error', () => {});
    const client = await pool.connect();
    pool.options.connectionTimeoutMillis = 1;
    await expect(pool.connect()).rejects.toThrow('timeout exceeded');
    await expect(pool.query('SELECT 1')).rejects.toThrow('timeout exceeded');
    await new Promise<void>((done) => pool.connect(() => done()));
    const series = patched.readSeries('db.client.connection.wait_time');
    const name = `127.0.0.1:${server.port}/hotel`;
    expect(series).toEqual([[{ 'db.client.connection.pool.name': name }, 1]]);
    expect(patched.failures.map(({ errorType }) => errorType)).toEqual(Array(3).fill('timeout'));
    client.release();
    await Promise.all([pool.end(), server.disconnect()]);
  });

  it('records a failed connection of the pool once', async () => {
    const pool = new pg.Pool({ ...login, port: closedPort });
    await expect(pool.query('SELECT 1')).rejects.toThrow('ECONNREFUSED');
    await expect(pool.connect()).rejects.toThrow('ECONNREFUSED');
    expect(patched.readStatements()).toEqual([['CONNECT', 'ECONNREFUSED', 2]]);
    await pool.end();
    await expect(pool.connect()).rejects.toThrow('after calling end');
    expect(patched.readStatements()).toEqual([]);
  });

  it('records a connection that takes too long as a timeout', async () => {
    server.answer = 'silent';
    const pool = new pg.Pool({ ...login, port: server.port, connectionTimeoutMillis: 1 });
    await expect(pool.query('SELECT 1')).rejects.toThrow('timeout');
    expect(patched.readStatements()).toEqual([['CONNECT', 'timeout', 1]]);
    await pool.end();
  });
});

it('counts a query once if the connection is lost, and the later queries of this client', async () => {
  const client = new pg.Client({ ...login, port: server.port });
  client.on('error', () => {});
  await client.connect();
  const lost = client.query('SELECT 1').catch((error: Error) => error.message);
  server.disconnect();
  expect(await lost).toMatch(/terminated|ECONNRESET/);
  await expect(client.query('SELECT 1')).rejects.toThrow('not queryable');
  await new Promise((done) => client.query('SELECT 2', done));
  const statements = patched.readStatements();
  expect(statements.map(([text, , count]) => [text, count])).toEqual([
    ['SELECT ?', 2],
    ['SELECT ?', 1],
  ]);
  expect(statements[0]?.[1]).toBe('08003');
});

it('reports a rejection that the application does not handle', async () => {
  const reasons: unknown[] = [];
  const listeners = process.listeners('unhandledRejection');
  process.removeAllListeners('unhandledRejection');
  process.on('unhandledRejection', (reason: Error) => reasons.push(reason.message));
  try {
    const config = { ...login, port: closedPort };
    void new pg.Client(config).connect();
    const pool = new pg.Pool(config);
    void pool.connect();
    void pool.query('SELECT 1');
    await waitFor(async () => reasons.length === 3);
    expect(reasons).toEqual(Array(3).fill(expect.stringContaining('ECONNREFUSED')));
  } finally {
    process.removeAllListeners('unhandledRejection');
    for (const listener of listeners) process.on('unhandledRejection', listener);
  }
});

it('stores the error of a failed connection with the server, but without a tenant', () => {
  const error = new AggregateError([], '');
  const server = '10.0.0.1:5432/hotel';
  expect(toConnectOccurrence({ errorType: 'ECONNREFUSED', error, server })).toEqual({
    kind: 'database',
    level: 'error',
    endpoint: 'CONNECT',
    error: {
      type: 'ECONNREFUSED',
      message: 'connection failed: ECONNREFUSED',
      stack: expect.any(String),
    },
    context: { server },
  });
});
