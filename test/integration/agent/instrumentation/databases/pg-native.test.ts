import { afterAll, beforeAll, expect, it } from 'vitest';
import { PostgresServer } from '../../../../../demo/database-servers.ts';
import { installPgNative } from '../../../../../scripts/pg-native.mjs';
import {
  REPEATED_EXECUTIONS_METRIC_NAME,
  RETURNED_ROWS_METRIC_NAME,
  TRANSACTION_STATEMENTS_METRIC_NAME,
} from '../../../../../src/core/suggestion-metrics.ts';
import {
  countStatements,
  listEvidence,
  runMeasuredProgram,
  runPlainProgram,
} from '../../../../support/measured-program.ts';

const server = new PostgresServer();
beforeAll(() => server.start());
afterAll(() => server.remove());

it('counts each statement and each failed connection of libpq once, and behaves as without the agent', async () => {
  const script = 'test/apps/pg-native-statements.cjs';
  const options = { env: { DATABASE_URL: server.url }, args: [installPgNative()] };
  // The first run creates the table, so that libpq prints the same notices in the next runs.
  await runPlainProgram(script, options);
  const plain = await runPlainProgram(script, options);
  const { rows, ...measured } = await runMeasuredProgram(script, options);
  expect(plain.output).toContain('done');
  expect(measured).toEqual(plain);
  expect(countStatements(rows)).toEqual([
    ['BEGIN', '', 2],
    ['COMMIT', '', 1],
    ['CONNECT', '3D000', 1],
    ['CONNECT', 'ECONNREFUSED', 2],
    ['CREATE TABLE natives(id int PRIMARY KEY, name text)', '', 1],
    ['DROP TABLE IF EXISTS natives', '', 1],
    ['INSERT INTO natives VALUES (…)', '', 3],
    ['INSERT INTO natives VALUES (…)', '23505', 1],
    ['ROLLBACK', '', 1],
    ['SELECT ?', '', 2],
    ['SELECT ? AS callback', '', 1],
    ['SELECT id AS evidence FROM generate_series(…) id', '', 1],
    ['SELECT id AS read FROM natives WHERE id = ?', '', 4],
    ['SELECT name FROM natives WHERE id = ?', '', 2],
    ['SELECT pg_sleep(?)', '', 6],
    ['UPDATE natives SET name = ? WHERE id = ?', '', 12],
  ]);
  expect(listEvidence(rows)).toEqual([
    [RETURNED_ROWS_METRIC_NAME, 'SELECT id AS evidence FROM generate_series(…) id', 150],
    [REPEATED_EXECUTIONS_METRIC_NAME, 'SELECT id AS read FROM natives WHERE id = ?', 2],
    [TRANSACTION_STATEMENTS_METRIC_NAME, 'UPDATE natives SET name = ? WHERE id = ?', 12],
  ]);
  const waits = rows.filter(
    ({ table, columns }) =>
      table === 'performance_metrics' && columns.name === 'db.client.connection.wait_time',
  );
  expect(waits.map(({ columns }) => columns.count)).toEqual(['6']);
  const slow = rows.find(({ columns }) => columns.endpoint === 'SELECT pg_sleep(?)');
  expect(Number(slow?.columns.min)).toBeGreaterThanOrEqual(50);
  expect(JSON.stringify(rows)).not.toContain('hushed');
});
