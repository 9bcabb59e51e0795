import { describe, expect, it } from 'vitest';
import { parseSqlRule } from '../../../../src/server/alerts/rules/parse-sql-rule.ts';
import { findRule, loadTestRules } from '../../../support/alert-rule-fixtures.ts';

const LIMITED = 'WHERE in_window() AND in_scope()';

function problems(sql: string): string[] {
  const found: string[] = [];
  const rule = parseSqlRule(sql, (message) => found.push(message));
  expect(rule === undefined).toBe(found.length > 0);
  return found;
}

const REJECTED: readonly (readonly [string, string, RegExp])[] = [
  ['an empty statement', '', /exactly one SELECT, but is nothing/],
  ['text that is not SQL', 'SELEC 1', /not valid QuestDB SQL|exactly one SELECT/],
  ['an INSERT', 'INSERT INTO performance_metrics VALUES (1)', /is insert/],
  ['an UPDATE', 'UPDATE performance_metrics SET value = 1', /is update/],
  ['a DROP', 'DROP TABLE performance_metrics', /is dropTable/],
  ['a COPY', "COPY performance_metrics TO 'x'", /is copyTo/],
  ['a SHOW', 'SHOW TABLES', /is show/],
  ['an EXPLAIN', `EXPLAIN SELECT count() AS value FROM queue_metrics ${LIMITED}`, /is explain/],
  [
    'two statements',
    `SELECT count() AS value FROM queue_metrics ${LIMITED}; TRUNCATE TABLE queue_metrics`,
    /select and truncateTable/,
  ],
  ['a file function', "SELECT count() AS value FROM read_parquet('x')", /not call `read_parquet`/],
  [
    'a file function in an expression',
    `SELECT parquet_scan('x') AS value FROM queue_metrics ${LIMITED}`,
    /not call `parquet_scan`/,
  ],
  [
    'an export function',
    `SELECT export('x') AS value FROM queue_metrics ${LIMITED}`,
    /not call `export`/,
  ],
  [
    'a row generator',
    'SELECT count() AS value FROM long_sequence(1000000000)',
    /not call `long_sequence`/,
  ],
  [
    'a sleep function',
    `SELECT sleep(9) AS value FROM queue_metrics ${LIMITED}`,
    /not call `sleep`/,
  ],
  [
    'a table without measurements',
    `SELECT count() AS value FROM api_keys ${LIMITED}`,
    /not read `api_keys`/,
  ],
  [
    'a system table',
    `SELECT count() AS value FROM sys.text_import_log ${LIMITED}`,
    /not read `sys.text_import_log`/,
  ],
  ['no table', 'SELECT 1 AS value', /must read a measurement table/],
  [
    'no `value` column',
    `SELECT count() AS n FROM queue_metrics ${LIMITED}`,
    /column `value`; it returns n/,
  ],
  [
    'a column without a name',
    `SELECT count(), 1 AS value FROM queue_metrics ${LIMITED}`,
    /name each result column/,
  ],
  ['all columns', `SELECT * FROM queue_metrics ${LIMITED}`, /name each result column/],
  [
    'no window condition',
    'SELECT count() AS value FROM queue_metrics WHERE in_scope()',
    /with `AND in_window\(\)`/,
  ],
  [
    'no tenant condition',
    'SELECT count() AS value FROM queue_metrics WHERE in_window()',
    /with `AND in_scope\(\)`/,
  ],
  [
    'a tenant condition inside an OR',
    'SELECT count() AS value FROM queue_metrics WHERE in_window() AND (in_scope() OR 1 = 1)',
    /with `AND in_scope\(\)`/,
  ],
  [
    'a negated tenant condition',
    'SELECT count() AS value FROM queue_metrics WHERE in_window() AND NOT in_scope()',
    /with `AND in_scope\(\)`/,
  ],
  [
    'a subquery without limits',
    `SELECT count() AS value FROM queue_metrics ${LIMITED} AND job_id IN (SELECT job_id FROM queue_metrics)`,
    /with `AND in_window/,
  ],
  [
    'a union without limits',
    `SELECT count() AS value FROM queue_metrics ${LIMITED} UNION ALL SELECT count() AS value FROM queue_metrics`,
    /with `AND in_scope/,
  ],
  [
    'a join in which one table has no limits',
    'SELECT count() AS value FROM queue_metrics a JOIN performance_metrics b ON (service) WHERE in_window(a) AND in_scope(a)',
    /limit `b` with `AND in_scope\(b\)`/,
  ],
  [
    'placeholders without an alias in a join',
    'SELECT count() AS value FROM queue_metrics a JOIN performance_metrics b ON (service) WHERE in_window() AND in_scope()',
    /limit `a` with `AND in_scope\(a\)`/,
  ],
  [
    'a WITH that hides a table',
    `WITH queue_metrics AS (SELECT job_id FROM queue_metrics) SELECT count() AS value FROM queue_metrics`,
    /with `AND in_scope/,
  ],
  [
    'a WITH that reads a table with the same name',
    'WITH api_keys AS (SELECT id FROM api_keys) SELECT count() AS value FROM api_keys',
    /not read `api_keys`/,
  ],
  [
    'a WITH in a subquery',
    `SELECT count() AS value FROM (WITH x AS (SELECT job_id FROM queue_metrics ${LIMITED}) SELECT job_id FROM x)`,
    /WITH only at the beginning/,
  ],
  [
    'a bound parameter',
    `SELECT count() AS value FROM queue_metrics ${LIMITED} AND service = $1`,
    /not valid QuestDB SQL/,
  ],
  [
    'a number that QuestDB parses differently',
    `SELECT count() AS value, 0x1f FROM queue_metrics ${LIMITED}`,
    /a space is missing before x1f/,
  ],
  [
    'a variable',
    `DECLARE @x := 1 SELECT count() AS value FROM queue_metrics ${LIMITED} AND seq = @x`,
    /not contain DECLARE/,
  ],
];

const PLACEHOLDERS = {
  window: (table: string, prefix: string) => `${prefix}timestamp >= $1 /*${table}*/`,
  scope: (_table: string, prefix: string) => `${prefix}organization_id = $2`,
};

describe('a SQL rule', () => {
  it.each(REJECTED)('rejects %s', (_case, sql, message) => {
    expect(problems(sql).join('\n')).toMatch(message);
  });

  it('replaces placeholders, but not in strings or comments', () => {
    const sql = `SELECT queue_name AS queue, count() AS value, max(timestamp) AS newest
      FROM queue_metrics -- in_scope()
      WHERE IN_WINDOW() AND error_message != 'in_scope() isn''t' AND in_scope ( )
      GROUP BY queue_name;`;
    const rule = parseSqlRule(sql, () => {});
    expect(rule?.labelNames).toEqual(['queue']);
    expect(rule?.bind(PLACEHOLDERS)).toBe(
      'SELECT queue_name AS queue, count() AS value, max(timestamp) AS newest FROM queue_metrics ' +
        "WHERE (timestamp >= $1 /*queue_metrics*/) AND error_message != 'in_scope() isn''t' " +
        'AND (organization_id = $2) GROUP BY queue_name',
    );
  });

  it('resolves aliases in WITH, joins, and subqueries', () => {
    const sql = `WITH slow AS (SELECT service FROM performance_metrics_1m p WHERE in_window(p) AND in_scope(p))
      SELECT q.service AS service, count() AS value FROM queue_metrics q JOIN slow ON (service)
      WHERE in_window(q) AND in_scope(q) AND q.test = false GROUP BY q.service`;
    const bound = parseSqlRule(sql, () => {})?.bind(PLACEHOLDERS);
    expect(bound).toContain(
      'FROM performance_metrics_1m_v3 AS p WHERE (p.timestamp >= $1 /*performance_metrics_1m*/) AND (p.organization_id = $2))',
    );
    expect(bound).toContain(
      'WHERE (q.timestamp >= $1 /*queue_metrics*/) AND (q.organization_id = $2) AND',
    );
  });

  it('makes its columns available as labels in templates', () => {
    const sql = `SELECT queue_name AS queue, count() AS value FROM queue_metrics ${LIMITED}`;
    const text = `rules:
  - name: own
    sql: ${sql}
    window: 10m
    thresholds: { high: 3 }
    annotations: { summary: '{{ $labels.queue }}' }`;
    expect(findRule(loadTestRules(text), 'own').source).toMatchObject({
      kind: 'sql',
      windowMs: 600_000,
    });
    expect(() => loadTestRules(text.replace('$labels.queue', '$labels.queu'))).toThrow(
      /rules.yaml:6:.*\$labels\.queue/,
    );
  });
});
