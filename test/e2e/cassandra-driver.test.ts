import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CassandraServer } from '../support/cassandra-server.ts';
import { testCombinations } from '../support/library-combinations.ts';
import { countCommands } from '../support/library-program.ts';
import { listEvidence } from '../support/measured-program.ts';
import { runExample } from '../support/run-example.ts';

const cassandra = new CassandraServer();
beforeAll(() => cassandra.start());
afterAll(() => cassandra.remove());

describe.each(['databases-1', 'databases-2'])('cassandra-driver of %s', (folder) => {
  testCombinations(
    () => ({
      program: 'cassandra.cjs',
      library: 'cassandra-driver',
      folder,
      env: { CASSANDRA_HOST: cassandra.host },
    }),
    (run) => {
      // Version 4.6 prints a warning.
      expect(run.stderr.replace(/^.*DeprecationWarning.*\n.*\n/, '')).toBe('');
      const { keyspace } = run.result as { keyspace: string };
      const createKeyspace = `CREATE KEYSPACE ${keyspace} WITH replication = ?`;
      const insert = 'INSERT INTO hotels(id, city) VALUES (…)';
      expect(countCommands(run.rows, 'cassandra')).toEqual({
        [createKeyspace]: 1,
        'CREATE TABLE hotels(id int PRIMARY KEY, city text, tags map < text, int >)': 1,
        [insert]: 3,
        'INSERT INTO hotels(id, city, tags) VALUES (…)': 1,
        BATCH: 1,
        'SELECT * FROM hotels': 1,
        'SELECT city FROM hotels WHERE id = ?': 1,
        'SELECT id FROM hotels': 3,
        'SELECT id, city FROM hotels': 2,
        'SELECT secret FROM missing INVALID': 1,
        'SELEC ? SYNTAX_ERROR': 1,
        [`${insert} TypeError`]: 1,
        'BATCH INVALID': 1,
        [`${createKeyspace} ALREADY_EXISTS`]: 1,
        'CONNECT ECONNREFUSED': 1,
        'SELECT ? ECONNREFUSED': 1,
        [`DROP KEYSPACE ${keyspace}`]: 1,
      });
      expect(listEvidence(run.rows)).toEqual([
        ['db.client.response.returned_rows', 'SELECT * FROM hotels', 124],
        ['db.client.response.returned_rows', 'SELECT id, city FROM hotels', 100],
      ]);
      const connects = run.rows.filter(
        ({ table, columns }) => table === 'error_logs' && columns.endpoint === 'CONNECT',
      );
      expect(connects.map(({ columns }) => [columns.error_type, columns.context])).toEqual([
        ['ECONNREFUSED', '{"server":"127.0.0.1:1"}'],
      ]);
    },
    // Version 4.6 uses functions that newer versions of Node.js don't have.
    { isSupported: ([node]) => folder === 'databases-2' || node === 22 },
  );
});

it.concurrent('measures examples/databases with Cassandra', async () => {
  const { lines, rows } = await runExample('databases', 'cassandra', {
    CASSANDRA_HOST: cassandra.host,
  });
  expect(lines).toEqual(['room 7: 120', 'failed: table bookings does not exist']);
  expect(countCommands(rows, 'cassandra')).toEqual({
    'CREATE KEYSPACE IF NOT EXISTS example WITH replication = ?': 1,
    'CREATE TABLE IF NOT EXISTS example.rooms(id int PRIMARY KEY, price int)': 1,
    'INSERT INTO example.rooms(id, price) VALUES (…)': 3,
    'SELECT price FROM example.rooms WHERE id = ?': 1,
    'SELECT id FROM example.bookings INVALID': 1,
    'DROP KEYSPACE example': 1,
  });
});
