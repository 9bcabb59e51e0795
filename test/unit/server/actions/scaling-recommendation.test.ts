import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  computeNeeded,
  estimateAcceptedRate,
  type Load,
  recommend,
} from '../../../../src/server/actions/scaling/scaling-recommendation.ts';

import {
  computeBusyLoops,
  recommendReplicas,
} from '../../../../src/server/actions/scaling/service-recommendation.ts';

const TARGET = { waitMs: 60_000, concurrency: 1, min: 1, max: 1000 };
const steady = (arrivalRate: number, backlog = 0): Load => ({
  arrivalRate,
  backlog,
  processingTime: 500,
});

it('computes the workers needed for arrivals and for clearing the backlog in time', () => {
  // 8 per second × 0.5 s = 4 busy workers, so 5 workers at 80 % utilization.
  expect(computeNeeded(steady(8), TARGET)).toBe(5);
  // 600 × 0.5 s in 60 s = 5 more.
  expect(computeNeeded(steady(8, 600), TARGET)).toBe(10);
  expect(computeNeeded(steady(8, 600), { ...TARGET, concurrency: 5 })).toBe(2);
  expect(computeNeeded(steady(8, 600), { ...TARGET, max: 3 })).toBe(3);
  expect(computeNeeded(steady(0), TARGET)).toBe(1);
  expect(computeNeeded({ ...steady(1), processingTime: undefined }, TARGET)).toBeUndefined();
});

it('scales up immediately, but down only after the stabilization window', () => {
  const lowLoad = [steady(8), steady(8), steady(8)];
  expect(recommend([...lowLoad, steady(8, 600)], TARGET, 5).desired).toBe(10);
  const stabilized = recommend([steady(8, 600), ...lowLoad], TARGET, 10);
  expect(stabilized).toEqual({
    desired: 10,
    reason: '8 arriving per second, 0 waiting, 500 ms each: 5, kept at 10 for recent load',
  });
  expect(recommend(lowLoad, TARGET, 10).desired).toBe(5);
});

it('keeps the number of workers if the change is within the tolerance or the processing time is unknown', () => {
  expect(recommend([steady(32)], TARGET, 21)).toMatchObject({ desired: 21 });
  expect(recommend([steady(32)], TARGET, 24)).toMatchObject({ desired: 20 });
  const unknown = { arrivalRate: 1, backlog: 5, processingTime: undefined };
  expect(recommend([unknown], TARGET, 3)).toEqual({
    desired: 3,
    reason: '1 arriving per second, 5 waiting: 3 until the processing time is known',
  });
  expect(recommend([unknown], TARGET, undefined).desired).toBe(1);
  expect(recommend([], TARGET, undefined).desired).toBe(1);
});

it('ignores small parts above a whole number of workers', () => {
  // 8 jobs per second that take 0.4 s need exactly 4 workers at 80 % utilization.
  expect(computeNeeded({ ...steady(8.2), processingTime: 405 }, TARGET)).toBe(4);
  expect(computeNeeded({ ...steady(9), processingTime: 405 }, TARGET)).toBe(5);
});

describe('arrivals without rows', () => {
  const toPoints = (depths: (number | undefined)[], arrived: number, completed: number) =>
    depths.map((depth) => ({ arrived, completed, failed: 0, depth }));

  it('are estimated from the ended jobs and a growing queue', () => {
    // The workers end 60 jobs per minute, and the queue grows by 120.
    expect(estimateAcceptedRate(toPoints([0, 120, 240, 360], 60, 60))).toBe(3);
    expect(estimateAcceptedRate(toPoints([0, 120, 240], 0, 60))).toBe(3);
  });

  it('are not estimated from a burst or from retries of many jobs', () => {
    expect(estimateAcceptedRate(toPoints([0, 0, 5000, 4940, 4880], 0, 60))).toBe(0);
    expect(estimateAcceptedRate(toPoints([0, 0, 5000], 60, 60))).toBe(0);
  });

  it('are not estimated if the rows contain them, or if the depth is unknown', () => {
    expect(estimateAcceptedRate(toPoints([0, 120, 240, 360], 180, 60))).toBe(0);
    // The depths were measured at other times than the rows.
    expect(estimateAcceptedRate(toPoints([10, 15, 8, 12, 10], 60, 60))).toBe(0);
    expect(estimateAcceptedRate(toPoints([0, 120], 0, 60))).toBe(0);
    expect(estimateAcceptedRate(toPoints([undefined, undefined, undefined], 0, 60))).toBe(0);
    expect(estimateAcceptedRate([])).toBe(0);
  });
});

describe('the replicas of a service', () => {
  const MINUTE_MS = 60_000;
  const report = (instance: string, minute: number, share: number) => ({
    instance,
    minuteMs: minute * MINUTE_MS,
    share,
  });

  it('depend on how busy the event loops are, and not on how long requests take', () => {
    // 44 requests per second wait for 90 ms each, but keep the event loop busy for 30 %.
    expect(recommendReplicas([0.3, 0.3], 44, TARGET, 1)).toEqual({
      desired: 1,
      reason: '44 requests per second keep 0.3 event loops busy (target: 80 % of each): 1',
    });
    expect(recommendReplicas([1.9], 44, TARGET, 2).desired).toBe(3);
    expect(recommendReplicas([1.9, 0.3], 44, TARGET, 3)).toMatchObject({ desired: 3 });
  });

  it('stay the same while the utilization is unknown', () => {
    expect(recommendReplicas([undefined], 44, TARGET, 3)).toEqual({
      desired: 3,
      reason: '44 requests per second: 3 until the event loop utilization is known',
    });
    expect(recommendReplicas([], 44, TARGET, undefined).desired).toBe(1);
    expect(recommendReplicas([0.9, undefined], 44, TARGET, 1).desired).toBe(2);
  });

  it('use the last report of each instance in this minute and the previous minute', () => {
    const reports = [report('a', 1, 0.5), report('b', 2, 0.25), report('a', 3, 0.75)];
    const minutes = [0, 1, 2, 3, 4, 5].map((minute) => minute * MINUTE_MS);
    expect(computeBusyLoops(reports, minutes)).toEqual([undefined, 0.5, 0.75, 1, 0.75, undefined]);
  });
});

it('clears any backlog within the target time and does not flap', () => {
  const MINUTES = 60;
  const WINDOW = 6;
  const arrivals = fc.record({
    rate: fc.double({ min: 0, max: 20, noNaN: true }),
    /** Relative variation of the rate. 30 % is typical. */
    noise: fc.array(fc.double({ min: 0.7, max: 1.3, noNaN: true }), {
      minLength: MINUTES,
      maxLength: MINUTES,
    }),
    burst: fc.integer({ min: 0, max: 5000 }),
    processingTime: fc.integer({ min: 10, max: 5000 }),
  });
  fc.assert(
    fc.property(arrivals, ({ rate, noise, burst, processingTime }) => {
      let backlog = 0;
      let workers = TARGET.min;
      const history: Load[] = [];
      const counts: number[] = [];
      const backlogs: number[] = [];
      for (let minute = 0; minute < MINUTES; minute++) {
        const arrived = 60 * rate * noise[minute]! + (minute === 20 ? burst : 0);
        const capacity = (workers * 60_000) / processingTime;
        backlog = Math.max(0, backlog + arrived - capacity);
        history.push({ arrivalRate: arrived / 60, processingTime, backlog });
        workers = recommend(history.slice(-WINDOW), { ...TARGET, max: 1e6 }, workers).desired;
        counts.push(workers);
        backlogs.push(backlog);
      }
      // The burst is visible at the end of its minute. Its backlog is cleared one minute later, plus one minute for noise.
      expect(backlogs[22]).toBeLessThanOrEqual(60 * rate);
      // Noise alone must not cause an increase and a decrease within one stabilization window.
      const changes = findChanges(counts);
      for (const [i, change] of changes.entries()) {
        const previous = changes[i - 1];
        if (previous?.up && !change.up)
          expect(change.at - previous.at).toBeGreaterThanOrEqual(WINDOW - 1);
      }
    }),
  );
});

/** Returns the positions at which the number of workers increased or decreased. */
function findChanges(counts: readonly number[]): { at: number; up: boolean }[] {
  return counts.flatMap((count, at) => {
    const previous = counts[at - 1];
    return previous === undefined || previous === count ? [] : [{ at, up: count > previous }];
  });
}
