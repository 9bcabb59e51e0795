import { expect, it } from 'vitest';
import { createError } from '../../../../src/core/perfscope-error.ts';
import { TableWatch } from '../../../../src/storage/write/table-watch.ts';

const TARGET = { url: 'http://questdb' };
const { signal } = new AbortController();

/** Returns the results of one check for each set of IDs. */
async function check(readings: readonly (Record<string, number> | Error)[]): Promise<boolean[]> {
  const remaining = [...readings];
  const watch = new TableWatch(async () => {
    const next = remaining.shift()!;
    if (next instanceof Error) throw next;
    return new Map(Object.entries(next));
  });
  const results: boolean[] = [];
  while (remaining.length > 0) results.push(await watch.wasTableReplaced(TARGET, signal));
  return results;
}

it('finds a table with another ID', async () => {
  expect(await check([{ a: 1, b: 2 }, { a: 1, b: 2 }, { a: 1, b: 3 }, { b: 3 }])).toEqual([
    ...[false, false, true, false],
  ]);
});

it('finds a table that was missing in between', async () => {
  expect(await check([{ a: 1, b: 2 }, { a: 1 }, { a: 1, b: 3 }])).toEqual([false, false, true]);
});

it('does not report new tables', async () => {
  expect(await check([{}, { a: 1 }, { a: 1, b: 2 }])).toEqual([false, false, false]);
});

it('keeps the IDs if QuestDB refuses the statement', async () => {
  const refused = createError('PS_QUESTDB_REFUSED', { status: 403, reason: 'no permission' });
  expect(await check([{ a: 1 }, refused, { a: 2 }])).toEqual([false, false, true]);
});

it('throws if QuestDB is unreachable, and checks again', async () => {
  const error = createError('PS_QUESTDB_UNREACHABLE', { url: TARGET.url, reason: 'down' });
  await expect(check([{ a: 1 }, error])).rejects.toThrow('down');
});

it('does not compare the tables of different databases', async () => {
  let id = 0;
  const watch = new TableWatch(async () => new Map([['a', ++id]]));
  expect(await watch.wasTableReplaced(TARGET, signal)).toBe(false);
  expect(await watch.wasTableReplaced({ url: 'http://other' }, signal)).toBe(false);
});

it('resends rows for a minute after a table was created again', () => {
  const watch = new TableWatch(async () => new Map());
  expect(watch.isResending(0)).toBe(false);
  watch.startResending(1000);
  expect([1000, 60_999, 61_000].map((nowMs) => watch.isResending(nowMs))).toEqual([
    ...[true, true, false],
  ]);
});
