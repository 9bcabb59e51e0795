import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UNRESTRICTED_SCOPE } from '../../../../src/core/tenant-scope.ts';
import { getCacheControl } from '../../../../src/server/api/api-router.ts';
import { formatCsv } from '../../../../src/server/api/csv-table.ts';
import {
  formatCursor,
  paginate,
  parseCursor,
} from '../../../../src/server/api/request/pagination.ts';
import { formatMicros } from '../../../../src/storage/queries/metric-rows.ts';

const NOW = Date.UTC(2026, 10, 25, 12);
const value = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 50 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((each) => each + 0),
  fc.constant(null),
);

describe('a cursor', () => {
  it('comes back as it was', () => {
    const time = fc.integer({ min: 0, max: NOW });
    fc.assert(
      fc.property(time, time, fc.array(value, { maxLength: 4 }), (fromMs, toMs, after) => {
        const cursor = { range: { fromMs, toMs }, after };
        const query = { sort: 'count', limit: 3 };
        expect(parseCursor(formatCursor(cursor, query), { ...query, limit: 9 })).toEqual(cursor);
      }),
    );
  });

  it('is refused when it is none, or of another dbQuery', () => {
    const text = formatCursor(
      { range: { fromMs: 1, toMs: 2 }, after: [1, 'a'] },
      { sort: 'count' },
    );
    expect(() => parseCursor(text, { sort: 'rate' })).toThrow('other parameters');
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.base64String(), fc.json()), (other) => {
        expect(() => parseCursor(other, {})).toThrow('not one that an answer has given');
      }),
    );
  });
});

describe('pages', () => {
  const dbQuery = { scope: UNRESTRICTED_SCOPE, range: { fromMs: NOW - 1000, toMs: NOW } };

  it('give every row once and in order, whatever the values are', async () => {
    const figures = fc.oneof(fc.integer({ min: 0, max: 5 }), fc.constant(null));
    await fc.assert(
      fc.asyncProperty(
        fc.array(figures, { maxLength: 40 }),
        fc.integer({ min: 1, max: 7 }),
        fc.constantFrom('asc' as const, 'desc' as const),
        async (values, limit, order) => {
          const all = values.map((each, i) => ({ row: i, key: `k${i}`, value: each }));
          const seen: number[] = [];
          let cursor: string | undefined;
          do {
            const query = { limit, cursor };
            const answer = await paginate({ query, nowMs: NOW, dbQuery, order }, async () => [
              ...all,
            ]);
            seen.push(...answer.groups);
            cursor = answer.nextCursor;
          } while (cursor !== undefined);
          expect(seen.toSorted((a, b) => a - b)).toEqual(values.map((_, i) => i));
          const known = seen.map((i) => values[i]).filter((each) => each !== null);
          const sorted = known.toSorted((a, b) => Number(a) - Number(b));
          expect(known).toEqual(order === 'asc' ? sorted : sorted.reverse());
        },
      ),
    );
  });

  it('keep the time of the first', async () => {
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

describe('CSV', () => {
  it.each([
    ['=1+1', "'=1+1"],
    ['+1', "'+1"],
    ['-1', "'-1"],
    ['@SUM(A1)', "'@SUM(A1)"],
    ['\tx', "'\tx"],
    ['a,b', '"a,b"'],
    ['say "hi"', '"say ""hi"""'],
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

  it('has its header without rows too', () => {
    expect(formatCsv({ columns: ['a', 'b'], rows: [] })).toBe('a,b\r\n');
  });
});

describe('an answer', () => {
  it.each([
    ['that goes on', new Date(NOW), 'private, no-cache'],
    ['of a time that late rows still come of', new Date(NOW - 3_500_000), 'private, no-cache'],
    ['of a time that is over', new Date(NOW - 3_700_000), 'private, max-age=300'],
    ['of no time', undefined, 'private, no-cache'],
  ])('%s is cached so', (_what, to, control) => {
    expect(getCacheControl({ to }, NOW)).toBe(control);
  });
});

it('keeps microseconds of a time', () => {
  expect(formatMicros(1_795_608_000_123_456)).toBe('2026-11-25T12:00:00.123456Z');
  expect(formatMicros(1_795_608_000_000_007)).toBe('2026-11-25T12:00:00.000007Z');
});
