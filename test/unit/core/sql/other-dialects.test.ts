import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SqlDialect } from '../../../../src/core/sql/sql-dialect.ts';
import { fingerprintSql } from '../../../../src/core/sql/sql-fingerprint.ts';
import { splitStatements } from '../../../../src/core/sql/sql-tokens.ts';
import { HOSTILE_FRAGMENTS } from '../../../support/hostile-text.ts';

const CASES: Readonly<
  Record<
    'sqlite' | 'clickhouse' | 'cql',
    readonly [text: string, expected: string, table?: string][]
  >
> = {
  sqlite: [
    [
      'SELECT [a b], `c`, "d" FROM [my rooms] -- x',
      'SELECT [a b], `c`, "d" FROM [my rooms]',
      'my rooms',
    ],
    ["SELECT x'4D', 'a''b', 'c\\' FROM t", 'SELECT ?, ?, ? FROM t', 't'],
    [
      'SELECT a FROM t WHERE b = ?1 AND c = @c AND d = $d',
      'SELECT a FROM t WHERE b = ? AND c = ? AND d = ?',
      't',
    ],
    [
      'SELECT a FROM t WHERE b = "Ann" OR "c" LIKE "B%"',
      'SELECT a FROM t WHERE b = ? OR "c" LIKE ?',
      't',
    ],
    [
      'SELECT a FROM t JOIN u ON "t"."b" = "u"."c"',
      'SELECT a FROM t JOIN u ON "t"."b" = "u"."c"',
      't',
    ],
    [
      'INSERT OR REPLACE INTO "t" ("a", "b") VALUES ("Ann", 1), ("Bo", 2)',
      'INSERT OR REPLACE INTO "t"("a", "b") VALUES (…)',
      't',
    ],
    [
      'SELECT "a" FROM t WHERE "b" IN (SELECT "c" FROM "u")',
      'SELECT "a" FROM t WHERE "b" IN (SELECT "c" FROM "u")',
      't',
    ],
    ["PRAGMA key = 'secret'", 'PRAGMA key = ?'],
    ['SAVEPOINT `\t_bs3.\t`', 'SAVEPOINT ?'],
    ["SELECT data ->> '$.x' FROM t /* a /* b */", 'SELECT data ->> ? FROM t', 't'],
  ],
  clickhouse: [
    [
      "SELECT 'a\\'b', 'a''b', `c\\`d`, \"e\" FROM db.t",
      'SELECT ?, ?, `c\\`d`, "e" FROM db.t',
      'db.t',
    ],
    [
      'SELECT a FROM t WHERE b = {id: UInt32} AND c IN {ids:Array(String)}',
      'SELECT a FROM t WHERE b = ? AND c IN ?',
      't',
    ],
    ['INSERT INTO t FORMAT CSV\n1,secret\n2,"other"', 'INSERT INTO t FORMAT CSV', 't'],
    ["INSERT INTO t VALUES ([1, 2], {'a': 1}), ([], {})", 'INSERT INTO t VALUES (…)', 't'],
    ['SELECT arr[1], [1, 2, 3] FROM t', 'SELECT arr[?], ? FROM t', 't'],
    ['SELECT $$a secret$$, $x$b$x$ FROM t # note', 'SELECT ?, ? FROM t', 't'],
  ],
  cql: [
    [
      'SELECT * FROM ks.t WHERE id = 550e8400-e29b-41d4-a716-446655440000',
      'SELECT * FROM ks.t WHERE id = ?',
      'ks.t',
    ],
    [
      'SELECT * FROM t WHERE id = a50e8400-e29b-41d4-a716-446655440000 // x',
      'SELECT * FROM t WHERE id = ?',
      't',
    ],
    [
      "UPDATE t SET m = m + {'a': 1, 'b': 2}, l = [1, 2] WHERE id = ?",
      'UPDATE t SET m = m + ?, l = ? WHERE id = ?',
      't',
    ],
    [
      'INSERT INTO "Users" (id, d) VALUES (:id, P1Y2M)',
      'INSERT INTO "Users"(id, d) VALUES (…)',
      'Users',
    ],
    [
      "UPDATE t SET a = 0xCAFE, d = 1h30m WHERE b = $$it's secret$$",
      'UPDATE t SET a = ?, d = ? WHERE b = ?',
      't',
    ],
    ["UPDATE t SET m['secret'] = 1 WHERE id = 1", 'UPDATE t SET m[?] = ? WHERE id = ?', 't'],
  ],
};
const LITERALS: Readonly<Record<keyof typeof CASES, fc.Arbitrary<string>>> = {
  sqlite: fc.oneof(
    fc.string().map((text) => `'${text.replaceAll("'", "''")}'`),
    fc.string().map((text) => `"${text.replaceAll('"', '""')}"`),
    fc.string().map((text) => `1 /* ${text.replaceAll('*/', '')}x*/`),
    fc.nat().map((n) => `?${n}`),
  ),
  clickhouse: fc.oneof(
    fc.string().map((text) => `'${escapeText(text, "''")}'`),
    fc.string().map((text) => `'${escapeText(text, "\\'")}'`),
    fc
      .array(fc.string().map((text) => `'${escapeText(text, "''")}'`))
      .map((texts) => `[${texts.join(', ')}]`),
    fc.string().map((text) => `1 -- ${text.replaceAll('\n', ' ')}\n`),
  ),
  cql: fc.oneof(
    fc.string().map((text) => `'${text.replaceAll("'", "''")}'`),
    fc.string().map((text) => `$$${text.replaceAll('$', '')}$$`),
    fc.uuid(),
    fc.dictionary(fc.string(), fc.nat()).map(
      (map) =>
        `{${Object.entries(map)
          .map(([key, n]) => `'${key.replaceAll("'", "''")}': ${n}`)
          .join(', ')}}`,
    ),
    fc.nat().map((n) => `0x${n.toString(16)}`),
  ),
};

function escapeText(text: string, quote: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll("'", quote);
}

const DIALECTS = Object.keys(CASES) as (keyof typeof CASES)[];

describe.each(DIALECTS)('the fingerprint of a statement in the dialect %s', (dialect) => {
  it.each(CASES[dialect])('%s', (statement, expected, table) => {
    const fingerprint = fingerprintSql(statement, dialect);
    expect([fingerprint.text, fingerprint.table]).toEqual([expected, table]);
  });

  it('contains no part of a literal or a comment, and is the same for any literal', () => {
    fc.assert(
      fc.property(LITERALS[dialect], fc.nat(), (literal, n) => {
        const statement = `SELECT a FROM t WHERE x = ${literal} AND y = ${n}`;
        expect(fingerprintSql(statement, dialect).text).toBe(
          'SELECT a FROM t WHERE x = ? AND y = ?',
        );
      }),
    );
  });

  it('accepts any text in linear time', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 2000 }), (statement) => {
        expect(fingerprintSql(statement, dialect).text.length).toBeLessThanOrEqual(512);
      }),
    );
    const fragments = [
      '[',
      '{a:',
      '{',
      '$$',
      '"',
      "'\\",
      '#',
      ':a',
      '?',
      '-',
      '//',
      '$a(',
      'a0e84',
    ];
    for (const hostile of [...fragments, ...HOSTILE_FRAGMENTS])
      fingerprintSql(`${hostile.repeat(20_000 / hostile.length)}x`, dialect);
  });
});

it.each<[SqlDialect, string, string[]]>([
  ['sqlite', "SELECT ';'; SELECT [;]; -- ;\n", ["SELECT ';'", 'SELECT [;]']],
  ['clickhouse', "SELECT '\\';'; SELECT `;`", ["SELECT '\\';'", 'SELECT `;`']],
  ['cql', 'USE a; SELECT * FROM t // ;\n', ['USE a', 'SELECT * FROM t // ;\n']],
])('splits statements of %s outside of literals and comments', (dialect, text, expected) => {
  expect(splitStatements(text, dialect)).toEqual(expected);
});
