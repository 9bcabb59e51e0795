import { expect, it } from 'vitest';
import { shared } from '../../src/windows/shared.ts';
import type { Store } from '../../src/windows/store.ts';

const newStore = (): Store => ({ read: async () => [], catalog: async () => new Map() });

it('makes an answer once for all who ask while it is made, and anew afterwards', async () => {
  const store = newStore();
  let made = 0;
  const ask = (key = 'a') => shared(store, key, undefined, async () => ++made);
  expect(await Promise.all([ask(), ask(), ask('b')])).toEqual([1, 1, 2]);
  expect(await ask()).toBe(3);
  expect(await shared(newStore(), 'a', undefined, async () => ++made)).toBe(4);
});

it('gives an answer again in the same state, and one that failed to nobody else', async () => {
  const store = newStore();
  let made = 0;
  const ask = (state: string) => shared(store, 'a', state, async () => ++made);
  expect([await ask('1'), await ask('1'), await ask('2'), await ask('2')]).toEqual([1, 1, 2, 2]);
  const fail = () => shared(store, 'b', '1', () => Promise.reject(new Error('away')));
  await expect(fail()).rejects.toThrow('away');
  expect(await shared(store, 'b', '1', async () => 'back')).toBe('back');
});

it('keeps a bounded number of answers, and of these the newest', async () => {
  const store = newStore();
  let made = 0;
  const ask = (key: number) => shared(store, String(key), '1', async () => ++made);
  for (let key = 0; key < 150; key++) await ask(key);
  await ask(149);
  await ask(50);
  expect(made).toBe(150);
  await ask(49);
  expect(made).toBe(151);
});
