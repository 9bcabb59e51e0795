import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fingerprintSql } from '../../../../src/core/sql/sql-fingerprint.ts';
import { splitStatements } from '../../../../src/core/sql/sql-tokens.ts';
import { HOSTILE_FRAGMENTS } from '../../../support/hostile-text.ts';
import { createListWriter, type ListWriter } from '../../../support/sql-list-writer.ts';

const toText = (statement: string) => fingerprintSql(statement, 'mysql').text;

describe('the fingerprint of a MySQL statement', () => {
  it.each([
    ['SELECT `a``b` FROM `hotel`.`rooms` WHERE name = "x" -- secret', 'hotel.rooms'],
    ['INSERT IGNORE INTO rooms VALUES (1)', 'rooms'],
    ['INSERT rooms SET a = 1', 'rooms'],
    ['REPLACE INTO `rooms` (a) VALUES (1)', 'rooms'],
    ['UPDATE LOW_PRIORITY rooms SET a = REPLACE(a, "x", "y")', 'rooms'],
    ['DELETE FROM rooms_2024 WHERE 1', 'rooms_2024'],
    ['SELECT REPLACE("a", "b", "c")', undefined],
    ['SHOW TABLES', undefined],
  ])('names the table of %s', (statement, expected) => {
    expect(fingerprintSql(statement, 'mysql').table).toBe(expected);
  });

  it.each([
    ['SELECT `a`, "O\'Brien ""x""" FROM `t`', 'SELECT `a`, ? FROM `t`'],
    ["SELECT 'a\\'b', 'a''b', N'a', X'4D', b'01', 0x4D, 0b01", 'SELECT ?, ?, ?, ?, ?, ?, ?'],
    ["SELECT _utf8mb4'x' COLLATE utf8mb4_bin", 'SELECT _utf8mb4 ? COLLATE utf8mb4_bin'],
    ["SELECT 'a' 'b' \"c\"", 'SELECT ?'],
    ['SELECT 1 # secret\n FROM t -- secret', 'SELECT ? FROM t'],
    ['SELECT 1 /* secret /* */ FROM t', 'SELECT ? FROM t'],
    ["INSERT /*!40001 IGNORE */ INTO t VALUES ('*/ secret')", 'INSERT IGNORE INTO t VALUES (…)'],
    ["SELECT /*!99999 '*/ secret' */ a FROM t", 'SELECT ? a FROM t'],
    ['SELECT /*M!100100 2*/ FROM t', 'SELECT ? FROM t'],
    ['SELECT /*! 2 **/ FROM t', 'SELECT ? * FROM t'],
    ['SELECT /*+ MAX_EXECUTION_TIME(1000) */ a FROM t', 'SELECT a FROM t'],
    ['SELECT 5--5, 5-5, 5 - -5, -5 FROM t', 'SELECT ? - ?, ? - ?, ? - ?, ? FROM t'],
    ['SELECT a FROM t WHERE b=? AND c<=>?', 'SELECT a FROM t WHERE b = ? AND c <=> ?'],
    ['SELECT a FROM t WHERE b = :name AND c = :2', 'SELECT a FROM t WHERE b = ? AND c = ?'],
    ["SELECT doc->>'$.secret' FROM t", 'SELECT doc ->> ? FROM t'],
    ['SET @total := 5, @@session.sql_mode = "x"', 'SET @total := ?, @@session.sql_mode = ?'],
    ['SELECT $a, a$1 FROM t$2', 'SELECT $a, a$1 FROM t$2'],
    ['SELECT t1.c2 FROM orders_2024 t1', 'SELECT t1.c2 FROM orders_2024 t1'],
    ['SELECT a FROM t LIMIT 10, 20', 'SELECT a FROM t LIMIT ?, ?'],
    ['SELECT a FROM t WHERE b IN (?)', 'SELECT a FROM t WHERE b IN (…)'],
    [
      'INSERT INTO t VALUES (1, NULL), (2, "x") ON DUPLICATE KEY UPDATE a = VALUES(a), b = 3',
      'INSERT INTO t VALUES (…) ON DUPLICATE KEY UPDATE a = VALUES (a), b = ?',
    ],
    ["CREATE USER 'ann'@'%' IDENTIFIED BY 'secret'", 'CREATE USER ? @ ? IDENTIFIED BY ?'],
    ["SELECT 'unfinished \\", 'SELECT ?'],
    ['ROLLBACK TO SAVEPOINT trx_12', 'ROLLBACK TO SAVEPOINT ?'],
  ])('of %s', (statement, expected) => {
    expect(toText(statement)).toBe(expected);
  });

  it('splits statements outside of literals and comments', () => {
    const text = "SELECT \";\"; SELECT `;` # ;\n; SELECT '\\';' /* ; */";
    expect(splitStatements(text, 'mysql')).toEqual([
      'SELECT ";"',
      'SELECT `;` # ;\n',
      "SELECT '\\';' /* ; */",
    ]);
  });

  /** Statements with lists, as libraries generate them. */
  const listStatements: Record<string, (list: ListWriter) => string> = {
    in: (list) => `SELECT \`a\` FROM \`t\` WHERE \`b\` IN (${list('#')}) LIMIT 5`,
    nested: (list) => `SELECT a FROM t WHERE (a, b) IN (${list('(#, #)')})`,
    insert: (list) => `INSERT INTO \`t\` (\`a\`, \`b\`) VALUES ${list('(#, #)')}`,
    rows: (list) => `INSERT INTO t (a, b) VALUES ${list('ROW(#, #)')}`,
    upsert: (list) =>
      `INSERT INTO t (a, b) VALUES ${list('(#, #)')} ON DUPLICATE KEY UPDATE b = VALUES(b)`,
    alias: (list) =>
      `INSERT INTO t (a, b) VALUES ${list('(#, #)')} AS n ON DUPLICATE KEY UPDATE b = n.b`,
    replace: (list) => `REPLACE INTO t VALUES ${list('(DEFAULT, #, NOW())')}`,
  };
  const values = fc.constantFrom('?', '7', '-1.5', 'NULL', "'x'", '"y"', "'\\''", '0xFF', "X'4D'");

  it.each(Object.entries(listStatements))(
    'is the same for any length and kind of values: %s',
    (_, write) => {
      const expected = toText(write(createListWriter([1], ['?'])));
      const lengths = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 3 });
      fc.assert(
        fc.property(lengths, fc.array(values, { minLength: 1 }), (listLengths, kinds) => {
          expect(toText(write(createListWriter(listLengths, kinds)))).toBe(expected);
        }),
      );
    },
  );

  it('contains no part of a literal or a comment, and is the same for any literal', () => {
    const escapeBackslashes = (text: string) => text.replaceAll('\\', '\\\\');
    const literals = fc.oneof(
      fc.string().map((text) => `'${escapeBackslashes(text).replaceAll("'", "''")}'`),
      fc.string().map((text) => `'${escapeBackslashes(text).replaceAll("'", "\\'")}'`),
      fc.string().map((text) => `"${escapeBackslashes(text).replaceAll('"', '""')}"`),
      fc.string().map((text) => `"${escapeBackslashes(text).replaceAll('"', '\\"')}"`),
      fc.string().map((text) => `1 # ${text.replaceAll('\n', ' ')}\n`),
      fc.string().map((text) => `1 /* ${text.replaceAll('*/', '')}x*/`),
      fc.string().map((text) => `/*!99999 '${escapeBackslashes(text).replaceAll("'", "''")}' */`),
      fc.double({ noNaN: true, noDefaultInfinity: true, min: 0 }).map(String),
      fc.nat().map((n) => `-${n}`),
      fc.nat().map((n) => `0x${n.toString(16)}`),
      fc.nat().map((n) => `b'${n.toString(2)}'`),
    );
    fc.assert(
      fc.property(literals, (literal) => {
        const text = toText(`SELECT a FROM t WHERE x = ${literal} AND y = 1`);
        expect(text).toBe('SELECT a FROM t WHERE x = ? AND y = ?');
      }),
    );
  });

  it('accepts any text in linear time', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 2000 }), (statement) => {
        expect(toText(statement).length).toBeLessThanOrEqual(512);
      }),
    );
    const fragments = ['`', '"', "'\\", '#', '/*!', '*/', '--', '@', '$a', ':a', '?', '-', '0x'];
    for (const hostile of [...fragments, ...HOSTILE_FRAGMENTS])
      for (const end of ['x', "'", ' x', '\\'])
        toText(hostile.repeat(20_000 / hostile.length) + end);
  });
});
