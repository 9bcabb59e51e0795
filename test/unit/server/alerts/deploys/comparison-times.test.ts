import { describe, expect, it } from 'vitest';
import { IntervalSample } from '../../../../../src/core/statistics/interval-sample.ts';
import { isSelfComparison } from '../../../../../src/server/alerts/deploys/compare-on-request.ts';
import { compareTimes } from '../../../../../src/server/alerts/deploys/comparison-times.ts';

const MINUTE = 60_000;

/** Creates a sample with some requests per step from one minute until another minute. */
function toSample(from: number, to: number, count = 10, stepMinutes = 1): IntervalSample {
  const intervals = [];
  for (let minute = from; minute < to; minute += stepMinutes) {
    const buckets = [1, count];
    intervals.push({
      atMs: minute * MINUTE,
      count,
      errorCount: 0,
      abortedCount: 0,
      sum: 1,
      buckets,
    });
  }
  return new IntervalSample(intervals);
}

describe('the times of a comparison', () => {
  it.each([
    ['concurrent', toSample(0, 30), toSample(0, 30)],
    ['concurrent', toSample(0, 30), toSample(1, 29)],
    // In one range, a version can run after the other.
    ['before', toSample(0, 30), toSample(30, 60)],
    ['before', toSample(0, 30), toSample(29, 60)],
    ['after', toSample(30, 60), toSample(0, 30)],
    ['overlapping', toSample(0, 30), toSample(15, 45)],
    // The base ran for much longer than the candidate.
    ['overlapping', toSample(0, 60), toSample(30, 60)],
  ])('are %s', (method, base, candidate) => {
    expect(compareTimes(base, candidate, MINUTE)).toBe(method);
  });

  it('depend on the number of measurements', () => {
    const rollout = new IntervalSample([
      ...toSample(0, 30, 100).intervals,
      ...toSample(30, 40, 1).intervals,
    ]);
    expect(compareTimes(rollout, toSample(40, 70), MINUTE)).toBe('before');
    expect(compareTimes(rollout, toSample(0, 30), MINUTE)).toBe('concurrent');
  });

  it('are compared in steps of the longer intervals', () => {
    const coarse = toSample(0, 60, 50, 5);
    expect(compareTimes(coarse, toSample(0, 60), 5 * MINUTE)).toBe('concurrent');
  });
});

describe('a comparison', () => {
  const side = (version: string | undefined, from: number, to: number) => ({
    version,
    range: { fromMs: from * MINUTE, toMs: to * MINUTE },
  });

  it.each([
    [true, side('1', 0, 60), side('1', 0, 60)],
    [true, side('1', 0, 31), side('1', 30, 60)],
    [true, side(undefined, 0, 60), side(undefined, 10, 20)],
    [false, side('1', 0, 30), side('1', 30, 60)],
    [false, side('1', 0, 60), side('2', 0, 60)],
    [false, side(undefined, 0, 60), side('2', 0, 60)],
  ])('with itself: %s', (expected, base, candidate) => {
    expect(isSelfComparison(base, candidate)).toBe(expected);
    expect(isSelfComparison(candidate, base)).toBe(expected);
  });
});
