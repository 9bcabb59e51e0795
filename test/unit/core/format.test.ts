import { expect, it } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS, parseDuration } from '../../../src/core/duration.ts';
import { formatBytes, formatDuration } from '../../../src/core/format.ts';

it('formats sizes in binary units', () => {
  expect([0, 999, 1500, 2.5e9, -4096].map(formatBytes)).toEqual([
    '0 B',
    '999 B',
    '1.46 KiB',
    '2.33 GiB',
    '-4 KiB',
  ]);
});

it('formats durations in at most two units', () => {
  const durations = [5, 1500, 90_000, 2 * HOUR_MS, HOUR_MS + 5 * MINUTE_MS, 12 * DAY_MS + HOUR_MS];
  expect(durations.map(formatDuration)).toEqual([
    '5 ms',
    '1.5 s',
    '1 min 30 s',
    '2 h',
    '1 h 5 min',
    '12 d',
  ]);
});

it.each([
  ['0', 0],
  ['500ms', 500],
  ['1h30m', 90 * MINUTE_MS],
  ['1d', DAY_MS],
  ['', undefined],
  ['30m1h', undefined],
  ['1.5h', undefined],
])('parses the duration "%s" as %s', (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});
