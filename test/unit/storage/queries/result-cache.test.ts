import { expect, it } from 'vitest';
import { cacheResult } from '../../../../src/storage/queries/result-cache.ts';
import type { QueryClient } from '../../../../src/storage/questdb/query-client.ts';

const newStore = (): QueryClient => ({ read: async () => [], getCatalog: async () => new Map() });

it('makes an answer once for all who ask while it is made, and anew afterwards', async () => {
  const store = newStore();
  let made = 0;
  const ask = (key = 'a') => cacheResult(store, key, undefined, async () => ++made);
  expect(await Promise.all([ask(), ask(), ask('b')])).toEqual([1, 1, 2]);
  expect(await ask()).toBe(3);
  expect(await cacheResult(newStore(), 'a', undefined, async () => ++made)).toBe(4);
});

it('gives an answer again in the same state, and one that failed to nobody else', async () => {
  const store = newStore();
  let made = 0;
  const ask = (state: string) => cacheResult(store, 'a', state, async () => ++made);
  expect([await ask('1'), await ask('1'), await ask('2'), await ask('2')]).toEqual([1, 1, 2, 2]);
  const fail = () => cacheResult(store, 'b', '1', () => Promise.reject(new Error('away')));
  await expect(fail()).rejects.toThrow('away');
  expect(await cacheResult(store, 'b', '1', async () => 'back')).toBe('back');
});

it('keeps a bounded number of answers, and of these the newest', async () => {
  const store = newStore();
  let made = 0;
  const ask = (key: number) => cacheResult(store, String(key), '1', async () => ++made);
  for (let key = 0; key < 150; key++) await ask(key);
  await ask(149);
  await ask(50);
  expect(made).toBe(150);
  await ask(49);
  expect(made).toBe(151);
});
