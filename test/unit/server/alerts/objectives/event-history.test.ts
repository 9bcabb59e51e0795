import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../../../src/core/duration.ts';
import {
  computeBurnRate,
  computeErrorBudget,
  predictExhaustionMs,
} from '../../../../../src/server/alerts/objectives/error-budget.ts';
import {
  type EventCounts,
  mergeEventCounts,
  NO_EVENTS,
} from '../../../../../src/server/alerts/objectives/event-counts.ts';
import { EventHistory } from '../../../../../src/server/alerts/objectives/event-history.ts';

/** Midnight UTC. */
const T0 = Date.UTC(2026, 10, 2);
const counts = fc
  .record({ good: fc.nat(10_000), bad: fc.nat(10_000) })
  .map(({ good, bad }): EventCounts => ({ good, total: good + bad }));
const minutes = fc
  .array(fc.tuple(fc.nat(2879), counts), { maxLength: 60 })
  .map((entries) =>
    [...new Map(entries)].map(([minute, each]) => ({ atMs: T0 + minute * MINUTE_MS, ...each })),
  );
const minute = fc.nat(2880).map((i) => T0 + i * MINUTE_MS);
const WHOLE = { fromMs: T0, toMs: T0 + 2 * DAY_MS };

function createHistory(steps: Parameters<EventHistory['replaceSteps']>[1]): EventHistory {
  const history = new EventHistory(MINUTE_MS);
  history.replaceSteps(WHOLE, steps);
  return history;
}

describe('event counts', () => {
  it('have the same sum in any order', () => {
    fc.assert(
      fc.property(fc.array(counts), fc.infiniteStream(fc.nat()), (all, random) => {
        const shuffled = all
          .map((each) => ({ each, order: random.next().value as number }))
          .sort((a, b) => a.order - b.order)
          .map(({ each }) => each);
        const sum = (list: EventCounts[]) => list.reduce(mergeEventCounts, NO_EVENTS);
        expect(sum(shuffled)).toEqual(sum(all));
      }),
    );
  });

  it('never give NaN', () => {
    const target = fc.double({ min: 0.0001, max: 99.9999, noNaN: true });
    fc.assert(
      fc.property(
        counts,
        counts,
        target,
        fc.array(counts, { maxLength: 30 }),
        (each, recent, percent, all) => {
          const budget = computeErrorBudget(each, percent);
          const hours = all.map((hour, i) => ({ atMs: i * HOUR_MS, ...hour }));
          const numbers = [
            ...Object.values(budget),
            computeBurnRate(each, percent),
            predictExhaustionMs(hours, recent, HOUR_MS, percent, T0),
          ];
          for (const value of numbers) expect(value).not.toBeNaN();
          expect(budget.remainingPercent).toBeLessThanOrEqual(100);
          // The budget is exceeded exactly if the events used it faster than the period allows.
          const burnRate = computeBurnRate(each, percent);
          if (Math.abs(burnRate - 1) > 1e-6) expect(budget.remainingEvents < 0).toBe(burnRate > 1);
        },
      ),
    );
  });
});

describe('EventHistory', () => {
  it('returns the sum of the steps in any range', () => {
    fc.assert(
      fc.property(minutes, minute, minute, (steps, a, b) => {
        const range = { fromMs: Math.min(a, b), toMs: Math.max(a, b) };
        const expected = steps
          .filter(({ atMs }) => atMs >= range.fromMs && atMs < range.toMs)
          .reduce<EventCounts>(mergeEventCounts, NO_EVENTS);
        expect(createHistory(steps).sum(range)).toEqual(expected);
      }),
    );
  });

  it('has the same sum if a range is split', () => {
    fc.assert(
      fc.property(minutes, fc.array(minute, { minLength: 2, maxLength: 6 }), (steps, bounds) => {
        const sorted = bounds.toSorted((a, b) => a - b);
        const history = createHistory(steps);
        const parts = sorted.slice(1).map((toMs, i) => history.sum({ fromMs: sorted[i]!, toMs }));
        const whole = history.sum({ fromMs: sorted[0]!, toMs: sorted.at(-1)! });
        expect(parts.reduce(mergeEventCounts, NO_EVENTS)).toEqual(whole);
      }),
    );
  });

  it('has the same content if parts are read again, in any order', () => {
    fc.assert(
      fc.property(minutes, minutes, fc.array(fc.tuple(minute, minute)), (before, after, parts) => {
        const history = createHistory(before);
        history.replaceSteps(WHOLE, after);
        for (const [a, b] of parts)
          history.replaceSteps({ fromMs: Math.min(a, b), toMs: Math.max(a, b) }, after);
        expect(history.sum(WHOLE)).toEqual(createHistory(after).sum(WHOLE));
        expect(history.listHours(WHOLE)).toEqual(createHistory(after).listHours(WHOLE));
      }),
    );
  });

  it('keeps the hours when the steps are removed', () => {
    const steps = [10, 70, 1500].map((i) => ({ atMs: T0 + i * MINUTE_MS, good: i, total: i }));
    const history = createHistory(steps);
    expect(history.findFirstMs()).toBe(T0 + 10 * MINUTE_MS);
    history.trim(T0 + DAY_MS, T0);
    expect(history.sum(WHOLE)).toEqual({ good: 1580, total: 1580 });
    // Without steps, the whole hour counts.
    expect(history.sum({ fromMs: T0 + 65 * MINUTE_MS, toMs: T0 + 69 * MINUTE_MS }).total).toBe(70);
    history.trim(T0 + DAY_MS, T0 + DAY_MS);
    expect(history.sum(WHOLE)).toEqual({ good: 1500, total: 1500 });
    expect(history.findFirstMs()).toBe(T0 + 25 * HOUR_MS);
  });

  it('replaces hours, and adds several counts of an hour', () => {
    const history = createHistory([{ atMs: T0 + HOUR_MS, good: 1, total: 1 }]);
    history.trim(T0 + DAY_MS, T0);
    const slices = [0, 5, 10].map((i) => ({ atMs: T0 + i * MINUTE_MS, good: 1, total: 1 }));
    history.replaceHours({ fromMs: T0, toMs: T0 + 2 * HOUR_MS }, slices);
    expect(history.listHours({ fromMs: T0, toMs: T0 + 2 * HOUR_MS })).toEqual([
      { atMs: T0, good: 3, total: 3 },
      { atMs: T0 + HOUR_MS, good: 0, total: 0 },
    ]);
  });
});
