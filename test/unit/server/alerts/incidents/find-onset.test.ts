import { expect, test } from 'vitest';
import {
  compareWithEarlierHours,
  formatEvidence,
  isUnusual,
} from '../../../../../src/server/alerts/incidents/causes/earlier-hours.ts';
import {
  fillBuckets,
  findOnset,
  listOnsets,
  omitPartialBucket,
} from '../../../../../src/server/alerts/incidents/causes/find-onset.ts';

const toSeries = (values: readonly number[], weight = 1) =>
  values.map((value, i) => ({ fromMs: i * 10_000, total: value * weight, weight }));

test('finds the step in a noisy series, and the means before and after it', () => {
  const series = toSeries([9, 11, 10, 12, 8, 10, 52, 48, 50, 50], 4);
  expect(findOnset(series)).toEqual({
    atMs: 60_000,
    before: 10,
    now: 50,
    beforeWeight: 24,
    nowWeight: 16,
    nowTotal: 800,
  });
  expect(findOnset(toSeries([50, 50, 10, 10]))?.now ?? 0).toBe(0);
  expect(findOnset(toSeries([50, 50, 10, 10]), 'down')).toMatchObject({ atMs: 20_000, now: 10 });
});

test('a burst is found at its start, and weights count', () => {
  expect(findOnset(toSeries([1, 1, 1, 1, 300, 1, 1]))).toMatchObject({ atMs: 40_000, before: 1 });
  const rare = [
    { fromMs: 0, total: 100, weight: 1 },
    { fromMs: 10_000, total: 1000, weight: 100 },
    { fromMs: 20_000, total: 3000, weight: 100 },
  ];
  expect(findOnset(rare)).toMatchObject({ atMs: 20_000, now: 30 });
});

test('the bucket in which the change began is not part of the mean before it', () => {
  const omit = (values: readonly number[], direction?: 'up' | 'down') => {
    const series = toSeries(values);
    return omitPartialBucket(series, findOnset(series, direction)!);
  };
  const onset = omit([0, 0, 0, 7, 100, 100]);
  expect(onset).toMatchObject({ atMs: 40_000, before: 0, beforeWeight: 3, now: 100 });
  // The last bucket moved in the other direction.
  expect(omit([8, 8, 2, 100, 100])).toMatchObject({ before: 6, beforeWeight: 3 });
  expect(omit([7, 100, 100])).toMatchObject({ before: 7, beforeWeight: 1 });
  const fall = omit([50, 50, 40, 0, 0], 'down');
  expect(fall).toMatchObject({ atMs: 30_000, before: 50, now: 0 });
});

test('a series without change or with one measurement has no onset', () => {
  expect(findOnset(toSeries([5, 5, 5]))).toBeUndefined();
  expect(findOnset(toSeries([5]))).toBeUndefined();
  expect(findOnset([])).toBeUndefined();
});

test('rates get their empty buckets', () => {
  const filled = fillBuckets(
    [{ fromMs: 20_000, total: 3, weight: 1 / 6 }],
    { fromMs: 0, toMs: 40_000 },
    10_000,
  );
  expect(filled.map(({ total }) => total)).toEqual([0, 0, 3, 0]);
});

test('compares a value with the most extreme five minutes of each earlier hour', () => {
  const hour = 3_600_000;
  const points = [0, 1, 2, 3].flatMap((i) => [
    { fromMs: i * hour, total: 10 + i, weight: 1 },
    { fromMs: i * hour + 300_000, total: 5, weight: 1 },
  ]);
  const format = (value: number) => `${value} ms`;
  const unusual = compareWithEarlierHours(20, points);
  expect(unusual).toEqual({ hours: 4, extremeHours: 0, extreme: 13 });
  expect(formatEvidence(unusual, format)).toBe(
    'higher than in all 4 earlier hours (highest 5 minutes: 13 ms)',
  );
  const rare = compareWithEarlierHours(13, points);
  expect(formatEvidence(rare, format)).toBe(
    'higher than in 3 of 4 earlier hours (highest 5 minutes: 13 ms)',
  );
  expect([unusual, rare, compareWithEarlierHours(12, points)].map(isUnusual)).toEqual([
    true,
    true,
    false,
  ]);
  expect(compareWithEarlierHours(0, points, 'down')).toMatchObject({ extremeHours: 0, extreme: 5 });
  expect(isUnusual(compareWithEarlierHours(1, []))).toBe(true);
});

test('lists a second onset if an extreme value decides about the first', () => {
  // From the eleventh bucket on, the values are higher. The last value is extreme.
  const values = Array.from({ length: 20 }, (_, i) => (i === 19 ? 500 : i < 10 ? 10 : 30));
  const points = values.map((total, i) => ({ fromMs: i * 1000, total, weight: 1 }));
  const onsets = listOnsets(points);
  expect(onsets.map(({ atMs }) => atMs)).toEqual([19_000, 10_000]);
  // The means contain the extreme value.
  expect(onsets[1]).toMatchObject({ before: 10, now: 77, beforeWeight: 10, nowWeight: 10 });
  expect(listOnsets(points.slice(0, 19)).map(({ atMs }) => atMs)).toEqual([10_000]);
  expect(listOnsets([])).toEqual([]);
});
