import { describe, expect, it } from 'vitest';
import { rankCauses } from '../../../../../src/server/alerts/incidents/causes/rank-causes.ts';
import { type SimulatedProblem, simulateSignals } from '../../../../support/simulate-signals.ts';

const MINUTE = 60_000;

/** Returns the number of incidents with a cause, of `count` incidents that are analyzed after some minutes. */
function countCauses(count: number, minutes: number, problem?: SimulatedProblem, firstSeed = 1) {
  let [withCause, withRightCause] = [0, 0];
  for (let seed = firstSeed; seed < firstSeed + count; seed += 1) {
    const [cause] = rankCauses(simulateSignals(seed, minutes * MINUTE, problem));
    if (cause !== undefined) withCause += 1;
    if (cause !== undefined && cause.subject === problem?.subject) withRightCause += 1;
  }
  return { withCause, withRightCause };
}

it('the noise of normal traffic is not a cause', () => {
  expect(countCauses(200, 3).withCause).toBeLessThanOrEqual(1);
});

// Long: in CI, 'the noise of normal traffic is not a cause' covers one time.
it.each([1, 3, 10])(
  'the noise of normal traffic is rarely a cause after %d min',
  { tags: 'long', timeout: 300_000 },
  (minutes) => {
    expect(countCauses(1000, minutes, undefined, 1000).withCause).toBeLessThanOrEqual(10);
  },
);

describe.each([
  // 2 requests per second, and 1 statement per second.
  ['GET /endpoint-0', 2, 1, 10],
  ['SELECT 1', 4, 1, 10],
  // 1 request every 10 s.
  ['GET /endpoint-2', 10, 1, 8],
  ['GET /endpoint-2', 3, 10, 8],
] as const)('%s that takes %d times as long', (subject, factor, minutes, minimum) => {
  it(`is the first cause after ${minutes} min`, () => {
    const { withRightCause } = countCauses(10, minutes, { subject, factor });
    expect(withRightCause).toBeGreaterThanOrEqual(minimum);
  });
});
