import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  computeNeeded,
  type Load,
  recommend,
} from '../../../../src/server/actions/scaling/scaling-recommendation.ts';

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
