import { describe, expect, it } from 'vitest';
import { findSelfComparison, parseRange } from '../../../src/cli/compare-command.ts';
import {
  findViolations,
  formatChange,
  parseFailCondition,
} from '../../../src/cli/fail-condition.ts';

describe('a condition', () => {
  it.each([
    ['p95>+10%', 'p95', 0.1],
    ['errorRate > 1.5 %', 'errorRate', 0.015],
    ['MEAN>0%', 'mean', 0],
  ])('%s is valid', (text, statistic, limit) => {
    expect(parseFailCondition(text)).toEqual([{ text, statistic, limit }]);
  });

  it.each(['p95', 'p95>10', 'p99>+10%', 'p95<10%', 'p95>-5%', '', 'p95>+10% or p50>+10%'])(
    '%j is rejected',
    (text) => {
      expect(() => parseFailCondition(text)).toThrow('such as p95>+10%');
    },
  );

  it('is added to the conditions before', () => {
    const conditions = parseFailCondition('p50>+5%', parseFailCondition('p95>+10%'));
    expect(conditions.map(({ statistic }) => statistic)).toEqual(['p95', 'p50']);
  });
});

it('only an interval that is above the limit as a whole is a violation', () => {
  const conditions = parseFailCondition('p95>+10%');
  expect(findViolations({ statistic: 'p95', lower: 0.11 }, conditions)).toHaveLength(1);
  expect(findViolations({ statistic: 'p95', lower: 0.1 }, conditions)).toHaveLength(0);
  expect(findViolations({ statistic: 'p50', lower: 0.5 }, conditions)).toHaveLength(0);
});

it('formats changes with their interval', () => {
  expect(formatChange({ statistic: 'p95', change: 0.34, lower: 0.211, upper: 0.48 })).toBe(
    '+34 % (+21 … +48 %)',
  );
  expect(formatChange({ statistic: 'errorRate', change: -0.02, lower: -0.03, upper: -0.0 })).toBe(
    '-2.00 pp (-3.00 … +0.00 pp)',
  );
});

it('a range consists of two times in order', () => {
  expect(parseRange('2030-01-31T08:00Z/2030-01-31T09:00Z')).toEqual([
    '2030-01-31T08:00Z',
    '2030-01-31T09:00Z',
  ]);
  for (const text of ['', '2030-01-31T08:00Z', 'a/b', '2030-01-31T09:00Z/2030-01-31T08:00Z']) {
    expect(() => parseRange(text)).toThrow('two times');
  }
});

describe('a comparison', () => {
  const now = Date.parse('2030-01-31T10:00Z');
  const since = 3_600_000;
  const before = ['2030-01-31T08:00Z', '2030-01-31T09:00Z'] as const;
  const overlapping = ['2030-01-31T08:00Z', '2030-01-31T09:00:01Z'] as const;

  it.each([
    [{}, 'all versions with itself. Specify two versions'],
    [{ base: '1', candidate: '1' }, 'version 1 with itself. Specify two versions'],
    [{ base: '1', candidate: '1', baseRange: overlapping }, '--base-range overlaps'],
    [{ baseRange: overlapping }, 'which starts at 2030-01-31T09:00:00.000Z'],
  ])('of %j with itself is rejected', (options, message) => {
    expect(findSelfComparison({ ...options, since }, now)).toContain(message);
  });

  it.each([
    { base: '1', candidate: '2' },
    { candidate: '2' },
    { base: '1', candidate: '1', baseRange: before },
    { baseRange: before },
    { base: '1', candidate: '2', baseRange: overlapping },
  ])('of %j is valid', (options) => {
    expect(findSelfComparison({ ...options, since }, now)).toBeUndefined();
  });
});
