import { expect, it, vi } from 'vitest';
import { RecentResults } from '../../../../src/server/suggestions/recent-results.ts';

it('returns a result again for a short time, and for the same key', async () => {
  const results = new RecentResults<number>(1000);
  const compute = vi.fn(async () => compute.mock.calls.length);
  expect(await results.get('a', 5000, compute)).toBe(1);
  expect(await results.get('a', 5999, compute)).toBe(1);
  expect(await results.get('b', 5999, compute)).toBe(2);
  expect(await results.get('a', 6000, compute)).toBe(3);
  expect(await results.get('a', 4000, compute)).toBe(4);
});

it('keeps no failed result, and only the newest results', async () => {
  const results = new RecentResults<string>(1000);
  await expect(results.get('a', 0, () => Promise.reject(new Error('fails')))).rejects.toThrow();
  expect(await results.get('a', 0, async () => 'first')).toBe('first');
  for (let i = 0; i < 50; i += 1) await results.get(`other ${i}`, 0, async () => '');
  expect(await results.get('a', 0, async () => 'second')).toBe('second');
});
