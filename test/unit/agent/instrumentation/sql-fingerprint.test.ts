import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  fingerprintSql,
  mayHaveMultipleStatements,
  splitStatements,
} from '../../../../src/agent/instrumentation/sql-fingerprint.ts';
import { HOSTILE_FRAGMENTS } from '../../../support/hostile-text.ts';

describe('fingerprintSql', () => {
  it.each([
    [
      "SELECT * FROM rooms WHERE id = $1 AND name='O''Brien' -- secret 42\n LIMIT 10",
      {
        text: 'SELECT * FROM rooms WHERE id = $1 AND name = ? LIMIT ?',
        operation: 'SELECT',
        table: 'rooms',
      },
    ],
    [
      'insert into public."Bookings" (a, b) values (1, \'x\'), (2, $1);',
      {
        text: 'insert into public."Bookings"(a, b) values (…), …',
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
      { text: 'select ?, ?, ? from t where x::int <> - ?', operation: 'SELECT', table: 't' },
    ],
    ['', { text: '', operation: 'UNKNOWN', table: undefined }],
  ])('creates the fingerprint of %s', (statement, expected) => {
    expect(fingerprintSql(statement)).toEqual(expected);
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
    const fragments = [';', 'TABLE ', 'FROM ', '/*', '(?,', '$1', "e'\\", '"', '$a', '1e', '--'];
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

it.each([
  ['SELECT 1', false],
  ['SELECT 1; \n', false],
  ['SELECT 1; SELECT 2', true],
])('checks whether %j can contain several statements: %s', (text, expected) => {
  expect(mayHaveMultipleStatements(text)).toBe(expected);
});

it.each([
  ['SELECT 1; SELECT 2;', ['SELECT 1', 'SELECT 2']],
  [';; SELECT 1;;\n -- ; end', ['SELECT 1']],
  [
    'SELECT \';\'; SELECT $a$ ; $a$ /* ; /* ; */ */, ";"',
    ["SELECT ';'", 'SELECT $a$ ; $a$ /* ; /* ; */ */, ";"'],
  ],
  ['', []],
])('splits the statements of %j', (text, expected) => {
  expect(splitStatements(text)).toEqual(expected);
});
