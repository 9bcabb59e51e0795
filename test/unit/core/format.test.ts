import { expect, it } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS, parseDuration } from '../../../src/core/duration.ts';
import {
  formatBytes,
  formatDuration,
  formatNumber,
  formatPercent,
} from '../../../src/core/format.ts';

it('formats sizes in binary units', () => {
  expect([0, 999, 1500, 2.5e9, -4096].map(formatBytes)).toEqual([
    '0 B',
    '999 B',
    '1.46 KiB',
    '2.33 GiB',
    '-4 KiB',
  ]);
});

it('formats numbers with three significant digits and thousands separators', () => {
  expect(
    [0.01234, 3.1449, 99.96, 999.6, 1234.5, -45_678, 1_234_567, 1e-9].map(formatNumber),
  ).toEqual(['0.0123', '3.14', '100', '1,000', '1,235', '-45,678', '1,234,567', '1e-9']);
});

it('never rounds a percentage below 100 % up to 100 %', () => {
  const values = [0.123, 12.5, 99, 99.1, 99.89, 99.96, 99.9925, 99.99999, 100];
  expect(values.map((value) => formatPercent(value))).toEqual([
    '0.123 %',
    '12.5 %',
    '99 %',
    '99.1 %',
    '99.89 %',
    '99.96 %',
    '99.99 %',
    '99.99 %',
    '100 %',
  ]);
  // A target such as 99.999 % needs more decimals.
  expect([99.9993, 99.99999].map((value) => formatPercent(value, 4))).toEqual([
    '99.9993 %',
    '99.9999 %',
  ]);
});

it('chooses the unit of a duration after rounding', () => {
  expect([999.4, 999.9, 59_990, 4_000 * DAY_MS].map(formatDuration)).toEqual([
    '999 ms',
    '1 s',
    '1 min',
    '4,000 d',
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
