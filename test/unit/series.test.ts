import { expect, it } from 'vitest';
import { MOST_SERIES, SeriesCache } from '../../src/instrumentation/series.ts';
import { OVERFLOW } from '../../src/schema/attributes.ts';

it('makes a bounded number of series of a million tenants, and loses no count', () => {
  let told = 0;
  const series = new SeriesCache(
    (attributes) => attributes,
    () => {
      told += 1;
    },
  );
  const counts = new Map<object, number>();
  for (let i = 0; i < 1_000_000; i++) {
    const kept = i % 2 === 0 ? {} : { 'error.type': '500' };
    const attributes = series.get(`tenant-${i}`, () => ({ tenant: i, ...kept }), kept);
    counts.set(attributes, (counts.get(attributes) ?? 0) + 1);
  }
  expect(counts.size).toBe(MOST_SERIES + 2);
  expect([...counts.values()].reduce((sum, n) => sum + n, 0)).toBe(1_000_000);
  expect(told).toBe(1_000_000 - MOST_SERIES);
  const overflow = [...counts].filter(([attributes]) => OVERFLOW in attributes);
  expect(overflow).toEqual([
    [{ [OVERFLOW]: true }, (1_000_000 - MOST_SERIES) / 2],
    [{ [OVERFLOW]: true, 'error.type': '500' }, (1_000_000 - MOST_SERIES) / 2],
  ]);
});

it('gives the same series for the same key', () => {
  const series = new SeriesCache(
    (attributes) => attributes,
    () => {},
  );
  const first = series.get('a', () => ({ a: 1 }));
  expect(series.get('a', () => ({ a: 2 }))).toBe(first);
});
