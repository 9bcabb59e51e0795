import { expect, it } from 'vitest';
import { ATTR_METRIC_OVERFLOW } from '../../../../../src/agent/attribute-keys.ts';
import {
  MAX_SERIES,
  SeriesCache,
} from '../../../../../src/agent/instrumentation/histograms/cardinality-limit.ts';

it('limits the series of a million tenants without losing a count', () => {
  let overflowCalls = 0;
  const series = new SeriesCache(
    (attributes) => attributes,
    () => {
      overflowCalls += 1;
    },
  );
  const counts = new Map<object, number>();
  for (let i = 0; i < 1_000_000; i++) {
    const overflowAttributes = i % 2 === 0 ? {} : { 'error.type': '500' };
    const attributes = series.get(
      `tenant-${i}`,
      () => ({ tenant: i, ...overflowAttributes }),
      overflowAttributes,
    );
    counts.set(attributes, (counts.get(attributes) ?? 0) + 1);
  }
  expect(counts.size).toBe(MAX_SERIES + 2);
  expect([...counts.values()].reduce((sum, n) => sum + n, 0)).toBe(1_000_000);
  expect(overflowCalls).toBe(1_000_000 - MAX_SERIES);
  const overflow = [...counts].filter(([attributes]) => ATTR_METRIC_OVERFLOW in attributes);
  expect(overflow).toEqual([
    [{ [ATTR_METRIC_OVERFLOW]: true }, (1_000_000 - MAX_SERIES) / 2],
    [{ [ATTR_METRIC_OVERFLOW]: true, 'error.type': '500' }, (1_000_000 - MAX_SERIES) / 2],
  ]);
});

it('limits the error types of combined series without losing an error', () => {
  const series = new SeriesCache(
    (attributes) => ({ attributes, count: 0 }),
    () => {},
  );
  const [total, server] = [100_000, { 'server.address': '(other)' }];
  for (let i = 0; i < total; i++) {
    const attributes = { ...server, 'error.type': `E${i}` };
    series.get(`${i}`, () => attributes, i % 2 === 0 ? attributes : server).count += 1;
  }
  expect(series.size).toBeLessThan(MAX_SERIES + 100);
  const all = [...series.values()];
  const sum = (list: typeof all) => list.reduce((count, each) => count + each.count, 0);
  expect(sum(all)).toBe(total);
  const combined = all.filter(({ attributes }) => ATTR_METRIC_OVERFLOW in attributes);
  const failed = combined.filter(({ attributes }) => 'error.type' in attributes);
  expect(sum(failed)).toBe((total - MAX_SERIES) / 2);
  expect(combined.at(-1)?.attributes).toEqual({
    ...server,
    'error.type': '_OTHER',
    [ATTR_METRIC_OVERFLOW]: true,
  });
});

it('returns the same series for the same key', () => {
  const series = new SeriesCache(
    (attributes) => attributes,
    () => {},
  );
  const first = series.get('a', () => ({ a: 1 }));
  expect(series.get('a', () => ({ a: 2 }))).toBe(first);
});
