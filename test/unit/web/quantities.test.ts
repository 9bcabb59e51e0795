import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatChange,
  formatCount,
  formatExact,
  formatPoints,
  formatText,
} from '../../../src/web/format/quantities.ts';

describe('formatText', () => {
  it.each([
    [undefined, 'ms', '–'],
    [null, 'ms', '–'],
    [Number.NaN, '%', '–'],
    [0, 'ms', '0 ms'],
    [0.4, 'ms', '400 µs'],
    [34.56, 'ms', '34.6 ms'],
    [999.7, 'ms', '1 s'],
    [1234, 'ms', '1.23 s'],
    [59_990, 'ms', '1 min'],
    [3_600_000, 'ms', '1 h'],
    [200_000_000, 'ms', '2.31 d'],
    [0.84, '%', '0.84 %'],
    [99.97, '%', '99.97 %'],
    [412.4, '/s', '412/s'],
    [0.0123, '/s', '0.738/min'],
    [0.00028, '/s', '1.01/h'],
    [1204, '1', '1,200'],
    [1_500_000, '1', '1.5 M'],
    [5 * 2 ** 20, 'By', '5 MiB'],
    [12, '{reservation}', '12 reservations'],
    [1, '{reservation}', '1 reservation'],
    [4.5, 'x', '×4.5'],
    [-20, 'ms', '-20 ms'],
  ])('formats %s %s as %s', (value, unit, text) => {
    expect(formatText(value, unit)).toBe(text);
  });

  it('has at most three significant digits', () => {
    const units = fc.constantFrom('ms', 's', 'By', '/s', '1');
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e15, noNaN: true }), units, (value, unit) => {
        const digits = formatText(value, unit)
          .replace(/[^\d.]/g, '')
          .replace(/^0*\.?0*/, '')
          .replace(/0+$/, '')
          .replace('.', '');
        expect(digits.length).toBeLessThanOrEqual(3);
      }),
    );
  });
});

it('shows the exact value in a tooltip', () => {
  expect(formatExact(1234.5678, 'ms')).toBe('1,234.5678 ms');
  expect(formatExact(undefined)).toBeUndefined();
});

it.each([
  [0, '0 hosts'],
  [1, '1 host'],
  [2, '2 hosts'],
  [1204, '1,200 hosts'],
  [1_500_000, '1.5 M hosts'],
])('counts %s hosts as %s', (count, text) => {
  expect(formatCount(count, 'host')).toBe(text);
});

it.each([
  [undefined, 1, undefined],
  [1, undefined, undefined],
  [100, 100.2, '±0 %'],
  [134, 100, '+34 %'],
  [96, 100, '−4 %'],
  [1080, 100, '×10.8'],
  [5, 0, 'new'],
  [0, 0, '±0 %'],
])('describes the change to %s from %s as %s', (current, previous, text) => {
  expect(formatChange(current, previous)?.text).toBe(text);
});

it('describes changes of percentages in points', () => {
  expect(formatPoints(0.84, 0.23)).toEqual({ text: '+0.61 points', direction: 'up' });
  expect(formatPoints(1, 3)).toEqual({ text: '−2 points', direction: 'down' });
  expect(formatPoints(1, 1.001)).toEqual({ text: '±0 points', direction: 'same' });
});
