import { describe, expect, it } from 'vitest';
import {
  DEPLOY_ALPHA,
  DEPLOY_LOOKS,
  findDueLook,
} from '../../../../src/core/statistics/deploy-looks.ts';
import { type SimulatedDeploy, simulateDeploy } from '../../../support/simulate-deploys.ts';

const ENDPOINTS = 20;
/** 5 requests/s, one of twenty endpoints. */
const BASE = { endpoints: ENDPOINTS, rate: 5 } as const;

/** Returns the endpoints with a confirmed regression, and the minutes of the first look that found it. */
function findRegressions(deploy: SimulatedDeploy, maxMinutes = 60): Map<number, number> {
  const simulated = simulateDeploy({ ...deploy, minutes: maxMinutes });
  const found = new Map<number, number>();
  for (const { afterMs, alpha } of DEPLOY_LOOKS) {
    const minutes = afterMs / 60_000;
    if (minutes > maxMinutes) break;
    for (const { series, changes } of simulated.findChangesAt(minutes, alpha)) {
      const isConfirmed = changes.some(({ verdict }) => verdict === 'regression');
      if (isConfirmed && !found.has(series)) found.set(series, minutes);
    }
  }
  return found;
}

/** Counts deploys by seed. */
function countDeploys(count: number, deploy: Omit<SimulatedDeploy, 'seed'>, maxMinutes?: number) {
  let [detected, wrong] = [0, 0];
  for (let seed = 1; seed <= count; seed += 1) {
    const found = findRegressions({ ...deploy, seed }, maxMinutes);
    const hasRegression = (deploy.factor ?? 1) > 1 || deploy.errorRates !== undefined;
    if (hasRegression && found.has(0)) detected += 1;
    if ([...found.keys()].some((endpoint) => endpoint > 0 || !hasRegression)) wrong += 1;
  }
  return { detected, wrong };
}

describe.each(['log-normal', 'cache hits', 'heavy tail'] as const)('%s', (shape) => {
  it('a regression of 20 % in one of twenty endpoints is named within five minutes', () => {
    const { detected, wrong } = countDeploys(10, { ...BASE, shape, factor: 1.2 }, 5);
    expect(detected).toBeGreaterThanOrEqual(8);
    expect(wrong).toBe(0);
  });
});

it('a regression is named although all endpoints vary together by 5 %', () => {
  const { detected, wrong } = countDeploys(
    10,
    { ...BASE, factor: 1.2, ownNoise: 0.01, sharedNoise: 0.05 },
    5,
  );
  expect(detected).toBeGreaterThanOrEqual(8);
  expect(wrong).toBe(0);
});

it('a regression of all endpoints is named', () => {
  const found = findRegressions({ ...BASE, factor: 1.3, isEverywhere: true, seed: 3 }, 10);
  expect(found.size).toBeGreaterThanOrEqual(15);
});

it('an endpoint that stays the same while all others become faster is not slower', () => {
  const simulated = simulateDeploy({
    ...BASE,
    factor: 0.7,
    isEverywhere: true,
    unchanged: 4,
    seed: 3,
  });
  const changes = simulated.findChangesAt(20, 0.001);
  const verdicts = changes.map(({ changes: all }) => new Set(all.map(({ verdict }) => verdict)));
  expect(verdicts[4]).toEqual(new Set(['unchanged']));
  expect(verdicts[5]).toContain('improvement');
});

it.each([
  { ownNoise: 0.02, sharedNoise: 0 },
  { ownNoise: 0.05, sharedNoise: 0 },
  { ownNoise: 0.02, sharedNoise: 0.05 },
])('deploys without a regression raise nothing: %o', (noise) => {
  expect(countDeploys(8, { ...BASE, ...noise })).toEqual({ detected: 0, wrong: 0 });
});

it('a cold start is not a regression', () => {
  // At low load, each of the slow requests has more weight.
  expect(countDeploys(10, { ...BASE, endpoints: 5, rate: 2 }, 10)).toEqual({
    detected: 0,
    wrong: 0,
  });
});

it('a large daily change is not a regression if the previous day is known', () => {
  const deploy = { ...BASE, endpoints: 5, hasDayBefore: true, dailyChange: 0.4 };
  expect(countDeploys(10, deploy)).toEqual({ detected: 0, wrong: 0 });
});

it('twice the failures are found, and only in their endpoint', () => {
  const errorRates = [0.02, 0.06] as const;
  const random = findRegressions({ ...BASE, endpoints: 3, errorRates, seed: 5 }, 20);
  expect([...random.keys()].sort()).toEqual([0, 1, 2]);
});

it('looks are in order, and share the error probability', () => {
  const total = DEPLOY_LOOKS.reduce((sum, { alpha }) => sum + alpha, 0);
  expect(total).toBeCloseTo(DEPLOY_ALPHA, 12);
  expect(findDueLook(0)).toBe(-1);
  expect(findDueLook(5 * 60_000)).toBe(1);
  expect(findDueLook(9e9)).toBe(DEPLOY_LOOKS.length - 1);
});

// Long: the tests above run fewer deploys in CI.
it('1,000 deploys without a regression raise nothing', { tags: 'long' }, () => {
  const nothing = { detected: 0, wrong: 0 };
  expect(countDeploys(1000, BASE)).toEqual(nothing);
  expect(countDeploys(200, { ...BASE, hasDayBefore: true })).toEqual(nothing);
});

// Long: the tests above run fewer deploys in CI.
it('at most 1 % of deploys raise a false alarm if durations vary a lot', { tags: 'long' }, () => {
  const noisy = { ...BASE, ownNoise: 0.05 };
  expect(countDeploys(300, noisy).wrong).toBeLessThanOrEqual(3);
  const busy = { ...BASE, ownNoise: 0.02, sharedNoise: 0.05 };
  expect(countDeploys(300, busy).wrong).toBeLessThanOrEqual(3);
});

// Long: the tests above run fewer deploys in CI.
it('the documented power is correct', { tags: 'long' }, () => {
  const at = (ownNoise: number, sharedNoise: number, minutes: number) =>
    countDeploys(100, { ...BASE, factor: 1.2, ownNoise, sharedNoise }, minutes).detected;
  expect(at(0.02, 0, 5)).toBeGreaterThanOrEqual(80);
  expect(at(0.01, 0.05, 5)).toBeGreaterThanOrEqual(80);
  expect(at(0.03, 0, 10)).toBeGreaterThanOrEqual(75);
});
