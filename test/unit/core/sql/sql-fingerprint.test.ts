import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fingerprintSql as fingerprint } from '../../../../src/core/sql/sql-fingerprint.ts';
import { HOSTILE_FRAGMENTS } from '../../../support/hostile-text.ts';
import { createListWriter, type ListWriter } from '../../../support/sql-list-writer.ts';

const fingerprintSql = (statement: string) => fingerprint(statement, 'postgresql');

describe('fingerprintSql', () => {
  it.each([
    [
      "SELECT * FROM rooms WHERE id = $1 AND name='O''Brien' -- secret 42\n LIMIT 10",
      {
        text: 'SELECT * FROM rooms WHERE id = ? AND name = ? LIMIT ?',
        operation: 'SELECT',
        table: 'rooms',
      },
    ],
    [
      'insert into public."Bookings" (a, b) values (1, \'x\'), (2, $1);',
      {
        text: 'insert into public."Bookings"(a, b) values (…)',
        operation: 'INSERT',
        table: 'public.Bookings',
      },
    ],
    [
      'WITH x AS (SELECT 1) UPDATE t SET a = 2.5e3 WHERE b IN (1,2,3)',
      {
        text: 'WITH x AS (SELECT ?) UPDATE t SET a = ? WHERE b IN (…)',
        operation: 'UPDATE',
        table: 't',
      },
    ],
    ['BEGIN', { text: 'BEGIN', operation: 'BEGIN', table: undefined }],
    [
      'COPY rooms (a, b) FROM STDIN',
      { text: 'COPY rooms(a, b) FROM STDIN', operation: 'COPY', table: 'rooms' },
    ],
    [
      "select E'a\\'b', $$ secret $$, $t$ x $t$ from t /* a /* b */ c */ where x::int <> -5",
      { text: 'select ?, ?, ? from t where x::int <> ?', operation: 'SELECT', table: 't' },
    ],
    ['', { text: '', operation: 'UNKNOWN', table: undefined }],
  ])('creates the fingerprint of %s', (statement, expected) => {
    expect(fingerprintSql(statement)).toEqual(expected);
  });

  it.each([
    ['SELECT a FROM t WHERE b = ANY($1::int[])', 'SELECT a FROM t WHERE b = ANY (?::int[])'],
    ['SELECT a FROM t WHERE b = ANY(ARRAY[$1, $2])', 'SELECT a FROM t WHERE b = ANY (ARRAY[…])'],
    ['SELECT a FROM t WHERE b IN ($1::int, $2::int)', 'SELECT a FROM t WHERE b IN (?::int, …)'],
    ['SELECT a FROM t WHERE (b, c) = ROW($1, $2)', 'SELECT a FROM t WHERE (b, c) = ROW(…)'],
    [
      'SELECT a FROM t WHERE (b, c) IN (($1, 2), (3, 4))',
      'SELECT a FROM t WHERE (b, c) IN ((…), …)',
    ],
    [
      'SELECT a FROM t WHERE b IN (SELECT c FROM u)',
      'SELECT a FROM t WHERE b IN (SELECT c FROM u)',
    ],
    ['SELECT a FROM t WHERE b = @p1 AND c = :2', 'SELECT a FROM t WHERE b = ? AND c = ?'],
    ['SELECT a[1:2], b - 5, -5 FROM t WHERE c=-5', 'SELECT a[? : ?], b - ?, ? FROM t WHERE c = ?'],
    ['SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3', 'SELECT ? UNION ALL …'],
    ['SELECT a FROM t WHERE b = 1 OR b = 2 OR c = 3', 'SELECT a FROM t WHERE b = ? OR c = ?'],
    ['INSERT INTO t VALUES (DEFAULT, NULL, $1), (1, 2, 3)', 'INSERT INTO t VALUES (…)'],
    ['ROLLBACK TO SAVEPOINT trx_12', 'ROLLBACK TO SAVEPOINT ?'],
  ])('shortens %s', (statement, expected) => {
    expect(fingerprintSql(statement).text).toBe(expected);
  });

  /** Statements with lists, as libraries generate them, by the numbers of their elements. */
  const listStatements: Record<string, (list: ListWriter) => string> = {
    in: (list) =>
      `SELECT a FROM t WHERE b IN (${list('#')}) LIMIT ${list.one('#')} OFFSET ${list.one('#')}`,
    casts: (list) =>
      `SELECT a FROM t WHERE b IN (${list('#::int')}) AND c = ${list.one('#::text')}`,
    two: (list) => `SELECT a FROM t WHERE b IN (${list('#')}) AND c NOT IN (${list('#')})`,
    functions: (list) =>
      `SELECT a FROM t WHERE b IN (${list('lower(#)')}) AND d = ${list.one('#')}`,
    nested: (list) => `SELECT a FROM t WHERE (a, b) IN (${list('(#, #)')}) OFFSET ${list.one('#')}`,
    array: (list) =>
      `SELECT a FROM t WHERE b = ANY(ARRAY[${list('#')}]::int[]) LIMIT ${list.one('#')}`,
    arrays: (list) => `SELECT ARRAY[${list('ARRAY[#, #]')}] FROM t WHERE a = ${list.one('#')}`,
    rows: (list) => `SELECT a FROM t WHERE b IN (${list('ROW(#, #)')}) LIMIT ${list.one('#')}`,
    insert: (list) => `INSERT INTO t (a, b) VALUES ${list('(#, #)')} RETURNING a`,
    upsert: (list) =>
      `INSERT INTO t (a, b) VALUES ${list('(#, #::jsonb)')} ON CONFLICT (a) DO UPDATE SET b = ${list.one('#')}`,
    defaults: (list) => `INSERT INTO t (a, b) VALUES ${list('(DEFAULT, #, now())')} RETURNING a`,
    values: (list) =>
      `UPDATE t SET b = v.b FROM (VALUES ${list('(#, #)')}) AS v(a, b) WHERE t.c = ${list.one('#')}`,
    subquery: (list) =>
      `SELECT a FROM t WHERE b IN (SELECT c FROM u WHERE d IN (${list('#')}) LIMIT ${list.one('#')})`,
  };
  /** Statements that repeat a clause. One clause alone is a different statement. */
  const chainStatements: Record<string, (list: ListWriter) => string> = {
    union: (list) =>
      `SELECT a FROM (${list('SELECT #, #', ' UNION ALL ')}) u WHERE b = ${list.one('#')}`,
    insertUnion: (list) =>
      `INSERT INTO t (a, b) ${list('SELECT #, #', ' UNION ALL ')} ON CONFLICT DO NOTHING`,
    or: (list) =>
      `SELECT a FROM t WHERE ${list('(a = # AND b = #)', ' OR ')} LIMIT ${list.one('#')}`,
    orInGroup: (list) =>
      `SELECT a FROM t WHERE c = ${list.one('#')} AND (${list('b = #', ' OR ')})`,
    orOfGroups: (list) =>
      `SELECT a FROM t WHERE (${list('(a = # AND b = #)', ' OR ')}) OFFSET ${list.one('#')}`,
    unionOfGroups: (list) =>
      `SELECT a FROM (${list('(SELECT #, # FROM u)', ' UNION ')}) v OFFSET ${list.one('#')}`,
    case: (list) =>
      `UPDATE t SET b = CASE a ${list('WHEN # THEN #', ' ')} END WHERE a IN (${list('#')})`,
  };

  it.each([
    ...Object.entries(listStatements).map(([name, write]) => ({ name, write, min: 1 })),
    ...Object.entries(chainStatements).map(([name, write]) => ({ name, write, min: 2 })),
  ])('is the same for any length and kind of placeholders: $name', ({ write, min }) => {
    const expected = fingerprintSql(write(createListWriter([min], ['?']))).text;
    const lengths = fc.array(fc.integer({ min, max: 40 }), { minLength: 1, maxLength: 3 });
    const values = fc.oneof(
      ...[['$'], [':'], ['@p'], ['?']].map((kind) => fc.constant(kind)),
      fc.array(fc.constantFrom('7', "'x'", '-1.5', '/* ( */ $$a$$', "E'\\''", '$'), {
        minLength: 1,
      }),
    );
    fc.assert(
      fc.property(lengths, values, (listLengths, kinds) => {
        const statement = write(createListWriter(listLengths, kinds));
        expect(fingerprintSql(statement).text).toBe(expected);
      }),
    );
  });

  it('differs for different statements', () => {
    const writers = Object.values({ ...listStatements, ...chainStatements });
    const texts = [
      ...writers.map((write) => fingerprintSql(write(createListWriter([3], ['$']))).text),
      ...[
        'SELECT a FROM t WHERE b = $1',
        'SELECT a FROM t WHERE b <> $1',
        'SELECT a FROM t WHERE b IS NULL',
        'SELECT a FROM t WHERE b IS NOT NULL',
        'SELECT a FROM t WHERE b IN ($1)',
        'SELECT a FROM t WHERE b NOT IN ($1)',
        'SELECT a FROM t WHERE b IN (c, $1)',
        'SELECT a FROM t WHERE b IN (d, $1)',
        'SELECT a FROM t WHERE b = f($1)',
        'SELECT a FROM t WHERE b = f($1, $2)',
        'SELECT a FROM t WHERE b = f(c, $1)',
        'SELECT a FROM t WHERE b = $1 OR c = $2',
        'SELECT a FROM t WHERE b = $1 AND c = $2',
        'SELECT $1',
        'SELECT $1 UNION SELECT $2',
        'SELECT $1 UNION ALL SELECT $2',
        'INSERT INTO t (a) VALUES ($1)',
        'INSERT INTO t (b) VALUES ($1)',
        'INSERT INTO t (a) VALUES (lower($1))',
        'ROLLBACK',
      ].map((statement) => fingerprintSql(statement).text),
    ];
    expect(new Set(texts).size).toBe(texts.length);
  });

  it('is the same for any length of a list that is longer than the parsed text', () => {
    const insert = (length: number) =>
      `INSERT INTO t (a, b) VALUES ${createListWriter([length], ['$'])('(#, lower(#))')}`;
    const select = (length: number) =>
      `SELECT a FROM t WHERE b IN (${createListWriter([length], ['$'])('#')})`;
    for (const write of [insert, select]) {
      const { text } = fingerprintSql(write(1));
      for (let length = 5000; length < 5012; length++)
        expect(fingerprintSql(write(length)).text).toBe(text);
    }
  });

  it('contains no part of a literal, and is the same for any literal', () => {
    const literals = fc.oneof(
      fc.string().map((text) => `'${text.replaceAll("'", "''")}'`),
      fc.string().map((text) => `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`),
      fc
        .string()
        .filter((text) => !text.includes('$'))
        .map((text) => `$tag$${text}$tag$`),
      fc.double({ noNaN: true, noDefaultInfinity: true, min: 0 }).map(String),
      fc.nat().map((n) => String(n)),
      fc.nat().map((n) => `-${n}`),
      fc.nat().map((n) => `$${n}`),
    );
    fc.assert(
      fc.property(literals, (literal) => {
        const { text } = fingerprintSql(`SELECT a FROM t WHERE x = ${literal} AND y = 1`);
        expect(text).toBe('SELECT a FROM t WHERE x = ? AND y = ?');
      }),
    );
  });

  it('accepts any text and returns at most 512 characters', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 2000 }), (statement) => {
        expect(fingerprintSql(statement).text.length).toBeLessThanOrEqual(512);
      }),
    );
  });

  it('takes linear time for hostile text', () => {
    const fragments = [
      '(',
      '[',
      '+',
      ',(',
      'OR ',
      'a OR ',
      'WHEN ',
      'UNION ',
      'VALUES(',
      'IN (?),',
      ';',
      'TABLE ',
      'FROM ',
      '/*',
      '(?,',
      '$1',
      "e'\\",
      '"',
      '$a',
      '1e',
      '--',
    ];
    for (const hostile of [...fragments, ...HOSTILE_FRAGMENTS]) {
      for (const end of ['x', "'", ' x'])
        fingerprintSql(hostile.repeat(20_000 / hostile.length) + end);
    }
    expect(fingerprintSql(`${'TABLE '.repeat(3000)}a`).table).toBe('a');
    expect(fingerprintSql(`SELECT 1${';'.repeat(19_000)}`).text).toBe('SELECT ?');
  });

  it('distinguishes long statements that start with the same text', () => {
    const long = (end: string) => `SELECT ${'a, '.repeat(300)}${end} FROM t`;
    expect(fingerprintSql(long('b')).text).not.toBe(fingerprintSql(long('c')).text);
  });
});
