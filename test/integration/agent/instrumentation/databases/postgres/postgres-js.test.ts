import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PostgresServer } from '../../../../../../demo/database-servers.ts';
import { nodeBinary } from '../../../../../../scripts/node-versions.mjs';
import {
  REPEATED_EXECUTIONS_METRIC_NAME,
  RETURNED_ROWS_METRIC_NAME,
  TRANSACTION_STATEMENTS_METRIC_NAME,
} from '../../../../../../src/core/suggestion-metrics.ts';
import {
  countStatements,
  listEvidence,
  type MeasuredProgram,
  runMeasuredProgram,
  runPlainProgram,
  withoutFrames,
} from '../../../../../support/measured-program.ts';

const server = new PostgresServer();
beforeAll(() => server.start());
afterAll(() => server.remove());

/** Statements of `test/apps/postgres-js-statements.cjs`: text, error, and count. */
const STATEMENTS = [
  ['CONNECT', '28000', 1],
  ['CONNECT', '3D000', 1],
  ['CONNECT', 'ECONNREFUSED', 1],
  ['CONNECT', 'timeout', 1],
  ['COPY halls FROM STDIN', '', 1],
  ['COPY halls TO STDOUT', '', 1],
  ['CREATE TABLE halls(id int PRIMARY KEY, name text)', '', 1],
  ['DROP TABLE IF EXISTS halls', '', 1],
  ['INSERT INTO halls VALUES (…)', '', 3],
  ['INSERT INTO halls VALUES (…)', '23505', 1],
  ['INSERT INTO halls("id", "name") values (…)', '', 1],
  ['PREPARE', '', 1],
  ['SELECT * FROM missing', '42P01', 1],
  ['SELECT ?', '', 2],
  ['SELECT ? / ?', '22012', 1],
  ['SELECT ? AS kind', '', 1],
  ['SELECT ? AS shared', '', 1],
  ['SELECT count(*) FROM halls', '', 1],
  ['SELECT id AS evidence FROM generate_series(…) id', '', 1],
  ['SELECT id FROM halls ORDER BY id', '', 1],
  ['SELECT id FROM halls WHERE id > ?', '', 1],
  ['SELECT id FROM halls WHERE name = ?', '', 1],
  ['SELECT id, ? AS kind FROM halls', '', 3],
  ['SELECT id, name FROM halls', '', 1],
  ['SELECT name AS read FROM halls WHERE id = ?', '', 4],
  ['SELECT name FROM halls', '', 1],
  ['SELECT name FROM halls WHERE id IN (…)', '', 1],
  ['SELECT pg_sleep(?)', '57014', 1],
  ['SELECT pg_sleep(?), ?::int', '', 6],
  ['UPDATE halls SET name = ? WHERE id = ?', '', 13],
  ['begin', '', 3],
  ['commit', '', 2],
  ['listen "channel"', '', 1],
  ['rollback', '', 1],
  ['savepoint ?', '', 1],
  ['select pg_notify(…)', '', 1],
];
const EVIDENCE = [
  [RETURNED_ROWS_METRIC_NAME, 'SELECT id AS evidence FROM generate_series(…) id', 150],
  [REPEATED_EXECUTIONS_METRIC_NAME, 'SELECT name AS read FROM halls WHERE id = ?', 2],
  [TRANSACTION_STATEMENTS_METRIC_NAME, 'UPDATE halls SET name = ? WHERE id = ?', 12],
];
/** The program sends this query until another one has started. */
const POLL = 'SELECT count(*)::int FROM pg_stat_activity WHERE query LIKE ?';
/** Statements on a connection that the program already has. */
const STATEMENTS_WITHOUT_WAIT = 20;

const CASES = [
  [22, 'mjs'],
  [22, 'cjs'],
  [24, 'mjs'],
  [26, 'mjs'],
  [26, 'cjs'],
] as const;

describe.each(CASES)('postgres.js on Node %s, .%s', (major, extension) => {
  let measured: MeasuredProgram;
  let plain: Pick<MeasuredProgram, 'exit' | 'output'>;
  beforeAll(async () => {
    const script = `test/libraries/postgres-3/statements.${extension}`;
    const options = { node: nodeBinary(major), env: { DATABASE_URL: server.url } };
    // One after the other, because both use the same table.
    plain = await runPlainProgram(script, options);
    measured = await runMeasuredProgram(script, options);
  });

  it('behaves as without the agent', () => {
    expect(plain.output).toContain('done');
    expect(measured).toMatchObject(plain);
  });

  it('counts each statement once, without values', () => {
    const statements = countStatements(measured.rows);
    expect(statements.filter(([text]) => text !== POLL)).toEqual(STATEMENTS);
    expect(JSON.stringify(measured.rows)).not.toContain('hushed');
  });

  it('records evidence for suggestions', () => {
    const evidence = listEvidence(measured.rows);
    expect(evidence.filter(([, text]) => text !== POLL)).toEqual(EVIDENCE);
  });

  it('measures durations without the wait for a connection, and the waits', () => {
    const slow = measured.rows.find(
      ({ columns }) => columns.endpoint === 'SELECT pg_sleep(?), ?::int',
    );
    expect(Number(slow?.columns.min)).toBeGreaterThanOrEqual(50);
    const waits = measured.rows.filter(
      ({ table, columns }) =>
        table === 'performance_metrics' && columns.name === 'db.client.connection.wait_time',
    );
    expect(waits.map(({ columns }) => columns.endpoint)).toEqual([
      `${new URL(server.url).host}/postgres`,
    ]);
    const sent = countStatements(measured.rows)
      // The two statements that are sent as one text wait together.
      .filter(([text]) => text !== 'CONNECT' && text !== 'SELECT ?')
      .reduce((sum, [, , count]) => sum + count, 1);
    expect(Number(waits[0]?.columns.count)).toBe(sent - STATEMENTS_WITHOUT_WAIT);
  });
});

it.concurrent.each(['query', 'awaited', 'connect', 'transaction', 'cursor', 'callback'])(
  'reports an error that the application does not handle as without the agent: %s',
  async (failure) => {
    const script = 'test/apps/postgres-js-unhandled.cjs';
    const options = {
      env: { DATABASE_URL: server.url },
      args: [resolve('test/libraries/postgres-3'), failure],
    };
    const [plain, measured] = await Promise.all([
      runPlainProgram(script, options),
      runMeasuredProgram(script, options),
    ]);
    expect(measured.exit).toBe(plain.exit);
    expect(withoutFrames(measured.output)).toBe(withoutFrames(plain.output));
    expect(plain.output).toContain('exit');
  },
);
