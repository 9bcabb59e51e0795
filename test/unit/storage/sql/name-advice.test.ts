import { expect, it } from 'vitest';
import { createRejectedSqlError } from '../../../../src/storage/sql/check-user-sql.ts';

function getAdvice(reason: string, source: string): string {
  const { message } = createRejectedSqlError(reason, source);
  return message.slice(message.indexOf('". ') + 3);
}

it.each([
  ['type', 'SELECT type, count() FROM metric_buckets', 'metric_type', 'metric_buckets'],
  ['type', 'select type from METRIC_BUCKETS_1h_v2', 'metric_type', 'metric_buckets_1h_v2'],
  ['endpont', 'SELECT endpont FROM performance_metrics', 'endpoint', 'performance_metrics'],
  ['key_hash', 'SELECT key_hash FROM "api_keys"', 'hash', 'api_keys'],
])('suggests a column like %s of the table in %s', (column, source, nearest, table) => {
  expect(getAdvice(`Invalid column: ${column}`, source)).toBe(
    `Did you mean ${nearest}? SELECT "column" FROM table_columns('${table}') lists the columns.`,
  );
});

it('lists the columns of the tables that the statement reads', () => {
  expect(getAdvice('Invalid column: nothing', 'SELECT nothing FROM api_keys')).toBe(
    `Correct the name. SELECT "column" FROM table_columns('api_keys') lists the columns.`,
  );
  const joined = 'SELECT nothing FROM alerts a JOIN silences s ON a.id = s.id';
  expect(getAdvice('Invalid column: nothing', joined)).toContain(
    `table_columns('alerts') or SELECT "column" FROM table_columns('silences')`,
  );
  expect(getAdvice('Invalid column: a', 'SELECT a FROM (SELECT 1 b)')).toContain('table NAME.');
});

it('translates a name only if the table has the column', () => {
  expect(getAdvice('Invalid column: average', 'SELECT average FROM performance_metrics')).toBe(
    'In SQL, the name is value.',
  );
  const advice = getAdvice('Invalid column: average', 'SELECT average FROM metric_buckets');
  expect(advice).toMatch(/^performance_metrics has the column value\. .*'metric_buckets'/);
});

it.each([
  ['metric_buckets_1h', 'metric_buckets_1h_v2'],
  ['performance_metric', 'performance_metrics'],
  ['alert', 'alerts'],
  ['apikeys', 'api_keys'],
])('suggests the table %s', (table, nearest) => {
  expect(getAdvice(`table does not exist [table=${table}]`, `SELECT 1 FROM ${table}`)).toBe(
    `Did you mean ${nearest}? SELECT table_name FROM tables() lists all tables.`,
  );
});
