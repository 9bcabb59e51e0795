import { beforeEach, describe, expect, it } from 'vitest';
import type { Row } from '../../../../src/storage/questdb/postgres-wire-reader.ts';
import { StateTableCache } from '../../../../src/storage/questdb/state-table-cache.ts';
import { sql } from '../../../../src/storage/sql/sql-builder.ts';

interface Person {
  readonly id: string;
  readonly version: number;
}

const SELECT_ALL = sql`SELECT * FROM people`;

let rows: Row[];
/** One entry per query: `revision` or `all`. */
let queries: string[];
let now: number;
let beforeRead: () => Promise<void>;
let cache: StateTableCache<Person>;

beforeEach(() => {
  [rows, queries, now] = [[{ id: 'ann', version: 1 }], [], 1000];
  beforeRead = async () => {};
  cache = new StateTableCache<Person>({
    now: () => now,
    table: 'notification_people',
    selectAll: SELECT_ALL,
    read: async (_scope, statement) => {
      const isAll = statement === SELECT_ALL;
      queries.push(isAll ? 'all' : 'revision');
      await beforeRead();
      return isAll ? [...rows] : [{ amount: rows.length, newest: rows.length }];
    },
    parseRows: (read) =>
      new Map((read as unknown as Person[]).map((person) => [person.id, person])),
    isStored: (local, stored) => stored.version >= local.version,
  });
});

describe('refresh', () => {
  it('reads all rows only after the number of rows has changed', async () => {
    await cache.refresh();
    const { values } = cache;
    await cache.refresh();
    expect(queries).toEqual(['revision', 'all', 'revision']);
    expect(cache.values).toBe(values);
    rows.push({ id: 'bob', version: 1 });
    await cache.refresh();
    expect(cache.values.map(({ id }) => id)).toEqual(['ann', 'bob']);
    expect(queries.slice(3)).toEqual(['revision', 'all']);
  });

  it('is shared by concurrent callers, and records when it started', async () => {
    let finish = () => {};
    beforeRead = () =>
      new Promise((resolve) => {
        finish = resolve;
      });
    const refreshes = [cache.refresh(), cache.refresh()];
    expect(queries).toEqual(['revision']);
    now = 2000;
    beforeRead = async () => {};
    finish();
    await Promise.all(refreshes);
    expect([queries, cache.lastReadMs]).toEqual([['revision', 'all'], 1000]);
  });

  it('keeps the values if a read fails, and reads all rows again later', async () => {
    await cache.refresh();
    rows.push({ id: 'bob', version: 1 });
    let reads = 0;
    beforeRead = async () => {
      reads += 1;
      if (reads === 2) throw new Error('unreachable');
    };
    now = 3000;
    await expect(cache.refresh()).rejects.toThrow('unreachable');
    expect([cache.values.length, cache.lastReadMs]).toEqual([1, 1000]);
    await cache.refresh();
    expect([cache.values.length, cache.lastReadMs]).toEqual([2, 3000]);
  });
});

it('shows a local change until the table contains it or a later change', async () => {
  await cache.refresh();
  cache.setLocal('ann', { id: 'ann', version: 3 });
  rows.push({ id: 'ann', version: 2 });
  await cache.refresh();
  expect([cache.find('ann')?.version, cache.values]).toEqual([3, [{ id: 'ann', version: 3 }]]);
  rows.push({ id: 'ann', version: 4 });
  await cache.waitUntilStored('ann');
  expect(cache.find('ann')?.version).toBe(4);
  rows.push({ id: 'ann', version: 5 });
  await cache.refresh();
  expect(cache.values).toEqual([{ id: 'ann', version: 5 }]);
});

it('never rejects a throttled refresh, and runs one for all concurrent callers', async () => {
  now = 10_000;
  beforeRead = () => Promise.reject(new Error('unreachable'));
  await Promise.all([cache.refreshThrottled(), cache.refreshThrottled()]);
  expect(queries).toEqual(['revision']);
});
