import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PostgresServer } from '../../../../../demo/database-servers.ts';
import { nodeBinary } from '../../../../../scripts/node-versions.mjs';
import { fingerprintSql } from '../../../../../src/core/sql/sql-fingerprint.ts';
import { MariadbServer } from '../../../../support/mariadb-server.ts';
import { countStatements, runMeasuredProgram } from '../../../../support/measured-program.ts';

const postgres = new PostgresServer();
const mariadb = new MariadbServer();
beforeAll(async () => {
  await Promise.all([postgres.start(), mariadb.start()]);
  await query(postgres.url, 'CREATE EXTENSION pg_stat_statements');
});
afterAll(() => Promise.all([postgres.remove(), mariadb.remove()]));

async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return (await client.query(text)).rows as Record<string, unknown>[];
  } finally {
    await client.end();
  }
}

const ORMS = ['knex', 'drizzle-orm', 'typeorm', 'sequelize', 'kysely', '@mikro-orm/core'] as const;
const NODE_VERSIONS = [22, 24, 26] as const;

it.concurrent.each(
  ORMS.flatMap((orm, i) =>
    ['mjs', 'cjs'].map((extension, j) => [orm, extension, NODE_VERSIONS[(i + j) % 3]!] as const),
  ),
)(
  'counts the statements of %s, .%s, as PostgreSQL does, on Node %s',
  async (orm, extension, major) => {
    const database = `${orm}-${extension}`;
    await query(postgres.url, `CREATE DATABASE "${database}"`);
    const url = new URL(`/${encodeURIComponent(database)}`, postgres.url).href;
    const { output, rows } = await runMeasuredProgram(
      `test/libraries/orms/statements.${extension}`,
      {
        node: nodeBinary(major),
        args: [orm, url],
      },
    );
    expect(output).toBe('done\n');
    const statements = await query(
      postgres.url,
      `SELECT query, calls::int FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
     WHERE d.datname = '${database}'`,
    );
    const expectedCounts = new Map<string, number>();
    for (const { query: text, calls } of statements) {
      // PostgreSQL replaces the values by parameters, and comments of libraries remain.
      const fingerprint = fingerprintSql(String(text).replaceAll(/\$\d+/g, '1'), 'postgresql').text;
      expectedCounts.set(fingerprint, (expectedCounts.get(fingerprint) ?? 0) + Number(calls));
    }
    const counts = countStatements(rows);
    const succeeded = counts.filter(([, error]) => error === '');
    expect(succeeded.map(([text, , count]) => [text, count])).toEqual([...expectedCounts].sort());
    expect(
      counts.filter(([, error]) => error !== '').map(([, error, count]) => [error, count]),
    ).toEqual([['42P01', 1]]);
    expect(JSON.stringify(rows)).not.toContain('hushed');
  },
);

/** Counters of the server, by the first word of the statements that they count. */
const COUNTERS: Record<string, string> = {
  SELECT: 'Com_select',
  INSERT: 'Com_insert',
  UPDATE: 'Com_update',
  CREATE: 'Com_create_table',
  BEGIN: 'Com_begin',
  START: 'Com_begin',
  COMMIT: 'Com_commit',
  PREPARE: 'Com_stmt_prepare',
};

it.each(ORMS.filter((orm) => orm !== '@mikro-orm/core'))(
  'counts the statements of %s, as MariaDB does',
  async (orm) => {
    const require = createRequire(resolve('test/libraries/orms/statements.cjs'));
    const { createConnection } = require('mysql2/promise') as {
      createConnection: (url: string) => Promise<MysqlConnection>;
    };
    const connection = await createConnection(mariadb.url);
    const readCounters = async () => {
      const [rows] = await connection.query("SHOW GLOBAL STATUS LIKE 'Com\\_%'");
      return new Map(rows.map((row) => [row.Variable_name, Number(row.Value)]));
    };
    await connection.query('DROP TABLE IF EXISTS halls');
    const before = await readCounters();
    const { output, rows } = await runMeasuredProgram('test/libraries/orms/statements.mjs', {
      args: [orm, mariadb.url],
    });
    const after = await readCounters();
    await connection.end();
    expect(output).toBe('done\n');
    const counts = new Map<string, number>();
    for (const [text, , count] of countStatements(rows)) {
      const counter = COUNTERS[/^\w+/.exec(text)?.[0].toUpperCase() ?? ''];
      if (counter) counts.set(counter, (counts.get(counter) ?? 0) + count);
    }
    expect(counts.get('Com_select')).toBeGreaterThanOrEqual(3);
    for (const [counter, count] of counts)
      expect([counter, count]).toEqual([
        counter,
        (after.get(counter) ?? 0) - (before.get(counter) ?? 0),
      ]);
    expect(JSON.stringify(rows)).not.toContain('hushed');
  },
);

interface MysqlConnection {
  query(text: string): Promise<[rows: { Variable_name: string; Value: string }[]]>;
  end(): Promise<void>;
}
