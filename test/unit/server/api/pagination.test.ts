import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UNRESTRICTED_SCOPE } from '../../../../src/core/tenant-scope.ts';
import { getCacheControl } from '../../../../src/server/api/api-router.ts';
import { formatCsv } from '../../../../src/server/api/csv-table.ts';
import {
  formatCursor,
  paginate,
  parseCursor,
  parseMicrosPosition,
  parseRowPosition,
} from '../../../../src/server/api/request/pagination.ts';
import { formatMicros } from '../../../../src/storage/queries/metric-rows.ts';

const NOW = Date.UTC(2026, 10, 25, 12);
const value = fc.oneof(
  fc
    .string({ unit: 'binary', maxLength: 50 })
    .filter((text) => text.isWellFormed() && !text.includes('\0')),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number + 0),
  fc.constant(null),
);

describe('parseCursor', () => {
  it('restores a formatted cursor', () => {
    const time = fc.integer({ min: 0, max: NOW });
    fc.assert(
      fc.property(time, time, fc.array(value, { maxLength: 3 }), (fromMs, lengthMs, after) => {
        const cursor = { range: { fromMs, toMs: fromMs + lengthMs + 1 }, after };
        const query = { sort: 'count', limit: 3 };
        expect(parseCursor(formatCursor(cursor, query), { ...query, limit: 9 })).toEqual(cursor);
      }),
    );
  });

  it('rejects malformed cursors and cursors from other queries', () => {
    const text = formatCursor(
      { range: { fromMs: 1, toMs: 2 }, after: [1, 'a'] },
      { sort: 'count' },
    );
    expect(() => parseCursor(text, { sort: 'rate' })).toThrow('different parameters');
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.base64String(), fc.json()), (other) => {
        expect(() => parseCursor(other, {})).toThrow('is not a valid cursor');
      }),
    );
  });
});

/** Values that can't be the keys of a row. */
const INVALID_VALUES = [
  ...[-1, 1.5, 2 ** 53, 1e300, null, true, {}, [], undefined],
  ...['\0', 'a\0b', '\ud800', 'x'.repeat(20_000)],
];

describe('a changed cursor', () => {
  it.each([
    ['a row position', [NOW - 5, 'id', 3], parseRowPosition],
    ['a position in microseconds', [1000 * NOW, 'id'], parseMicrosPosition],
  ])('with an invalid value in %s is rejected', (_case, keys, parse) => {
    const query = { limit: 5 };
    const range = { fromMs: NOW - 1000, toMs: NOW };
    const parseKeys = (after: unknown[]) =>
      parse(parseCursor(formatCursor({ range, after } as never, query), query).after);
    expect(Object.values(parseKeys(keys))).toEqual(keys);
    for (const [i] of keys.entries()) {
      for (const invalid of INVALID_VALUES) {
        expect(() => parseKeys(keys.with(i, invalid as never)), `${i} ${String(invalid)}`).toThrow(
          'is not a valid cursor',
        );
      }
    }
    expect(() => parseKeys([...keys, 1])).toThrow('is not a valid cursor');
    expect(() => parseKeys(keys.slice(1))).toThrow('is not a valid cursor');
  });

  it('with an invalid time range is rejected', () => {
    for (const [fromMs, toMs] of [
      [NOW, NOW],
      [NOW, NOW - 1],
      [-1, NOW],
      [0.5, NOW],
      [NOW, 1e300],
    ] as const) {
      const text = formatCursor({ range: { fromMs, toMs }, after: [] }, {});
      expect(() => parseCursor(text, {})).toThrow('is not a valid cursor');
    }
  });
});

describe('paginate', () => {
  const dbQuery = { scope: UNRESTRICTED_SCOPE, range: { fromMs: NOW - 1000, toMs: NOW } };

  it('returns every row once and in order, for any values', async () => {
    const sortValues = fc.oneof(fc.integer({ min: 0, max: 5 }), fc.constant(null));
    await fc.assert(
      fc.asyncProperty(
        fc.array(sortValues, { maxLength: 40 }),
        fc.integer({ min: 1, max: 7 }),
        fc.constantFrom('asc' as const, 'desc' as const),
        async (values, limit, order) => {
          const all = values.map((sortValue, i) => ({ row: i, key: `k${i}`, value: sortValue }));
          const seen: number[] = [];
          let cursor: string | undefined;
          do {
            const query = { limit, cursor };
            const page = await paginate({ query, nowMs: NOW, dbQuery, order }, async () => [
              ...all,
            ]);
            seen.push(...page.groups);
            cursor = page.nextCursor;
          } while (cursor !== undefined);
          expect(seen.toSorted((a, b) => a - b)).toEqual(values.map((_, i) => i));
          const known = seen.map((i) => values[i]).filter((sortValue) => sortValue !== null);
          const sorted = known.toSorted((a, b) => Number(a) - Number(b));
          expect(known).toEqual(order === 'asc' ? sorted : sorted.reverse());
        },
      ),
    );
  });

  it('keeps the time range of the first page', async () => {
    const rows = [1, 2].map((row) => ({ row, key: `${row}`, value: row }));
    const first = { query: { limit: 1 }, nowMs: NOW, dbQuery, order: 'asc' as const };
    const { nextCursor } = await paginate(first, async () => rows);
    const later = { ...dbQuery, range: { fromMs: NOW + 1, toMs: NOW + 9999 } };
    const second = await paginate(
      { ...first, query: { limit: 1, cursor: nextCursor }, nowMs: NOW + 9999, dbQuery: later },
      async () => rows,
    );
    expect(second).toMatchObject({ groups: [2], dbQuery: { range: dbQuery.range } });
  });
});

describe('formatCsv', () => {
  it.each([
    ['=1+1', "'=1+1"],
    ['+1', "'+1"],
    ['-1', "'-1"],
    ['@SUM(A1)', "'@SUM(A1)"],
    ['\tx', `"'\tx"`],
    ['\rx', `"'\rx"`],
    ['"=1+1', `"'""=1+1"`],
    ["'=1+1", "''=1+1"],
    [' =1+1', "' =1+1"],
    ['＝1+1', "'＝1+1"],
    ['a=b', 'a=b'],
    ['SELECT -1', 'SELECT -1'],
    ['a,b', '"a,b"'],
    ['a "b"', '"a ""b"""'],
    ['two\r\nlines', '"two\r\nlines"'],
    ['=cmd|"/c calc"', `"'=cmd|""/c calc"""`],
    [-1.5, '-1.5'],
    [true, 'true'],
    [undefined, ''],
    [new Date(0), '1970-01-01T00:00:00.000Z'],
  ])('writes %j as %s', (cell, written) => {
    const text = formatCsv({ columns: ['a', 'b'], rows: [{ b: 1, a: cell }] });
    expect(text).toBe(`a,b\r\n${written},1\r\n`);
  });

  it('writes only the header if there are no rows', () => {
    expect(formatCsv({ columns: ['a', 'b'], rows: [] })).toBe('a,b\r\n');
  });
});

describe('getCacheControl', () => {
  it.each([
    ['a range that ends now', new Date(NOW), 'private, no-cache'],
    ['a range that can still get late rows', new Date(NOW - 3_500_000), 'private, no-cache'],
    ['a past range', new Date(NOW - 3_700_000), 'private, max-age=300'],
    ['no range', undefined, 'private, no-cache'],
  ])('returns the header value for %s', (_case, to, control) => {
    expect(getCacheControl({ to }, NOW)).toBe(control);
  });
});

it('formats times with microseconds', () => {
  expect(formatMicros(1_795_608_000_123_456)).toBe('2026-11-25T12:00:00.123456Z');
  expect(formatMicros(1_795_608_000_000_007)).toBe('2026-11-25T12:00:00.000007Z');
});
