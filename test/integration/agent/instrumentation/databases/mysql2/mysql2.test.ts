import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodeBinary } from '../../../../../../scripts/node-versions.mjs';
import {
  REPEATED_EXECUTIONS_METRIC_NAME,
  RETURNED_ROWS_METRIC_NAME,
  TRANSACTION_STATEMENTS_METRIC_NAME,
} from '../../../../../../src/core/suggestion-metrics.ts';
import { MariadbServer } from '../../../../../support/mariadb-server.ts';
import {
  countStatements,
  listEvidence,
  type MeasuredProgram,
  runMeasuredProgram,
  runPlainProgram,
  withoutFrames,
} from '../../../../../support/measured-program.ts';

const server = new MariadbServer();
beforeAll(() => server.start());
afterAll(() => server.remove());

/** Statements of `test/apps/mysql-statements.cjs`: text, error, and count. */
const STATEMENTS = [
  ['COMMIT', '', 2],
  ['CONNECT', 'ECONNREFUSED', 2],
  ['CONNECT', 'ER_ACCESS_DENIED_ERROR', 1],
  ['CONNECT', 'ER_DBACCESS_DENIED_ERROR', 1],
  ['CONNECT', 'POOL_ENQUEUELIMIT', 1],
  ['CONNECT', 'timeout', 1],
  ['CREATE TABLE IF NOT EXISTS rooms(id INT PRIMARY KEY, name VARCHAR(?))', '', 1],
  ['DELETE FROM rooms', '', 1],
  ['DO ?', '', 1],
  ['INSERT INTO rooms SET ?', '', 1],
  ['INSERT INTO rooms VALUES (…)', '', 3],
  ['INSERT INTO rooms VALUES (…)', 'ER_DUP_ENTRY', 1],
  ['INSERT INTO rooms(id, name) VALUES ?', '', 1],
  ['PREPARE', '', 1],
  ['ROLLBACK', '', 1],
  ['SELEC name FROM rooms', 'ER_PARSE_ERROR', 1],
  ['SELECT * FROM missing', 'ER_NO_SUCH_TABLE', 2],
  ['SELECT * FROM missing WHERE name = ?', 'ER_NO_SUCH_TABLE', 1],
  ['SELECT ?', '', 3],
  ['SELECT ? AS closed', 'PROTOCOL_ENQUEUE_AFTER_QUIT', 1],
  ['SELECT ? AS cluster', '', 1],
  ['SELECT SLEEP(?) AS full', '', 2],
  ['SELECT SLEEP(?), ? AS i', '', 6],
  ['SELECT id AS executed FROM rooms WHERE id = ?', '', 4],
  ['SELECT id AS queried FROM rooms WHERE id = ?', '', 4],
  ['SELECT id FROM missing LIMIT ?', 'ER_NO_SUCH_TABLE', 1],
  ['SELECT id FROM missing WHERE name = ?', 'ER_NO_SUCH_TABLE', 1],
  ['SELECT id FROM rooms LIMIT ?', '', 2],
  ['SELECT id FROM rooms WHERE name = ?', '', 1],
  ['SELECT id, name FROM rooms', '', 1],
  ['SELECT name FROM `rooms` WHERE id IN (…)', '', 1],
  ['SELECT name FROM rooms WHERE id = ?', '', 4],
  ['SELECT seq AS evidence FROM seq_1_to_150', '', 1],
  ['START TRANSACTION', '', 3],
  ['UPDATE rooms SET name = ? WHERE id = ?', '', 13],
];

const EVIDENCE = [
  [RETURNED_ROWS_METRIC_NAME, 'SELECT seq AS evidence FROM seq_1_to_150', 150],
  [REPEATED_EXECUTIONS_METRIC_NAME, 'SELECT id AS executed FROM rooms WHERE id = ?', 2],
  [REPEATED_EXECUTIONS_METRIC_NAME, 'SELECT id AS queried FROM rooms WHERE id = ?', 2],
  [TRANSACTION_STATEMENTS_METRIC_NAME, 'UPDATE rooms SET name = ? WHERE id = ?', 12],
];

/** Each pair of a library version and a Node version, and each pair with a module system, is in one of these. */
const CASES = [
  ['mysql2-3', 22, 'mjs'],
  ['mysql2-3', 24, 'cjs'],
  ['mysql2-3', 26, 'mjs'],
  ['mysql2-3.9', 22, 'cjs'],
  ['mysql2-3.9', 26, 'mjs'],
  ['mysql2-2', 24, 'mjs'],
  ['mysql2-2', 26, 'cjs'],
] as const;

describe.each(CASES)('%s on Node %s, .%s', (library, major, extension) => {
  let measured: MeasuredProgram;
  let plain: Pick<MeasuredProgram, 'exit' | 'output'>;
  beforeAll(async () => {
    const script = `test/libraries/${library}/statements.${extension}`;
    const options = { node: nodeBinary(major), env: { MYSQL_URL: server.url } };
    // One after the other, because both use the same table.
    plain = await runPlainProgram(script, options);
    measured = await runMeasuredProgram(script, options);
  });

  it('behaves as without the agent', () => {
    expect(plain.output).toContain('done');
    expect(measured).toMatchObject(plain);
  });

  it('counts each statement once, without values', () => {
    expect(countStatements(measured.rows)).toEqual(STATEMENTS);
    expect(JSON.stringify(measured.rows)).not.toContain('hushed');
  });

  it('records evidence for suggestions', () => {
    expect(listEvidence(measured.rows)).toEqual(EVIDENCE);
  });

  it('measures durations, and the waits for connections of pools', () => {
    const slow = measured.rows.find(
      ({ columns }) => columns.endpoint === 'SELECT SLEEP(?), ? AS i',
    );
    expect(Number(slow?.columns.min)).toBeGreaterThanOrEqual(50);
    const waits = measured.rows.filter(
      ({ table, columns }) =>
        table === 'performance_metrics' && columns.name === 'db.client.connection.wait_time',
    );
    // 6 queries, 1 execution, 1 connection, 2 queries in the queue, and 1 connection of a cluster.
    expect(waits.map(({ columns }) => columns.count)).toEqual(['11']);
    expect(waits[0]?.columns.endpoint).toBe(`${new URL(server.url).host}/demo`);
    // Four of the six queries waited for a query of at least 50 ms, and two of them for two.
    expect(Number(waits[0]?.columns.sum)).toBeGreaterThanOrEqual(2 * 50 + 2 * 100 + 50);
    expect(measured.rows.some(({ columns }) => columns.error_type === 'POOL_ENQUEUELIMIT')).toBe(
      true,
    );
  });
});

/** Ways to fail in `test/apps/mysql-unhandled.cjs`. */
const FAILURES = [
  'query',
  'execute',
  'connect',
  'queued',
  'stream',
  'pool',
  'promise',
  'destroyed',
];

it.concurrent.each(FAILURES)(
  'reports an error that the application does not handle as without the agent: %s',
  async (failure) => {
    const options = {
      env: { MYSQL_URL: server.url },
      args: [resolve('test/libraries/mysql2-3'), failure],
    };
    const [plain, measured] = await Promise.all([
      runPlainProgram('test/apps/mysql-unhandled.cjs', options),
      runMeasuredProgram('test/apps/mysql-unhandled.cjs', options),
    ]);
    expect(measured.exit).toBe(plain.exit);
    expect(withoutFrames(measured.output)).toBe(withoutFrames(plain.output));
    expect(plain.output).toContain('exit');
  },
);
