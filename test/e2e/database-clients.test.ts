import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildBetterSqlite3 } from '../../scripts/better-sqlite3.mjs';
import { ClickhouseServer } from '../support/clickhouse-server.ts';
import { isInCi, testCombinations } from '../support/library-combinations.ts';
import {
  countCommands,
  type LibraryProgramRun,
  runLibraryProgram,
  sumCommands,
} from '../support/library-program.ts';
import { listEvidence } from '../support/measured-program.ts';
import { MemcachedServer } from '../support/memcached-server.ts';
import { runExample } from '../support/run-example.ts';

const clickhouse = new ClickhouseServer();
const memcached = new MemcachedServer();
beforeAll(() => Promise.all([clickhouse.start(), memcached.start()]));
afterAll(() => Promise.all([clickhouse.remove(), memcached.remove()]));

const INSERT = 'INSERT INTO rooms(name, price) VALUES (…)';
const SLOW =
  'WITH RECURSIVE n(i) AS (SELECT ? UNION ALL SELECT i + ? FROM n WHERE i < ?) SELECT count(*) FROM n';
const SQLITE_STATEMENTS = {
  'CREATE TABLE rooms(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, price REAL)': 1,
  'CREATE INDEX rooms_price ON rooms(price)': 1,
  'CREATE TRIGGER t AFTER DELETE ON rooms BEGIN SELECT ?; SELECT ?; END': 1,
  [INSERT]: 5,
  'SELECT name FROM rooms WHERE id = ?': 2,
  'SELECT * FROM rooms WHERE price > ?': 1,
  'SELECT id FROM rooms ORDER BY id': 1,
  'SELECT id FROM rooms LIMIT ?': 1,
  [`${INSERT} SQLITE_CONSTRAINT_UNIQUE`]: 1,
  [`${INSERT} SQLITE_CONSTRAINT_NOTNULL`]: 1,
  'SELECT secret FROM missing SQLITE_ERROR': 1,
  'INSERT INTO rooms(name) VALUES (…) SQLITE_CONSTRAINT_UNIQUE': 1,
  'SELEC ? SQLITE_ERROR': 1,
  [SLOW]: 1,
};
/** Statements of transactions and pragmas. */
const TRANSACTIONS = {
  [INSERT]: 11,
  BEGIN: 2,
  'BEGIN IMMEDIATE': 1,
  COMMIT: 2,
  ROLLBACK: 1,
  'SAVEPOINT ?': 1,
  'RELEASE ?': 1,
  'PRAGMA user_version = ?': 1,
  'PRAGMA user_version': 1,
};

interface SqliteResult {
  readonly slowMs: number;
}

function expectSlowStatement({ rows, result }: LibraryProgramRun<SqliteResult>): void {
  const { durationMs = 0 } = sumCommands(rows, 'sqlite')[SLOW] ?? {};
  expect(durationMs).toBeGreaterThan(10);
  expect(durationMs).toBeLessThanOrEqual(result.slowMs);
}

describe.each(['databases-1', 'databases-2'])('better-sqlite3 of %s', (folder) => {
  const isOld = folder === 'databases-1';
  testCombinations(
    (node) => ({
      program: 'sqlite.cjs',
      library: 'better-sqlite3',
      folder,
      env: isOld ? { SQLITE_ADDON: buildBetterSqlite3(node) } : {},
    }),
    (run) => {
      expect(run.stderr).toBe('');
      expect(countCommands(run.rows, 'sqlite')).toEqual({ ...SQLITE_STATEMENTS, ...TRANSACTIONS });
      expectSlowStatement(run);
      expect(run.result).toMatchObject({
        errors: Array.from({ length: 5 }, () => 'SqliteError'),
        iterated: [1, 2, 3, 4, 5, 1],
      });
    },
    {
      // Version 11 doesn't compile on Node.js 26.
      isSupported: ([node]) => !isOld || node < 26,
      // To compile an addon takes 20 s.
      isInCi: (each) => (isOld ? each[0] === 22 && each[1] === 'CommonJS' : isInCi(each)),
    },
  );
});

describe('node:sqlite', () => {
  testCombinations(
    () => ({ program: 'sqlite.cjs', library: 'node:sqlite', folder: '.', env: {} }),
    (run, node) => {
      expect(run.stderr.replace(/\(node:\d+\) ExperimentalWarning: .*\n.*\n/, '')).toBe('');
      expect(countCommands(run.rows, 'sqlite')).toEqual({
        ...SQLITE_STATEMENTS,
        ...(node > 22 && { 'SELECT price FROM rooms WHERE id = ?': 3 }),
      });
      expectSlowStatement(run);
    },
  );
});

it('adds the time of a statement that blocks the event loop to the database time of its request', async () => {
  const { rows, result } = await runLibraryProgram<SqliteResult>({
    program: 'sqlite-requests.cjs',
    library: 'node:sqlite',
    folder: '.',
    node: 26,
    modules: 'CommonJS',
    env: {},
  });
  const requests = rows.filter(
    ({ table, columns }) =>
      table === 'performance_metrics' && columns.name === 'http.server.request.duration',
  );
  const sum = (name: string) =>
    requests.reduce((total, { columns }) => total + Number(columns[name] ?? 0), 0);
  expect(sum('count')).toBe(2);
  expect(sum('database_calls')).toBe(2);
  expect(result.slowMs).toBeGreaterThan(100);
  expect(sum('database_time')).toBeGreaterThan(result.slowMs * 0.8);
  expect(sum('event_loop_wait_time')).toBeLessThan(result.slowMs * 0.2);
});

describe('memcached', () => {
  testCombinations(
    () => ({
      program: 'memcached.cjs',
      library: 'memcached',
      folder: 'databases-2',
      env: { MEMCACHED_HOST: memcached.host },
    }),
    (run) => {
      expect(run.stderr).toBe('');
      expect(countCommands(run.rows, 'memcached')).toEqual({
        set: 2,
        get: 4,
        add: 2,
        incr: 1,
        decr: 1,
        gets: 1,
        cas: 1,
        delete: 2,
        touch: 1,
        version: 1,
        'incr CLIENT_ERROR': 1,
        'CONNECT ECONNREFUSED': 1,
        'get ECONNREFUSED': 1,
      });
      expect(JSON.stringify(run.rows)).not.toContain('secret');
    },
  );
});

describe.each([
  ['databases-1', 'host'],
  ['databases-2', 'url'],
])('@clickhouse/client of %s', (folder, option) => {
  testCombinations(
    () => ({
      program: 'clickhouse.cjs',
      library: '@clickhouse/client',
      folder,
      env: { CLICKHOUSE_URL: clickhouse.url, CLICKHOUSE_OPTION: option },
    }),
    (run) => {
      expect(run.stderr).toBe('');
      const { table, ping } = run.result as { table: string; ping: boolean };
      expect(ping).toBe(true);
      expect(countCommands(run.rows, 'clickhouse')).toEqual({
        PING: 1,
        [`CREATE TABLE ${table}(id UInt32, city String) ENGINE = Memory`]: 1,
        [`INSERT INTO ${table}`]: 1,
        [`SELECT city FROM ${table} WHERE id < ? AND city != ? ORDER BY city`]: 1,
        [`INSERT INTO ${table} FORMAT CSV`]: 1,
        'SELECT * FROM missing_table code_60': 1,
        'SELEC ? code_62': 1,
        'SELECT ? AS n ECONNREFUSED': 1,
        'PING ECONNREFUSED': 1,
        [`DROP TABLE ${table}`]: 1,
      });
      expectNoOutgoingCalls(run);
    },
  );
});

describe.concurrent('examples/databases', () => {
  it('measures better-sqlite3', async () => {
    const { lines, rows } = await runExample('databases', 'better-sqlite3', {});
    expect(lines).toEqual(['room 7: 120', 'room 8: 95', 'failed: SQLITE_CONSTRAINT_PRIMARYKEY']);
    const insert = 'INSERT INTO rooms(id, price) VALUES (…)';
    expect(countCommands(rows, 'sqlite')).toEqual({
      'CREATE TABLE rooms(id INTEGER PRIMARY KEY, price INTEGER)': 1,
      [insert]: 3,
      'SELECT id, price FROM rooms WHERE price < ?': 1,
      [`${insert} SQLITE_CONSTRAINT_PRIMARYKEY`]: 1,
    });
  });

  it('measures memcached', async () => {
    const { lines, rows } = await runExample('databases', 'memcached', {
      MEMCACHED_HOST: memcached.host,
    });
    const failed = 'failed: cannot increment or decrement non-numeric value';
    expect(lines).toEqual(['room 7: 120', 'room 8: 105', failed]);
    const commands = { set: 3, get: 1, incr: 1, 'incr CLIENT_ERROR': 1 };
    expect(countCommands(rows, 'memcached')).toEqual(commands);
  });

  it('measures ClickHouse', async () => {
    const { lines, rows } = await runExample('databases', 'clickhouse', {
      CLICKHOUSE_URL: clickhouse.url,
    });
    const failed = expect.stringMatching(/^failed: .*example_bookings doesn't exist/);
    expect(lines).toEqual(['room 7: 120', 'room 8: 95', failed]);
    expect(countCommands(rows, 'clickhouse')).toEqual({
      'CREATE TABLE IF NOT EXISTS example_rooms(id UInt32, price UInt32) ENGINE = Memory': 1,
      'INSERT INTO example_rooms': 1,
      'SELECT id, price FROM example_rooms WHERE price < ? ORDER BY id': 1,
      'SELECT id FROM example_bookings code_60': 1,
      'DROP TABLE example_rooms': 1,
    });
    expectNoOutgoingCalls({ rows });
  });
});

/** The requests of a client are database operations. */
function expectNoOutgoingCalls({ rows }: Pick<LibraryProgramRun<unknown>, 'rows'>): void {
  const names = rows.map(({ columns }) => columns.name);
  expect(names).not.toContain('http.client.request.duration');
  expect(listEvidence(rows)).toEqual([]);
}
