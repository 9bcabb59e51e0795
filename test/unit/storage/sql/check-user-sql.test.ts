import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createRejectedSqlError,
  toReadOnlySql,
} from '../../../../src/storage/sql/check-user-sql.ts';

/** Returns the error message for a statement, or its restated text if it is accepted. */
const getRejection = (text: string): string => {
  try {
    return `accepted: ${toReadOnlySql(text)}`;
  } catch (error) {
    return (error as Error).message;
  }
};

describe('toReadOnlySql', () => {
  it.each([
    ['select 1;', 'SELECT 1'],
    ['/* why */ select a -- b\nfrom t', 'SELECT a FROM t'],
    [
      'with a as (select x from t) select * from a limit 3',
      'WITH a AS (SELECT x FROM t) SELECT * FROM a LIMIT 3',
    ],
    ["select 'it''s; drop table t' s from t", "SELECT 'it''s; drop table t' AS s FROM t"],
    [
      'select a from (t where x > 1) latest on ts partition by s',
      'SELECT a FROM (t WHERE x > 1) LATEST ON ts PARTITION BY s',
    ],
    [
      "select avg(x) over (partition by a order by b rows between 3 preceding and current row), x::int from t sample by 1h fill(prev) align to calendar time zone 'Europe/Berlin'",
      "SELECT avg(x) OVER (PARTITION BY a ORDER BY b ROWS BETWEEN 3 PRECEDING AND CURRENT ROW), x::INT FROM t SAMPLE BY 1h FILL(PREV) ALIGN TO CALENDAR TIME ZONE 'Europe/Berlin'",
    ],
    [
      'select * from a asof join b on (c) where d = 1',
      'SELECT * FROM a ASOF JOIN b ON (c) WHERE d = 1',
    ],
    ['select * from a union all select * from b', 'SELECT * FROM a UNION ALL SELECT * FROM b'],
    ['select count() from tables()', 'SELECT count() FROM tables()'],
    ['select value as "column" from t', 'SELECT value AS "column" FROM t'],
    ['select "value" as "my alias"; ;', 'SELECT "value" AS "my alias"'],
    [
      'with "with" as (select x."column" from "t" as x) select "column", value from "with" order by "column"',
      'WITH "with" AS (SELECT x."column" FROM "t" AS x) SELECT "column", value FROM "with" ORDER BY "column"',
    ],
    [
      "select timestamp, count, value, min, max from t where value = 'value'",
      'SELECT timestamp, count, "value", min, max FROM t WHERE "value" = \'value\'',
    ],
    [
      'select sum("x") over (partition by "column") "over" from t latest on "timestamp" partition by "s"',
      'SELECT sum("x") OVER (PARTITION BY "column") AS "over" FROM t LATEST ON "timestamp" PARTITION BY "s"',
    ],
  ])('accepts %s', (text, restated) => {
    expect(toReadOnlySql(text)).toBe(restated);
    expect(toReadOnlySql(restated)).toBe(restated);
  });

  it.each([
    ['empty text', '', /is empty/],
    ['text that is not SQL', 'once upon a time', /does not start with SELECT/],
    ['COPY', "copy t to '/tmp/x'", /not a SELECT/],
    ['COPY of a query', "copy (select * from t) to '/tmp/x' with format parquet", /not a SELECT/],
    ['an INSERT after WITH', 'with a as (select 1) insert into t select * from a', /not a SELECT/],
    ['a second statement', 'select 1; drop table t', /more than one/],
    ['a second statement without a semicolon', 'select 1 drop table t', /more than one/],
    ['EXPLAIN', 'explain select 1', /not a SELECT/],
    ['SHOW', 'show parameters', /not a SELECT/],
    ['SHOW in a subquery', 'select * from (show parameters)', /SHOW is not allowed/],
    ['a variable', 'declare @t := import_files select * from @t', /not allowed/],
    ['a file function', "select * from read_parquet('/etc/x')", /read_parquet is not allowed/],
    ['a quoted file function', `select * from "READ_PARQUET"('x')`, /READ_PARQUET is not allowed/],
    [
      'a file function in a nested subquery',
      "select 1 from t where a in (select b from (select * from glob('/')))",
      /glob/,
    ],
    [
      'a file function without parentheses',
      'select * from import_files',
      /import_files is not allowed/,
    ],
    [
      'a quoted file function without parentheses',
      "select * from 'Export_Files' x",
      /export_files is not allowed/,
    ],
    ['a table name without SELECT', 'performance_metrics', /does not start with SELECT/],
    ['a file function after a join', 'select * from t cross join import_files()', /import_files/],
    [
      'a file function in a CTE',
      "with a as (parquet_scan('x')) select 1",
      /parquet_scan|can't be parsed/,
    ],
    ['a file function as a value', "select x in (read_parquet('x')) from t", /read_parquet/],
    [
      'a forbidden function in a window',
      'select sum(x) over (partition by touch(y)) from t',
      /touch/,
    ],
    ['a row generator', 'select count() from long_sequence(10000000000)', /long_sequence/],
    ['a number that the parser reads differently', 'select 0x1f', /a space is missing before x1f/],
    ['a bound parameter', 'select $1', /can't be parsed/],
    ['a very long statement', `select '${'x'.repeat(20_000)}'`, /longer than 20000/],
  ])('rejects %s', (_case, text, message) => {
    expect(getRejection(text)).toMatch(message);
    expect(() => toReadOnlySql(text)).toThrow(expect.objectContaining({ code: 'PS_SQL_REFUSED' }));
  });

  it('rejects every statement that writes', () => {
    const name = fc.constantFrom('t', '"t"', 'performance_metrics', '"a b"');
    const select = fc.constantFrom(
      'select 1',
      'select * from t',
      'with a as (select 1) select * from a',
    );
    const writing = fc
      .tuple(name, select, fc.string({ maxLength: 8 }))
      .chain(([table, rows, text]) => {
        const quoted = `'${text.replaceAll("'", "''")}'`;
        return fc.constantFrom(
          `insert into ${table} values (${quoted})`,
          `insert into ${table} ${rows}`,
          `update ${table} set a = ${quoted}`,
          `create table x as (${rows})`,
          `create materialized view x as (${rows})`,
          `create view x as (${rows})`,
          `drop table ${table}`,
          `drop all tables`,
          `truncate table ${table}`,
          `alter table ${table} drop partition list ${quoted}`,
          `alter table ${table} add column x int`,
          `rename table ${table} to x`,
          `copy ${table} to ${quoted}`,
          `copy ${table} from ${quoted}`,
          `backup table ${table}`,
          `checkpoint create`,
          `vacuum table ${table}`,
          `reindex table ${table}`,
          `refresh materialized view ${table} full`,
          `grant all to x`,
          `cancel query 1`,
          `set x = 1`,
        );
      });
    const wrapped = fc.tuple(writing, select, fc.nat(9)).map(([text, rows, index]) => {
      const variants = [
        text,
        text.toUpperCase(),
        `${text};`,
        `${rows}; ${text}`,
        `${rows} ${text}`,
        `${text}; ${rows}`,
        `/* ${rows} */ ${text}`,
        `-- ${rows}\n${text}`,
        `${rows} union all (${text})`,
        `select * from (${text})`,
      ];
      return variants[index] ?? text;
    });
    fc.assert(
      fc.property(wrapped, (text) => {
        expect(() => toReadOnlySql(text)).toThrow(
          expect.objectContaining({ code: 'PS_SQL_REFUSED' }),
        );
      }),
      { numRuns: 3000 },
    );
  });

  it('accepts or rejects any text, and throws no other errors', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ unit: 'binary' })), (text) => {
        expect(getRejection(text)).toMatch(/^(accepted: |The SQL statement was not run: )/);
      }),
      { numRuns: 1000 },
    );
  });
});

it.each([
  [
    'select a, count() from t having count() > 1',
    'unexpected ">" in line 1. QuestDB has no HAVING.',
  ],
  ['select * from t\nlimit 10 offset 5', 'unexpected "5" in line 2. QuestDB has no OFFSET.'],
  ['select count(*) filter (where a > 1) from t', 'Write sum(CASE WHEN value > 1'],
  ["select * from t where a > now() - interval '5 minutes'", "Write dateadd('m', -5, now())"],
  ['select `a` from t', 'unexpected "`" in line 1. Quote names with double quotes'],
  ['select end from t', 'If end is a name, write it in double quotes.'],
  ['select a from t where', 'it ends too early. Complete the statement.'],
  ['select a, from t', 'unexpected "from" in line 1. Remove the comma before it.'],
  ['select value form t', '"t" is not expected after "form".'],
  ['select $1', 'Write the values into the statement.'],
  ['performance_metrics', 'Example: SELECT * FROM performance_metrics.'],
  ['delete from t', 'it is not a SELECT. QuestDB has no DELETE.'],
  ['show tables', 'use SELECT * FROM tables()'],
  ['select roud(1)', 'QuestDB has no function roud. Did you mean round?'],
  ['select percentile_cont(1)', 'Use approx_percentile(value, 0.95)'],
  ["select a='b'and c", 'a space is missing before and. Add the space.'],
])('reports why %s is rejected and the syntax to use instead', (text, message) => {
  expect(getRejection(text)).toContain(message);
});

it('recommends a single SELECT only if the statement is not permitted', () => {
  expect(() => toReadOnlySql('')).toThrow(
    'The SQL statement was not run: it is empty. Use a single SELECT that reads only tables.',
  );
  expect(createRejectedSqlError('bad ORDER BY', 'select 1').message).toBe(
    'The SQL statement was not run: QuestDB returned the error "bad ORDER BY". Correct the statement.',
  );
});
