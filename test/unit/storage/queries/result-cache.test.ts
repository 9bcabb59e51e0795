import { expect, it } from 'vitest';
import { cacheResult } from '../../../../src/storage/queries/result-cache.ts';
import type { QueryClient } from '../../../../src/storage/questdb/query-client.ts';

const createClient = (): QueryClient => ({
  read: async () => [],
  getCatalog: async () => new Map(),
});

it('without a revision, shares a result between concurrent calls, but not with later calls', async () => {
  const queryClient = createClient();
  let computed = 0;
  const query = (key = 'a') => cacheResult(queryClient, key, undefined, async () => ++computed);
  expect(await Promise.all([query(), query(), query('b')])).toEqual([1, 1, 2]);
  expect(await query()).toBe(3);
  expect(await cacheResult(createClient(), 'a', undefined, async () => ++computed)).toBe(4);
});

it('reuses a result for the same revision and does not cache an error', async () => {
  const queryClient = createClient();
  let computed = 0;
  const query = (revision: string) =>
    cacheResult(queryClient, 'a', revision, async () => ++computed);
  const results = [await query('1'), await query('1'), await query('2'), await query('2')];
  expect(results).toEqual([1, 1, 2, 2]);
  const fail = () => cacheResult(queryClient, 'b', '1', () => Promise.reject(new Error('down')));
  await expect(fail()).rejects.toThrow('down');
  expect(await cacheResult(queryClient, 'b', '1', async () => 'up')).toBe('up');
});

it('caches a limited number of results and evicts the oldest', async () => {
  const queryClient = createClient();
  let computed = 0;
  const query = (key: number) => cacheResult(queryClient, String(key), '1', async () => ++computed);
  for (let key = 0; key < 150; key++) await query(key);
  await query(149);
  await query(50);
  expect(computed).toBe(150);
  await query(49);
  expect(computed).toBe(151);
});
