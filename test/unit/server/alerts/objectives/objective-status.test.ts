import { describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../../../src/core/duration.ts';
import { EventHistory } from '../../../../../src/server/alerts/objectives/event-history.ts';
import {
  getStepMs,
  type Objective,
} from '../../../../../src/server/alerts/objectives/objective.ts';
import {
  computeObjectiveStatus,
  observeBurnRate,
} from '../../../../../src/server/alerts/objectives/objective-status.ts';
import { UptimeHistory } from '../../../../../src/server/alerts/objectives/uptime-history.ts';
import { findRule, loadTestRules, runRule } from '../../../../support/alert-rule-fixtures.ts';

const NOW = Date.UTC(2026, 10, 30, 12);
const LABELS = { service: 'booking' };

function load(more = ''): Objective {
  const text = `objectives:\n  - { name: o, kind: availability, target: 99.9${more} }`;
  return loadTestRules(text).objectives.find(({ name }) => name === 'o')!;
}

/** Creates `perMinute` events for `days`. In each of the last `badMinutes`, `bad` events fail. */
function createGroup({ days = 31, perMinute = 100, badMinutes = 0, bad = 0, objective = load() }) {
  const stepMs = getStepMs(objective);
  const history = new EventHistory(stepMs);
  const stepsFromMs = NOW - 8 * HOUR_MS;
  const startMs = NOW - days * DAY_MS;
  const perHour = perMinute * 60;
  const hours: { atMs: number; good: number; total: number }[] = [];
  for (let atMs = startMs; atMs < stepsFromMs; atMs += HOUR_MS)
    hours.push({ atMs, good: perHour, total: perHour });
  history.replaceHours({ fromMs: startMs, toMs: stepsFromMs }, hours);
  const steps: typeof hours = [];
  for (let atMs = Math.max(startMs, stepsFromMs); atMs < NOW; atMs += stepMs) {
    const isBad = atMs >= NOW - badMinutes * MINUTE_MS;
    steps.push({ atMs, good: perMinute - (isBad ? bad : 0), total: perMinute });
  }
  history.replaceSteps({ fromMs: stepsFromMs, toMs: NOW }, steps);
  return { objective, loadedFromMs: NOW - 31 * DAY_MS, group: { labels: LABELS, history } };
}

describe('computeObjectiveStatus', () => {
  it('computes the budget, the burn rates, and the time at which the budget runs out', () => {
    const status = computeObjectiveStatus(createGroup({ badMinutes: 60, bad: 2 }), NOW);
    const total = 30 * 24 * 60 * 100;
    expect(status).toMatchObject({ status: 'ok', reason: undefined, counts: { total } });
    expect(status.budget?.allowedEvents).toBe(total / 1000);
    expect(status.budget?.remainingEvents).toBe(total / 1000 - 120);
    // 2 % failures for an hour.
    expect(status.burnRates.fast).toBeCloseTo(20, 9);
    expect(status.burnRates.medium).toBeCloseTo(20 / 6, 9);
    expect(status.burnRates.slow).toBeCloseTo(20 / 72, 9);
    const expectedMs = (30 * DAY_MS * (status.budget!.remainingPercent / 100)) / (20 / 6);
    expect((status.exhaustedAtMs! - NOW) / expectedMs).toBeCloseTo(1, 2);
  });

  it.each([
    [{ days: 0.5 }, '1 d of data is needed; there is 12 h'],
    [{ perMinute: 0 }, 'no requests in the last 30 d'],
  ])('waits for data: %j', (more, reason) => {
    const status = computeObjectiveStatus(createGroup(more), NOW);
    expect(status).toMatchObject({ status: 'waiting', reason, budget: undefined });
    expect(status.exhaustedAtMs).toBeUndefined();
  });

  it('waits for events until at least one can fail', () => {
    const history = new EventHistory(MINUTE_MS);
    const hours = Array.from({ length: 48 }, (_, i) => ({
      atMs: NOW - (50 - i) * HOUR_MS,
      good: 20,
      total: 20,
    }));
    history.replaceHours({ fromMs: NOW - 50 * HOUR_MS, toMs: NOW - 2 * HOUR_MS }, hours);
    const group = { labels: LABELS, history };
    const known = { objective: load(), group, loadedFromMs: NOW - 31 * DAY_MS };
    const status = computeObjectiveStatus(known, NOW);
    expect(status).toMatchObject({ status: 'waiting', counts: { total: 960 } });
    expect(status.reason).toMatch(/1,?000 requests are needed; there are 960/);
  });

  it('waits until all stored measurements were read', () => {
    const known = { ...createGroup({ badMinutes: 60, bad: 2 }), loadedFromMs: NOW - 2 * DAY_MS };
    const status = computeObjectiveStatus(known, NOW);
    expect(status).toMatchObject({
      status: 'waiting',
      reason: expect.stringMatching(/being read/),
    });
    expect(status.burnRates.fast).toBeCloseTo(20, 9);
    expect(status.burnRates.slow).toBeUndefined();
  });

  it('is exhausted if more events failed than allowed', () => {
    const status = computeObjectiveStatus(createGroup({ badMinutes: 480, bad: 20 }), NOW);
    expect(status.status).toBe('exhausted');
    expect(status.budget?.remainingPercent).toBeLessThan(0);
    expect(status.exhaustedAtMs).toBe(NOW);
  });
});

describe('observeBurnRate', () => {
  const RULE = findRule(loadTestRules(''), 'burn-rate-fast');
  const fires = (known: ReturnType<typeof createGroup>) => {
    const observation = observeBurnRate(known, 'fast', NOW);
    return runRule(
      RULE,
      [[0, { ...observation, newestMs: undefined as never }]].map(() => [0, observation]),
    ).summaries;
  };

  it('fires an alert above 14.4', () => {
    expect(fires(createGroup({ badMinutes: 60, bad: 2 }))).toEqual(['0 firing critical']);
    expect(fires(createGroup({ badMinutes: 60, bad: 1 }))).toEqual([]);
  });

  it('needs a high burn rate in both windows', () => {
    // All requests of the last 4 minutes failed: the hour is above the limit, and so are 5 minutes.
    expect(fires(createGroup({ badMinutes: 4, bad: 100 }))).toEqual(['0 firing critical']);
    // Five minutes later, the alert has ended, although the hour is still above the limit.
    const known = createGroup({ badMinutes: 4, bad: 100 });
    const good = Array.from({ length: 6 }, (_, i) => ({
      atMs: NOW + i * MINUTE_MS,
      good: 100,
      total: 100,
    }));
    known.group.history.replaceSteps({ fromMs: NOW, toMs: NOW + 6 * MINUTE_MS }, good);
    const later = observeBurnRate(known, 'fast', NOW + 6 * MINUTE_MS)!;
    expect(later.value).toBe(0);
  });

  it('does not fire for a few failures, even if these are all requests of the night', () => {
    const known = createGroup({ perMinute: 1, badMinutes: 9, bad: 1 });
    expect(observeBurnRate(known, 'fast', NOW)?.value).toBeGreaterThan(100);
    expect(fires(known)).toEqual([]);
    expect(fires(createGroup({ perMinute: 1, badMinutes: 10, bad: 1 }))).toEqual([
      '0 firing critical',
    ]);
    const own = load(', minimumBadEvents: 1');
    expect(fires(createGroup({ perMinute: 1, badMinutes: 1, bad: 1, objective: own }))).toEqual([
      '0 firing critical',
    ]);
  });

  it('waits for data of the whole long window', () => {
    const short = createGroup({ days: 1 / 48, badMinutes: 20, bad: 100 });
    expect(observeBurnRate(short, 'fast', NOW)?.waiting).toEqual({
      reason: 'objective',
      haveMs: HOUR_MS / 2,
      neededMs: HOUR_MS,
    });
    expect(fires(short)).toEqual([]);
    const { group } = short;
    expect(computeObjectiveStatus(short, NOW).burnRates.fast).toBeUndefined();
    const ready = observeBurnRate(createGroup({ days: 0.1 }), 'fast', NOW);
    expect(ready).toMatchObject({ value: 0, waiting: undefined });
    expect(observeBurnRate(createGroup({ days: 0.1 }), 'medium', NOW)?.waiting).toBeDefined();
    // While stored events are being read, it isn't known whether there is enough data.
    const loading = { objective: load(), group, loadedFromMs: NOW - HOUR_MS / 2 };
    expect(observeBurnRate(loading, 'fast', NOW)).toBeUndefined();
  });

  it.each([
    ['page', [true, true, true]],
    ['ticket', [false, false, true]],
    ['off', [false, false, false]],
  ])('with `alerts: %s`', (alerts, expected) => {
    const known = createGroup({ objective: load(`, alerts: ${alerts}`) });
    const found = (['fast', 'medium', 'slow'] as const).map(
      (speed) => observeBurnRate(known, speed, NOW) !== undefined,
    );
    expect(found).toEqual(expected);
  });

  it('has the labels of the group and of the objective', () => {
    expect(observeBurnRate(createGroup({}), 'slow', NOW)?.labels).toEqual({
      service: 'booking',
      objective: 'o',
    });
  });
});

describe('UptimeHistory', () => {
  const START = NOW - 10 * DAY_MS;
  const reports = (fromMinute: number, toMinute: number) =>
    Array.from({ length: toMinute - fromMinute }, (_, i) => START + (fromMinute + i) * MINUTE_MS);
  const sum = (history: UptimeHistory, toMinute: number) => {
    const untilMs = START + toMinute * MINUTE_MS;
    const [byHour, byMinute] = [HOUR_MS, MINUTE_MS].map((unitMs) =>
      history
        .countMinutes(START, untilMs, unitMs)
        .reduce((all, { good, total }) => ({ good: all.good + good, total: all.total + total }), {
          good: 0,
          total: 0,
        }),
    );
    expect(byHour).toEqual(byMinute);
    return byHour;
  };
  const create = (...parts: [number, number][]) => {
    const history = new UptimeHistory(MINUTE_MS);
    for (const [from, to] of parts)
      history.replaceReports(
        { fromMs: START + from * MINUTE_MS, toMs: START + to * MINUTE_MS },
        reports(from, to),
      );
    return history;
  };

  it('counts missing minutes, except the first of a gap', () => {
    expect(sum(create([0, 100], [110, 200]), 200)).toEqual({ good: 191, total: 200 });
    expect(sum(create([0, 100], [101, 200]), 200)).toEqual({ good: 200, total: 200 });
  });

  it('excludes the time after a normal end', () => {
    const history = create([0, 100], [1000, 1100]);
    history.addStops([START + 99.5 * MINUTE_MS]);
    expect(sum(history, 1100)).toEqual({ good: 200, total: 200 });
  });

  it('for alerts, ignores planned restarts, and times in which no group reported', () => {
    const count = (history: UptimeHistory, known: UptimeHistory) =>
      history
        .countMinutes(START, START + 200 * MINUTE_MS, HOUR_MS, known)
        .reduce((bad, { good, total }) => bad + total - good, 0);
    const history = create([0, 100], [104, 200]);
    expect(count(history, create([0, 200]))).toBe(3);
    expect(count(history, create([0, 102], [104, 200]))).toBe(1);
    history.addStops([START + 99.5 * MINUTE_MS]);
    expect(count(history, create([0, 200]))).toBe(0);
    expect(sum(history, 200)).toEqual({ good: 197, total: 200 });
  });

  it('counts at most a day of downtime, because the service was probably removed', () => {
    expect(sum(create([0, 100]), 5000)).toEqual({ good: 101, total: 101 + 1440 });
  });

  it('forgets old days', () => {
    const history = create([0, 100], [5000, 5100]);
    history.trim(START + 4000 * MINUTE_MS);
    expect(sum(history, 5100)).toEqual({ good: 100, total: 100 });
    history.trim(NOW);
    expect(history.hasReports).toBe(false);
    expect(sum(history, 5100)).toEqual({ good: 0, total: 0 });
  });
});
