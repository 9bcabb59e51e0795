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

it('needs workers for what comes, and for what waits within the target', () => {
  // 8 a second × 0.5 s are 4 busy workers: 5 with a reserve of a fifth.
  expect(computeNeeded(steady(8), TARGET)).toBe(5);
  // 600 × 0.5 s in 60 s: 5 more.
  expect(computeNeeded(steady(8, 600), TARGET)).toBe(10);
  expect(computeNeeded(steady(8, 600), { ...TARGET, concurrency: 5 })).toBe(2);
  expect(computeNeeded(steady(8, 600), { ...TARGET, max: 3 })).toBe(3);
  expect(computeNeeded(steady(0), TARGET)).toBe(1);
  expect(computeNeeded({ ...steady(1), processingTime: undefined }, TARGET)).toBeUndefined();
});

it('goes up at once, and down only when the window has passed', () => {
  const calm = [steady(8), steady(8), steady(8)];
  expect(recommend([...calm, steady(8, 600)], TARGET, 5).desired).toBe(10);
  const held = recommend([steady(8, 600), ...calm], TARGET, 10);
  expect(held).toEqual({
    desired: 10,
    reason: '8 come a second, 0 wait, each takes 500 ms: 5, held at 10 by the minutes before',
  });
  expect(recommend(calm, TARGET, 10).desired).toBe(5);
});

it('leaves what is nearly right, and what nothing is known of', () => {
  expect(recommend([steady(32)], TARGET, 21)).toMatchObject({ desired: 21 });
  expect(recommend([steady(32)], TARGET, 24)).toMatchObject({ desired: 20 });
  const unknown = { arrivalRate: 1, backlog: 5, processingTime: undefined };
  expect(recommend([unknown], TARGET, 3)).toEqual({
    desired: 3,
    reason:
      '1 come a second, 5 wait, and it is not known how long work takes: 3 until something ends',
  });
  expect(recommend([unknown], TARGET, undefined).desired).toBe(1);
  expect(recommend([], TARGET, undefined).desired).toBe(1);
});

it('drains any backlog within the target, and does not flap', () => {
  const MINUTES = 60;
  const WINDOW = 6;
  const arrivals = fc.record({
    rate: fc.double({ min: 0, max: 20, noNaN: true }),
    /** A noise of 30 % is usual. */
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
        const came = 60 * rate * noise[minute]! + (minute === 20 ? burst : 0);
        const capacity = (workers * 60_000) / processingTime;
        backlog = Math.max(0, backlog + came - capacity);
        history.push({ arrivalRate: came / 60, processingTime, backlog });
        const found = recommend(history.slice(-WINDOW), { ...TARGET, max: 1e6 }, workers);
        workers = found.desired;
        counts.push(workers);
        backlogs.push(backlog);
      }
      // The burst is seen at the end of its minute; a minute later, and one for the noise, it is gone.
      expect(backlogs[22]).toBeLessThanOrEqual(60 * rate);
      // Ups and downs of the noise alone stay within the held window: no turn within less than it.
      const turns = turnsOf(counts);
      for (const [i, turn] of turns.entries()) {
        const before = turns[i - 1];
        if (before?.up && !turn.up) expect(turn.at - before.at).toBeGreaterThanOrEqual(WINDOW - 1);
      }
    }),
  );
});

/** Where the number went up or down. */
function turnsOf(counts: readonly number[]): { at: number; up: boolean }[] {
  return counts.flatMap((count, at) => {
    const before = counts[at - 1];
    return before === undefined || before === count ? [] : [{ at, up: count > before }];
  });
}
