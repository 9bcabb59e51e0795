import fc from 'fast-check';
import { expect, it } from 'vitest';
import { DAY_MS, MINUTE_MS } from '../../../../src/core/duration.ts';
import type { EscalationPolicy } from '../../../../src/server/notifications/config/notification-config.ts';
import { TokenBucket } from '../../../../src/server/notifications/delivery/channel-limiter.ts';
import { computeBackoffMs } from '../../../../src/server/notifications/delivery/deliverer.ts';
import { computeDigestDueMs } from '../../../../src/server/notifications/planning/due-digests.ts';
import {
  createEscalationState,
  stepEscalation,
} from '../../../../src/server/notifications/planning/due-escalations.ts';
import { readLocalClock, timeOfDay, zonedMoment } from '../../../support/local-clock.ts';
import { NOW } from '../../../support/notifier-fixtures.ts';

const POLICY: EscalationPolicy = {
  name: 'standard',
  levels: [
    { afterMs: 5 * MINUTE_MS, receivers: ['b'], repeatMs: 2 * MINUTE_MS, times: 2 },
    { afterMs: 15 * MINUTE_MS, receivers: ['c'], repeatMs: 10 * MINUTE_MS, times: undefined },
  ],
};

/** Runs an escalation for an hour. Returns each notified level with its minute. */
function runEscalation(
  getState: (minute: number) => 'firing' | 'acknowledged' | undefined,
  stepS: number,
) {
  let state: ReturnType<typeof createEscalationState> | undefined = createEscalationState(NOW);
  const notified: [number, number][] = [];
  for (let ms = 0; state && ms <= 60 * MINUTE_MS; ms += stepS * 1000) {
    const minute = ms / MINUTE_MS;
    const step = stepEscalation(state, POLICY, getState(minute), NOW + ms);
    if (step.levelToNotify !== undefined) notified.push([step.levelToNotify, minute]);
    state = step.state;
  }
  return notified;
}

it('moves to the next level, repeats, and stops when the alert is acknowledged or resolved', () => {
  const always = () => 'firing' as const;
  expect(runEscalation(always, 30)).toEqual([
    ...[
      [1, 5],
      [1, 7],
    ],
    ...[
      [2, 15],
      [2, 25],
      [2, 35],
      [2, 45],
      [2, 55],
    ],
  ]);
  const untilAcknowledged = (minute: number) =>
    (minute < 6 ? 'firing' : 'acknowledged') as 'firing';
  expect(runEscalation(untilAcknowledged, 30)).toEqual([[1, 5]]);
  expect(runEscalation((minute) => (minute < 20 ? 'firing' : undefined), 30)).toEqual([
    ...[
      [1, 5],
      [1, 7],
      [2, 15],
    ],
  ]);
});

it('notifies only the highest level after a long downtime', () => {
  const step = stepEscalation(createEscalationState(NOW), POLICY, 'firing', NOW + 50 * MINUTE_MS);
  expect(step).toMatchObject({ levelToNotify: 2, state: { level: 2, times: 1 } });
});

it('never notifies too early, twice at the same time, or after the alert is acknowledged', () => {
  const stepGaps = fc.array(fc.integer({ min: 0, max: 20 * MINUTE_MS }), { maxLength: 40 });
  fc.assert(
    fc.property(stepGaps, fc.integer({ min: 0, max: 90 * MINUTE_MS }), (gaps, acknowledgedMs) => {
      let state: ReturnType<typeof createEscalationState> | undefined = createEscalationState(NOW);
      let ms = 0;
      let level = 0;
      for (const gap of gaps) {
        ms += gap;
        if (!state) break;
        const alert = ms < acknowledgedMs ? ('firing' as const) : ('acknowledged' as const);
        const step = stepEscalation(state, POLICY, alert, NOW + ms);
        if (alert !== 'firing')
          expect(step).toEqual({ state: undefined, levelToNotify: undefined });
        if (step.levelToNotify !== undefined) {
          expect(step.levelToNotify).toBeGreaterThanOrEqual(level);
          expect(ms).toBeGreaterThanOrEqual(POLICY.levels[step.levelToNotify - 1]!.afterMs);
          level = step.levelToNotify;
          expect(
            stepEscalation(step.state!, POLICY, 'firing', NOW + ms).levelToNotify,
          ).toBeUndefined();
        }
        state = step.state;
      }
    }),
  );
});

it('backs off exponentially with full jitter, but never less than Retry-After', () => {
  expect([1, 2, 3, 10, 1000].map((n) => computeBackoffMs(n, 1))).toEqual([
    1000, 2000, 4000, 60_000, 60_000,
  ]);
  expect(computeBackoffMs(5, 0)).toBe(0);
  expect(computeBackoffMs(5, 0.5)).toBe(8000);
  expect(computeBackoffMs(1, 0.5, 120_000)).toBe(120_000);
});

it('limits the rate in any window, and never waits longer than needed', () => {
  const gaps = fc.array(fc.integer({ min: 0, max: 3000 }), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(gaps, (all) => {
      const bucket = new TokenBucket({ messages: 5, perMs: 10_000 }, NOW);
      let now = NOW;
      const allowedMs: number[] = [];
      for (const gap of all) {
        now += gap;
        const waitMs = bucket.take(now);
        if (waitMs === 0) allowedMs.push(now);
        // One token is added every 2 s.
        else expect(waitMs).toBeLessThanOrEqual(2000);
      }
      for (const end of allowedMs) {
        const within = allowedMs.filter((ms) => ms > end - 10_000 && ms <= end);
        expect(within.length).toBeLessThanOrEqual(10);
      }
    }),
  );
});

it('schedules a digest at the configured times of day, even when the clock changes', () => {
  const getDueMs = (times: string[], ms: number) =>
    computeDigestDueMs({ name: 'd', everyMs: undefined, at: times, timeZone: 'Europe/Vienna' }, ms);
  // It is 09:00 in Vienna in winter. The next digest is due at 08:00 tomorrow, or at 18:00 today.
  expect(getDueMs(['08:00'], Date.UTC(2030, 0, 15, 8))).toBe(Date.UTC(2030, 0, 16, 7));
  expect(getDueMs(['08:00', '18:00'], Date.UTC(2030, 0, 15, 8))).toBe(Date.UTC(2030, 0, 15, 17));
  // When daylight saving time starts, 02:30 does not exist. The digest is due when the clock shows 03:00.
  expect(getDueMs(['02:30'], Date.UTC(2030, 2, 30, 23))).toBe(Date.UTC(2030, 2, 31, 1));
  // When it ends, 02:30 is at 00:30 and at 01:30 UTC. There is still only one digest a day.
  expect(getDueMs(['02:30'], Date.UTC(2030, 9, 26, 23))).toBe(Date.UTC(2030, 9, 27, 0, 30));
  expect(getDueMs(['02:30'], Date.UTC(2030, 9, 27, 0, 40))).toBe(Date.UTC(2030, 9, 28, 1, 30));
  const every = { name: 'd', everyMs: 30 * MINUTE_MS, at: [], timeZone: 'UTC' };
  expect(computeDigestDueMs(every, NOW)).toBe(NOW + 30 * MINUTE_MS);
});

it('schedules one digest for each time of day and each date that a zone has', () => {
  fc.assert(
    fc.property(zonedMoment, fc.array(timeOfDay, { minLength: 1, maxLength: 2 }), (moment, at) => {
      const { zone, ms: firstMs } = moment;
      const dueMs = computeDigestDueMs(
        { name: 'd', everyMs: undefined, at, timeZone: zone },
        firstMs,
      );
      // Turns the clock forward until it shows one of the times on a date for the first time.
      const done = new Set<string>();
      const startMs = firstMs - 1.5 * DAY_MS;
      const dates = new Set<string>();
      for (let ms = startMs; ms < firstMs + 3 * DAY_MS; ms += 30 * MINUTE_MS) {
        dates.add(readLocalClock(ms, zone).date);
      }
      const targets = [...dates].flatMap((date) => at.map((time) => `${date} ${time}`));
      let expectedMs = startMs;
      for (; ; expectedMs += MINUTE_MS) {
        const { date, time } = readLocalClock(expectedMs, zone);
        const reached = targets.filter((each) => each <= `${date} ${time}` && !done.has(each));
        for (const each of reached) done.add(each);
        if (expectedMs > firstMs && reached.length > 0) break;
      }
      expect(new Date(dueMs)).toEqual(new Date(expectedMs));
    }),
    { numRuns: 100 },
  );
});
