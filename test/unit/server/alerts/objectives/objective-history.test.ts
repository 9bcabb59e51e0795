import fc from 'fast-check';
import { expect, it } from 'vitest';
import { keepNewestRows } from '../../../../../src/server/alerts/service/objective-service.ts';

const toRows = (times: readonly number[]) => times.map((timestamp) => ({ timestamp }));

it('returns all rows, oldest first, if there are not too many', () => {
  expect(keepNewestRows(toRows([3, 3, 1]), 3)).toEqual({
    rows: toRows([1, 3, 3]),
    fromMs: undefined,
  });
  expect(keepNewestRows([], 3)).toEqual({ rows: [], fromMs: undefined });
});

it('omits the oldest rows, but keeps each time complete', () => {
  expect(keepNewestRows(toRows([5, 5, 4, 4]), 3)).toEqual({ rows: toRows([5, 5]), fromMs: 5 });
  expect(keepNewestRows(toRows([5, 5, 4, 2]), 3)).toEqual({ rows: toRows([4, 5, 5]), fromMs: 4 });
});

it('returns every row exactly once if the range of each page ends at the start of the page before', () => {
  const times = fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 60 });
  fc.assert(
    fc.property(times, (all) => {
      // A page has at least as many rows as the same time.
      const sameTime = [...Map.groupBy(all, (time) => time).values()];
      const limit = Math.max(1, ...sameTime.map(({ length }) => length));
      const sorted = all.toSorted((a, b) => b - a);
      const read: number[] = [];
      for (let toMs: number | undefined = 31; toMs !== undefined; ) {
        const page = sorted.filter((time) => time < toMs!).slice(0, limit + 1);
        const { rows, fromMs } = keepNewestRows(toRows(page), limit);
        read.unshift(...rows.map(({ timestamp }) => timestamp));
        toMs = fromMs;
      }
      expect(read).toEqual(all.toSorted((a, b) => a - b));
    }),
  );
});
