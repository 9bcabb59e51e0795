import { expect, it } from 'vitest';
import { listBucketStarts } from '../../../../src/storage/queries/error-series.ts';

const toRange = (from: string, to: string) => ({ fromMs: Date.parse(from), toMs: Date.parse(to) });
const HOUR_MS = 3_600_000;

it.each([
  {
    name: 'hours, of which the first and the last are incomplete',
    range: toRange('2030-01-15T08:20Z', '2030-01-15T10:10Z'),
    step: { ms: HOUR_MS, zone: 'utc' },
    expected: ['2030-01-15T08:00', '2030-01-15T09:00', '2030-01-15T10:00'],
  },
  {
    name: 'a zone with a half hour',
    range: toRange('2030-01-15T08:20Z', '2030-01-15T09:10Z'),
    step: { ms: HOUR_MS, zone: 'Asia/Kolkata' },
    expected: ['2030-01-15T07:30', '2030-01-15T08:30'],
  },
  {
    name: 'local days around the end of daylight saving time',
    range: toRange('2030-10-26T12:00Z', '2030-10-28T12:00Z'),
    step: { ms: 24 * HOUR_MS, zone: 'Europe/Vienna' },
    expected: ['2030-10-25T22:00', '2030-10-26T22:00', '2030-10-27T23:00'],
  },
])('lists the starts of $name', ({ range, step, expected }) => {
  const starts = listBucketStarts(range, step).map((ms) => new Date(ms).toISOString().slice(0, 16));
  expect(starts).toEqual(expected);
});
