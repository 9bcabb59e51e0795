import { describe, expect, it } from 'vitest';
import {
  formatRange,
  moveRange,
  parseDuration,
  parseRange,
  toBounds,
  toFixedRange,
} from '../../../src/web/url/time-range.ts';

const NOW = Date.parse('2026-11-29T12:00:00Z');
const parse = (query: string) => parseRange(new URLSearchParams(query), NOW);

describe('parseRange', () => {
  it('reads relative and fixed ranges', () => {
    expect(parse('last=15m')).toEqual({ last: '15m' });
    const fixed = { from: '2026-11-29T10:00:00.000Z', to: '2026-11-29T11:00:00.000Z' };
    expect(parse('from=2026-11-29T10:00:00Z&to=2026-11-29T11:00:00Z')).toEqual(fixed);
    expect(parse(`from=${Date.parse(fixed.from)}&to=${Date.parse(fixed.to)}`)).toEqual(fixed);
  });

  it('takes a missing end as now', () => {
    expect(parse('from=2026-11-29T10:00:00Z')).toMatchObject({ to: '2026-11-29T12:00:00.000Z' });
  });

  it.each([
    'last=',
    'last=abc',
    'last=0m',
    'last=999999d',
    'last=1h;drop',
    'from=abc',
    'from=2026-11-29T11:00:00Z&to=2026-11-29T10:00:00Z',
    'from=2027-01-01T00:00:00Z',
    '',
  ])('rejects %s', (query) => {
    expect(parse(query)).toBeUndefined();
  });
});

it('parses durations', () => {
  expect([parseDuration('90s'), parseDuration('2h'), parseDuration('1w')]).toEqual([
    90_000,
    7_200_000,
    undefined,
  ]);
});

it('names ranges', () => {
  expect(formatRange({ last: '1h' }, 'utc')).toBe('Last hour');
  expect(formatRange({ last: '45m' }, 'utc')).toBe('Last 45 m');
  const day = { from: '2026-11-29T10:00:00Z', to: '2026-11-29T11:30:00Z' };
  expect(formatRange(day, 'utc')).toBe('29 Nov, 10:00 – 11:30');
  const short = { from: '2026-11-29T10:00:00Z', to: '2026-11-29T10:00:30Z' };
  expect(formatRange(short, 'utc')).toBe('29 Nov, 10:00:00 – 10:00:30');
});

it('moves and widens ranges, but not beyond now', () => {
  expect(toBounds(moveRange({ last: '1h' }, NOW, 'back'), NOW)).toEqual({
    fromMs: NOW - 7_200_000,
    toMs: NOW - 3_600_000,
  });
  expect(toBounds(moveRange({ last: '1h' }, NOW, 'forward'), NOW).toMs).toBe(NOW);
  expect(toBounds(moveRange({ last: '1h' }, NOW, 'out'), NOW)).toEqual({
    fromMs: NOW - 7_200_000,
    toMs: NOW,
  });
});

it('creates ranges of at least a second, in any direction of the drag', () => {
  expect(toFixedRange(5000, 1000)).toEqual({
    from: '1970-01-01T00:00:01.000Z',
    to: '1970-01-01T00:00:05.000Z',
  });
  expect(toFixedRange(1000, 1001)).toMatchObject({ to: '1970-01-01T00:00:02.000Z' });
});
