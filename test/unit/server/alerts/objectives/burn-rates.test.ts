import { describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../../../src/core/duration.ts';
import {
  BURN_RATE_ALERTS,
  BURN_RATE_SPEEDS,
  computeBurnRateLimit,
  computeDetectionMs,
  computeResetMs,
  getBurnRateWindows,
} from '../../../../../src/server/alerts/objectives/burn-rate-windows.ts';
import {
  computeBurnRate,
  computeErrorBudget,
  predictExhaustionMs,
} from '../../../../../src/server/alerts/objectives/error-budget.ts';
import { findRule, loadTestRules } from '../../../../support/alert-rule-fixtures.ts';

const PERIOD_MS = 30 * DAY_MS;
const TARGET = 99.9;

/** Counts of events. `percent` of them fail. */
const failing = (percent: number) => ({ good: 1e6 * (100 - percent), total: 1e8 });

describe('the tables of the SRE workbook, chapter "Alerting on SLOs", for a target of 99.9 %', () => {
  // Table 5-4: burn rates and the time until the budget is exhausted.
  it.each([
    [1, 0.1, 30 * DAY_MS],
    [2, 0.2, 15 * DAY_MS],
    [10, 1, 3 * DAY_MS],
    [1000, 100, 43.2 * MINUTE_MS],
  ])('a burn rate of %d is an error rate of %d %%', (burnRate, percent, exhaustionMs) => {
    expect(computeBurnRate(failing(percent), TARGET)).toBeCloseTo(burnRate, 9);
    expect(PERIOD_MS / burnRate).toBeCloseTo(exhaustionMs, 3);
    expect(computeBurnRateLimit(1, exhaustionMs, PERIOD_MS)).toBeCloseTo(burnRate, 9);
  });

  // Table 5-8: recommended parameters.
  it.each([
    ['fast', HOUR_MS, 5 * MINUTE_MS, 0.02, 14.4, 'critical'],
    ['medium', 6 * HOUR_MS, 30 * MINUTE_MS, 0.05, 6, 'high'],
    ['slow', 3 * DAY_MS, 6 * HOUR_MS, 0.1, 1, 'warning'],
  ] as const)('the %s alert', (speed, longMs, shortMs, share, limit, severity) => {
    expect(BURN_RATE_ALERTS[speed]).toEqual({ longMs, shortMs, budgetShare: share });
    expect(getBurnRateWindows(speed, PERIOD_MS)).toEqual({ longMs, shortMs });
    expect(computeBurnRateLimit(share, longMs, PERIOD_MS)).toBeCloseTo(limit, 9);
    const rule = findRule(loadTestRules(''), `burn-rate-${speed}`);
    expect(rule.levels).toEqual([{ severity, threshold: limit }]);
    expect(rule.source).toEqual({ kind: 'burnRate', speed, windowMs: longMs });
  });

  // Section "Alert on burn rate": an alert at 36 over one hour, which is 5 % of the budget.
  it('an alert on one window of an hour', () => {
    const limit = computeBurnRateLimit(0.05, HOUR_MS, PERIOD_MS);
    expect(limit).toBeCloseTo(36, 9);
    // Error rate 100 %: detected after 2.16 minutes.
    expect(computeDetectionMs(1000, limit, HOUR_MS)).toBeCloseTo(2.16 * MINUTE_MS, 3);
    // "A 35x burn rate never alerts, but consumes the whole budget in 20.5 hours."
    expect(computeDetectionMs(35, limit, HOUR_MS)).toBeUndefined();
    expect(PERIOD_MS / 35 / HOUR_MS).toBeCloseTo(20.57, 2);
    // "Reset time: 58 minutes."
    expect(computeResetMs(1000, limit, HOUR_MS) / MINUTE_MS).toBeCloseTo(57.84, 2);
  });

  // Tables 5-1 to 5-3: an alert on a window without burn rate, and its detection times.
  it('an alert as soon as the error rate of 10 minutes reaches the target', () => {
    expect(computeDetectionMs(1000, 1, 10 * MINUTE_MS)).toBeCloseTo(600, 6);
    // A tenth of the allowed failures: "fires at a 0.1 % error rate for 10 minutes: 0.02 % of the budget".
    expect((1 * 10 * MINUTE_MS) / PERIOD_MS).toBeCloseTo(0.000_23, 5);
  });

  it('multiple windows: detection and reset by error rate', () => {
    const toTimes = (burnRate: number) =>
      BURN_RATE_SPEEDS.map((speed) => {
        const { longMs, shortMs } = BURN_RATE_ALERTS[speed];
        const limit = computeBurnRateLimit(BURN_RATE_ALERTS[speed].budgetShare, longMs, PERIOD_MS);
        const long = computeDetectionMs(burnRate, limit, longMs);
        const short = computeDetectionMs(burnRate, limit, shortMs);
        const detected =
          long === undefined || short === undefined ? undefined : Math.max(long, short);
        const reset = computeResetMs(burnRate, limit, shortMs);
        return [detected, reset].map((ms) => ms && Number((ms / MINUTE_MS).toFixed(2)));
      });
    // An outage is detected within a minute, and its alert ends within 5 minutes.
    expect(toTimes(1000)).toEqual([
      [0.86, 4.93],
      [2.16, 29.82],
      [4.32, 359.64],
    ]);
    expect(toTimes(14.4)[0]).toEqual([60, 0]);
    // Below the fast limit, only the slower alerts fire.
    expect(toTimes(10)).toEqual([
      [undefined, 0],
      [216, 12],
      [432, 324],
    ]);
    expect(toTimes(0.9)).toEqual([
      [undefined, 0],
      [undefined, 0],
      [undefined, 0],
    ]);
  });
});

describe('windows of other periods', () => {
  it.each([7, 28, 30])('allow the same share of the budget in %d days', (days) => {
    for (const speed of BURN_RATE_SPEEDS) {
      const { budgetShare } = BURN_RATE_ALERTS[speed];
      const { longMs, shortMs } = getBurnRateWindows(speed, days * DAY_MS);
      const limit = computeBurnRateLimit(budgetShare, BURN_RATE_ALERTS[speed].longMs, PERIOD_MS);
      expect(limit * (longMs / (days * DAY_MS))).toBeCloseTo(budgetShare, 12);
      expect(longMs % MINUTE_MS).toBe(0);
      expect(shortMs % MINUTE_MS).toBe(0);
      expect(longMs / shortMs).toBeGreaterThan(5);
    }
    expect(getBurnRateWindows('fast', 7 * DAY_MS)).toEqual({
      longMs: 14 * MINUTE_MS,
      shortMs: 2 * MINUTE_MS,
    });
  });
});

describe('computeErrorBudget', () => {
  it('counts the events that can still fail', () => {
    const budget = computeErrorBudget({ good: 99_950, total: 100_000 }, 99.9);
    expect(budget).toEqual({
      achieved: 99.95,
      allowedEvents: 100,
      remainingEvents: 50,
      remainingPercent: 50,
    });
    expect(computeErrorBudget({ good: 98, total: 100 }, 99).remainingPercent).toBeCloseTo(-100, 9);
  });

  it('remains whole without traffic', () => {
    expect(computeErrorBudget({ good: 0, total: 0 }, 99)).toMatchObject({
      achieved: undefined,
      remainingPercent: 100,
    });
    expect(computeBurnRate({ good: 0, total: 0 }, 99)).toBe(0);
  });
});

describe('predictExhaustionMs', () => {
  const hours = (good: number, total: number) =>
    Array.from({ length: 720 }, (_, i) => ({ atMs: i * HOUR_MS, good, total }));

  it('returns now if the budget has run out', () => {
    expect(predictExhaustionMs(hours(98, 100), { good: 100, total: 100 }, HOUR_MS, 99, 5)).toBe(5);
  });

  it('returns undefined if the budget lasts', () => {
    const recent = { good: 99.5, total: 100 };
    expect(predictExhaustionMs(hours(100, 100), recent, HOUR_MS, 99, 0)).toBeUndefined();
    expect(
      predictExhaustionMs(hours(100, 100), { good: 0, total: 0 }, HOUR_MS, 99, 0),
    ).toBeUndefined();
    expect(predictExhaustionMs([], { good: 0, total: 1 }, HOUR_MS, 99, 0)).toBeUndefined();
  });

  it('returns the period divided by the burn rate for a whole budget', () => {
    // 10 % failures at a target of 99 %: burn rate 10.
    const found = predictExhaustionMs(
      hours(100, 100),
      { good: 540, total: 600 },
      6 * HOUR_MS,
      99,
      0,
    );
    expect(found! / HOUR_MS).toBeCloseTo(72, 6);
  });

  it('takes into account that old failures leave the period', () => {
    // The failures of the first 10 hours used 90 % of the budget, and the rate of failures is twice the allowed rate.
    const old = hours(100, 100).map((hour, i) => (i < 10 ? { ...hour, good: 35.2 } : hour));
    const recent = { good: 98, total: 100 };
    const found = predictExhaustionMs(old, recent, HOUR_MS, 99, 0)! / HOUR_MS;
    const plain = (720 * 0.1) / 2;
    expect(found).toBeGreaterThan(5 * plain);
  });
});
