import { createConnection } from 'mysql2/promise';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PostgresServer } from '../../../../demo/database-servers.ts';
import { explainStatement } from '../../../../src/server/suggestions/explain/explain-suggestion.ts';
import { MariadbServer } from '../../../support/mariadb-server.ts';

const postgres = new PostgresServer();
const mariadb = new MariadbServer();
const now = () => 7;

beforeAll(async () => {
  await Promise.all([postgres.start(), mariadb.start()]);
  await sql(`CREATE TABLE bookings (id int PRIMARY KEY, property text, arrival date, guest text)`);
  await sql(
    `INSERT INTO bookings SELECT i, 'p' || i % 500, date '2026-01-01' + i % 900, 'Alice' FROM generate_series(1, 40000) i`,
  );
  await sql('CREATE TABLE rooms (id int PRIMARY KEY, name text)');
  await sql("INSERT INTO rooms SELECT i, 'r' FROM generate_series(1, 20) i");
  await sql(
    'CREATE FUNCTION forbidden() RETURNS int AS $$ BEGIN DELETE FROM rooms; RETURN 1; END $$ LANGUAGE plpgsql',
  );
  await sql('ANALYZE');
  const connection = await createConnection({ uri: mariadb.url, multipleStatements: true });
  await connection.query(
    'CREATE TABLE bookings (id int PRIMARY KEY, paid_at datetime, created datetime, note varchar(200))',
  );
  await connection.query(
    `INSERT INTO bookings SELECT seq, NULL, now(), 'secret' FROM seq_1_to_40000; ANALYZE TABLE bookings`,
  );
  await connection.end();
});
afterAll(() => Promise.all([postgres.remove(), mariadb.remove()]));

async function sql(statement: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client(postgres.url);
  await client.connect();
  try {
    return (await client.query(statement)).rows as Record<string, unknown>[];
  } finally {
    await client.end();
  }
}

const settings = (url: string, name: 'POSTGRES' | 'MYSQL' = 'POSTGRES') => ({
  PERFORMANCE_EXPLAIN_POSTGRES_URL: name === 'POSTGRES' ? url : undefined,
  PERFORMANCE_EXPLAIN_MYSQL_URL: name === 'MYSQL' ? url : undefined,
});
const explain = (statement: string, url = postgres.url) =>
  explainStatement(statement, settings(url), undefined, now);

describe('PostgreSQL', () => {
  it.each([
    [
      'SELECT * FROM bookings WHERE property = ? AND arrival >= ?',
      'CREATE INDEX CONCURRENTLY ON bookings (property, arrival)',
    ],
    [
      'SELECT id FROM bookings WHERE property IN (…) ORDER BY arrival LIMIT ?',
      'CREATE INDEX CONCURRENTLY ON bookings (property, arrival)',
    ],
    [
      'SELECT count(*) FROM bookings WHERE arrival > now() - INTERVAL ?',
      'CREATE INDEX CONCURRENTLY ON bookings (arrival)',
    ],
    [
      'SELECT id FROM bookings WHERE lower(guest) = ?',
      'CREATE INDEX CONCURRENTLY ON bookings ((lower(guest)))',
    ],
    ['SELECT guest FROM bookings WHERE id = ?', undefined],
    ['SELECT name FROM rooms WHERE name = ?', undefined],
  ])('explains %s', async (statement, index) => {
    const { result, reason } = await explain(statement);
    expect(reason).toBeUndefined();
    expect(result).toMatchObject({ database: 'postgresql', index, atMs: 7 });
    expect(result?.cost).toBeGreaterThan(0);
    expect(result?.plan.length).toBeGreaterThan(0);
    expect(JSON.stringify(result)).not.toMatch(/Alice|\$\d/);
  });

  it('does not execute the statement, and closes the connection', async () => {
    const { result } = await explain('SELECT forbidden() FROM bookings');
    expect(result?.plan[0]).toContain('Seq Scan on bookings');
    expect(await sql('SELECT count(*)::int AS count FROM rooms')).toEqual([{ count: 20 }]);
    const open = await sql(
      "SELECT count(*)::int AS count FROM pg_stat_activity WHERE application_name = 'perfscope explain'",
    );
    expect(open).toEqual([{ count: 0 }]);
  });

  it('does not wait for locks', async () => {
    const locker = new pg.Client(postgres.url);
    await locker.connect();
    await locker.query('BEGIN; LOCK TABLE rooms IN ACCESS EXCLUSIVE MODE');
    try {
      await expect(explain('SELECT name FROM rooms WHERE name = ?')).rejects.toThrow(
        'lock timeout',
      );
    } finally {
      await locker.end();
    }
  });

  it('reports errors of the database and of the connection without credentials', async () => {
    await expect(explain('SELECT missing FROM bookings WHERE id = ?')).rejects.toThrow(
      'column "missing" does not exist',
    );
    const url = 'postgresql://reader:secret-word@127.0.0.1:1/shop';
    const error = await explain('SELECT 1 FROM bookings', url).catch(String);
    expect(error).toContain('PostgreSQL did not explain the statement');
    expect(error).not.toMatch(/secret-word|reader/);
    await expect(explain('DELETE FROM bookings')).resolves.toMatchObject({
      reason: 'only SELECT statements are explained',
    });
  });
});

describe('MariaDB', () => {
  const explainMysql = (statement: string) =>
    explainStatement(statement, settings(mariadb.url, 'MYSQL'), undefined, now);

  it('explains a statement without parameters', async () => {
    const { result } = await explainMysql('SELECT id FROM bookings WHERE paid_at IS NULL');
    expect(result).toMatchObject({
      ...{ database: 'mysql', index: 'CREATE INDEX bookings_paid_at ON bookings (paid_at)' },
      summary: expect.stringContaining('An index on (paid_at) can help.') as string,
    });
    expect(result?.version).toMatch(/MariaDB/);
    expect(JSON.stringify(result)).not.toContain('secret');
  });

  it('rejects statements with parameters', async () => {
    expect(await explainMysql('SELECT id FROM bookings WHERE note = ?')).toEqual({
      reason: 'MySQL explains only statements without parameters, and values are not stored',
    });
  });

  it('reports a missing URL, and errors of the database', async () => {
    const unset = explainStatement('SELECT `id` FROM `bookings`', settings(''), undefined, now);
    await expect(unset).rejects.toThrow('Set PERFORMANCE_EXPLAIN_MYSQL_URL');
    await expect(explainMysql('SELECT id FROM missing')).rejects.toThrow("missing' doesn't exist");
    const url = mariadb.url.replace('demo@', 'nobody:secret-word@');
    const denied = explainStatement(
      'SELECT id FROM bookings',
      settings(url, 'MYSQL'),
      undefined,
      now,
    );
    await expect(denied).rejects.toThrow('it rejected the user or the password');
  });
});
