import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fingerprintSql } from '../../../../src/core/sql/sql-fingerprint.ts';
import {
  createExplainStatements,
  describeError,
} from '../../../../src/server/suggestions/explain/explain-postgres.ts';
import { toExplainableStatement } from '../../../../src/server/suggestions/explain/explainable-statement.ts';

function convert(statement: string) {
  return toExplainableStatement(fingerprintSql(statement, 'postgresql').text, 'postgresql');
}

describe('toExplainableStatement', () => {
  it.each([
    ['SELECT * FROM a WHERE b = 7', 'SELECT * FROM a WHERE b = $1', 1],
    ["SELECT a.b FROM a WHERE c = 'x' AND d > $2", 'SELECT a.b FROM a WHERE c = $1 AND d > $2', 2],
    ['SELECT * FROM a WHERE b IN (1, 2, 3)', 'SELECT * FROM a WHERE b IN ($1)', 1],
    ['SELECT * FROM a WHERE b = ANY(ARRAY[1, 2])', 'SELECT * FROM a WHERE b = ANY (ARRAY [$1])', 1],
    ['SELECT * FROM a WHERE b = 1 OR b = 2 OR b = 3', 'SELECT * FROM a WHERE b = $1', 1],
    ['SELECT a FROM b UNION ALL SELECT a FROM b', 'SELECT a FROM b', 0],
    ['SELECT a::int FROM b LIMIT 10', 'SELECT a::int FROM b LIMIT $1', 1],
    [
      "SELECT * FROM a WHERE b > now() - INTERVAL '1 day'",
      'SELECT * FROM a WHERE b > now () - CAST ($1 AS INTERVAL)',
      1,
    ],
    ['SELECT coalesce(1, 2) FROM a', 'SELECT coalesce ($1) FROM a', 1],
    ['WITH x AS (SELECT 1) SELECT * FROM x', 'WITH x AS (SELECT $1) SELECT * FROM x', 1],
  ])('converts %s', (statement, text, parameters) => {
    const converted = convert(statement);
    expect('text' in converted && converted.text.replaceAll(' (', '(')).toBe(
      text.replaceAll(' (', '('),
    );
    expect(converted).toMatchObject({ parameters });
  });

  it.each([
    ['INSERT INTO a VALUES (1)', 'only SELECT statements'],
    ['UPDATE a SET b = 1', 'only SELECT statements'],
    ['WITH x AS (DELETE FROM a RETURNING *) SELECT * FROM x', 'contains DELETE'],
    ['SELECT * INTO b FROM a', 'contains INTO'],
    ['SELECT * FROM a FOR UPDATE', 'locks rows'],
    ['SELECT 1; DROP TABLE a', 'several statements'],
    ['SELECT a, count(*) FROM b GROUP BY 1', 'position of a column'],
    ['SELECT f(1, 2) FROM a', 'a shortened list'],
    ['SELECT * FROM a WHERE (b, c) IN ((1, 2), (3, 4))', 'a shortened list'],
    [
      `SELECT ${Array.from({ length: 90 }, (_, i) => `column_${i}`).join(', ')} FROM a`,
      'truncated',
    ],
  ])('explains why %s is not explained', (statement, reason) => {
    expect(convert(statement)).toMatchObject({ reason: expect.stringContaining(reason) as string });
  });

  it('accepts only statements without parameters and subqueries for MySQL', () => {
    expect(toExplainableStatement('SELECT count(*) FROM `a`', 'mysql')).toEqual({
      text: 'SELECT count(*) FROM `a`',
      parameters: 0,
    });
    for (const text of ['SELECT * FROM `a` LIMIT ?', 'SELECT * FROM `a` WHERE b IN (…)']) {
      expect(toExplainableStatement(text, 'mysql')).toHaveProperty('reason');
    }
    const nested = 'SELECT * FROM (SELECT f() FROM b) AS x';
    expect(toExplainableStatement(nested, 'mysql')).toMatchObject({
      reason: 'MySQL can run subqueries while it explains a statement',
    });
  });

  it('never sends a literal of the stored text', () => {
    const secret = "SELECT * FROM a WHERE b = 'top secret' /* hidden */ AND c = 4711 -- note";
    expect(toExplainableStatement(secret, 'postgresql')).toMatchObject({
      text: 'SELECT * FROM a WHERE b = $1 AND c = $2',
    });
  });

  it('accepts or rejects any text', () => {
    const words =
      'SELECT FROM WHERE a b = ? … ( ) [ ] , ; OR AND UNION ALL IN INTERVAL :: . "x" \' $$ INSERT @v';
    const word = fc.constantFrom(...words.split(' '));
    const text = fc.oneof(
      fc.string(),
      fc.array(word).map((each) => each.join(' ')),
    );
    fc.assert(
      fc.property(text, fc.constantFrom('postgresql', 'mysql'), (statement, dialect) => {
        const converted = toExplainableStatement(statement, dialect);
        if ('reason' in converted) return;
        expect(converted.text).toMatch(/^(?:SELECT|WITH)/i);
        expect(converted.text).not.toMatch(/;|…|'|\bINSERT\b/);
        const used = converted.text.match(/\$\d+/g) ?? [];
        expect(new Set(used).size).toBe(converted.parameters);
      }),
    );
  });
});

describe('createExplainStatements', () => {
  const statement = { text: 'SELECT * FROM a WHERE b = $1 AND c = $2', parameters: 2 };

  it('uses GENERIC_PLAN from PostgreSQL 16 on', () => {
    expect(createExplainStatements(statement, 160_004)).toEqual([
      'EXPLAIN (GENERIC_PLAN, VERBOSE, FORMAT JSON) SELECT * FROM a WHERE b = $1 AND c = $2',
    ]);
  });

  it('prepares the statement in older versions', () => {
    expect(createExplainStatements(statement, 150_008)).toEqual([
      'SET LOCAL plan_cache_mode = force_generic_plan',
      'PREPARE explained_statement AS SELECT * FROM a WHERE b = $1 AND c = $2',
      'EXPLAIN (VERBOSE, FORMAT JSON) EXECUTE explained_statement(NULL, NULL)',
    ]);
    const [, , last] = createExplainStatements({ text: 'SELECT 1', parameters: 0 }, 150_008);
    expect(last).toBe('EXPLAIN (VERBOSE, FORMAT JSON) EXECUTE explained_statement');
  });

  it('never analyzes', () => {
    for (const version of [120_000, 180_000]) {
      expect(createExplainStatements(statement, version).join(' ')).not.toMatch(/ANALYZE/i);
    }
  });
});

it('describes errors without credentials', () => {
  const url = 'postgresql://reader:pa%24%24word@db/shop';
  expect(describeError(Object.assign(new Error('for user "reader"'), { code: '28P01' }), url)).toBe(
    'it rejected the user or the password',
  );
  const leaky = new Error(`no route to ${url}, reader, pa$$word`);
  expect(describeError(leaky, url)).not.toMatch(/pa\$\$word|pa%24|reader/);
});
