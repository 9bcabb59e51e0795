import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  FORBIDDEN_FUNCTIONS,
  TABLE_FUNCTIONS,
  toReadOnlySql,
  VALUE_FUNCTIONS,
} from '../../../../src/storage/sql/check-user-sql.ts';
import { runUserQuery } from '../../../../src/storage/sql/run-user-query.ts';
import { ExternalQuestdb } from '../../../support/external-questdb.ts';
import { waitFor } from '../../../support/wait-for.ts';

const questdb = new ExternalQuestdb({ isShared: true });
beforeAll(async () => {
  await questdb.start();
  await questdb.sql(
    'CREATE TABLE t (timestamp TIMESTAMP, s SYMBOL, x LONG, y DOUBLE, b BOOLEAN, v VARCHAR) TIMESTAMP(timestamp) PARTITION BY DAY WAL',
  );
  await questdb.sql(`INSERT INTO t SELECT dateadd('m', x::int, '2026-01-15T00:00:00.000000Z'),
    's' || (x % 3), x, x / 4.0, x % 2 = 0, 'it''s "' || x FROM long_sequence(2000)`);
  await waitFor(async () => String(await questdb.sql('SELECT count() FROM t')) === '2000');
});
afterAll(() => questdb.remove());

const run = (text: string, options = { limit: 1000, timeoutMs: 30_000 }) =>
  runUserQuery(questdb.readTarget, text, options);

it("classifies all of QuestDB's functions", async () => {
  const rows = await questdb.sql('SELECT DISTINCT name FROM functions()');
  const names = rows.map(([name]) => String(name).toLowerCase()).filter((n) => /^[a-z]/.test(n));
  const known = [...TABLE_FUNCTIONS, ...VALUE_FUNCTIONS, ...FORBIDDEN_FUNCTIONS];
  expect(names.filter((name) => !known.includes(name))).toEqual([]);
  // No function is in two lists.
  expect(known.length).toBe(new Set(known).size);
});

it.each([
  'select * from t where x < 5',
  "select s, count(*), avg(y) a, max(timestamp) from t where timestamp in '2026-01-15T03' sample by 10m order by 4",
  'select * from t latest on timestamp partition by s',
  "with a as (select s, x from t where s = 's1') select s, sum(x) from a union all select s, min(x) from a order by 2 desc",
  'select x, sum(x) over (partition by s order by timestamp rows between 3 preceding and current row) r from t limit 20',
  "select case when b then 'even' else 'odd' end k, count_distinct(s), -1e3, 1_000, x::int from t where not s in ('s0', 's2') and (x between 5 and 50 or v like 'it''s%') order by 1, 5 limit 10, 30",
  'select a.x, b.y from t a asof join t b on (s) where a.x % 100 = 0 order by a.x',
  "select timestamp ts, count() from t where timestamp >= '2026-01-15' sample by 1h fill(0) align to calendar time zone 'Europe/Berlin'",
  "select date_trunc('hour', timestamp) h, first(v), last(s) from t group by h order by h limit -3",
])('returns the same rows as the original statement: %s', async (text) => {
  const { rows } = await run(text);
  const expected = await questdb.sql(text);
  expect(rows.length).toBe(expected.length);
  expect(rows.length).toBeGreaterThan(0);
  expect(JSON.stringify(rows)).toBe(JSON.stringify(expected));
  expect(await questdb.sql(toReadOnlySql(text))).toEqual(expected);
});

it('accepts every word that QuestDB reserves as a quoted name', async () => {
  const keywords = (await questdb.sql('SELECT keyword FROM keywords()')).map(([word]) => word);
  expect(keywords).toContain('column');
  const names = keywords.map((word) => `"${String(word)}"`);
  const inner = names.map((name, i) => `x + ${i} AS ${name}`).join(', ');
  const outer = `q.${names.join(', q.')}`;
  const { columns, rows } = await run(
    `SELECT ${outer} FROM (SELECT ${inner} FROM t WHERE x = 1) q ORDER BY "column";`,
  );
  // QuestDB keeps the quotes of words that are also operators, such as "and".
  expect(columns.map((name) => name.replaceAll('"', ''))).toEqual(keywords);
  expect(rows).toEqual([names.map((_, i) => i + 1)]);
});

it('reports truncated results, keeps large numbers exact, and reports QuestDB errors', async () => {
  const truncated = await run('select x from t', { limit: 3, timeoutMs: 30_000 });
  expect(truncated).toEqual({
    columns: ['x'],
    isText: [false],
    rows: [[1], [2], [3]],
    isTruncated: true,
  });
  const all = await run('select x from t where x <= 3', { limit: 3, timeoutMs: 30_000 });
  expect(all.isTruncated).toBe(false);
  const { rows } = await run(
    'select 9223372036854775807 big, 5 small, null n, timestamp from t limit 1',
  );
  expect(rows).toEqual([['9223372036854775807', 5, null, '2026-01-15T00:01:00.000000Z']]);
  await expect(run('select nope from t')).rejects.toMatchObject({
    code: 'PS_SQL_REFUSED',
    message: expect.stringMatching(/Invalid column: nope.*Correct the name/),
  });
});

it('cancels a query that takes too long, including in QuestDB', async () => {
  const endless =
    'select count() from t a cross join t b cross join t c where a.y + b.y + c.y = 0.5';
  await expect(run(endless, { limit: 1, timeoutMs: 300 })).rejects.toMatchObject({
    code: 'PS_QUERY_TOO_LONG',
  });
  await waitFor(async () => {
    const running = await questdb.sql('SELECT query FROM query_activity()');
    return !running.some(([query]) => /cross join/i.test(String(query)));
  });
});

/** Runs a statement as QuestDB's read-only user, without a check. */
async function runUnchecked(text: string): Promise<unknown> {
  const { default: pg } = await import('pg');
  const client = new pg.Client(questdb.readTarget);
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

it('uses a read-only QuestDB user, in case the check misses a statement', async () => {
  await expect(runUnchecked('insert into t (x) values (1)')).rejects.toThrow(/denied|permission/i);
});

it.each([
  'SELECT * FROM import_files()',
  'SELECT * FROM export_files()',
  "SELECT * FROM read_parquet('trades.parquet')",
  "SELECT * FROM parquet_scan('trades.parquet')",
  "COPY t TO 'out' WITH FORMAT PARQUET",
  "COPY (SELECT * FROM t) TO 'out' WITH FORMAT PARQUET",
  "COPY unknown FROM 'secret.csv' WITH HEADER true",
])("the read-only user can't access files: %s", async (text) => {
  await expect(runUnchecked(text)).rejects.toThrow(/is disabled|failed to read parquet file/);
  expect(() => toReadOnlySql(text)).toThrow('was not run');
});

it.each(["SELECT * FROM files('/etc')", "SELECT * FROM glob('/etc/*')"])(
  'the check rejects a function that lists files: %s',
  (text) => {
    expect(() => toReadOnlySql(text)).toThrow('is not allowed');
  },
);
