import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  computeSurges,
  type RequestCounts,
} from '../../../../src/server/alerts/rule-queries/rate-surge.ts';

const HOUR = 60;
const THRESHOLD = 4;
const MIN_INCREASE = 300;

/** Returns the counts at a time, in minutes, of a group with this rate per minute. */
function observe(
  rateAt: (minute: number) => number,
  now: number,
  startedAt = -Infinity,
): RequestCounts {
  const count = (minute: number) => (minute < startedAt ? 0 : Math.round(rateAt(minute)));
  const end = now - 2;
  const minutes = Array.from({ length: HOUR }, (_, i) => count(end - HOUR + i));
  return { rate: (count(now - 2) + count(now - 1)) / 2, minutes };
}

const computeSurge = (own: RequestCounts, peers: readonly RequestCounts[]) =>
  computeSurges([...peers, own]).at(-1)!;
const isSurge = ({ factor, increase, minutes, neededMinutes }: ReturnType<typeof computeSurge>) =>
  factor > THRESHOLD && increase >= MIN_INCREASE && minutes >= neededMinutes;

const steady = (rate: number) => () => rate;
const step = (before: number, after: number) => (minute: number) => (minute < 0 ? before : after);

describe('a surge of requests', () => {
  it('is found two minutes after its start, for as long as half of the baseline is before the surge', () => {
    const rateAt = step(100, 1000);
    expect(isSurge(computeSurge(observe(rateAt, 0), []))).toBe(false);
    for (const now of [2, 3, 5, 10, 25]) {
      expect(computeSurge(observe(rateAt, now), [])).toMatchObject({ factor: 10, increase: 900 });
    }
    expect(isSurge(computeSurge(observe(rateAt, 70), []))).toBe(false);
  });

  it('is found after five minutes of history if other groups show that only this group grew', () => {
    const peers = [steady(100), steady(50), steady(200)].map((rate) => observe(rate, 3, -5));
    const own = observe(step(100, 1600), 3, -5);
    expect(isSurge(computeSurge(own, peers))).toBe(true);
    expect(isSurge(computeSurge(own, peers.slice(1, 2)))).toBe(false);
    expect(isSurge(computeSurge(observe(step(100, 1600), 3, -2), peers))).toBe(false);
  });

  it('is not a surge if most groups grew', () => {
    const peers = [1, 2, 3].map((factor) => observe(step(100 * factor, 1000 * factor), 5));
    expect(computeSurge(observe(step(100, 1000), 5), peers).factor).toBeCloseTo(1);
    // One of three other groups grew too: the median didn't.
    const [first, ...others] = peers;
    const mixed = [first!, ...others.map(() => observe(steady(100), 5))];
    expect(isSurge(computeSurge(observe(step(100, 1000), 5), mixed))).toBe(true);
  });

  it('is found after a restart, although no group had requests for some minutes', () => {
    const withRestart = (rateAt: (minute: number) => number) => (minute: number) =>
      minute >= -20 && minute < -17 ? (minute === -20 ? 20 : 0) : rateAt(minute);
    const peers = [80, 100, 120].map((rate) => observe(withRestart(steady(rate)), 5));
    const own = observe(withRestart(step(100, 1600)), 5);
    expect(isSurge(computeSurge(own, peers))).toBe(true);
  });

  it('is not found without usual requests, after an idle night', () => {
    expect(computeSurge(observe(step(0, 1000), 5), []).factor).toBe(1);
    expect(computeSurge({ rate: 100, minutes: [] }, [])).toMatchObject({ factor: 1, minutes: 0 });
  });

  it('is not found if the same burst was in the last hour', () => {
    const burst = (minute: number) => (((minute % 30) + 30) % 30 < 5 ? 1000 : 100);
    expect(computeSurge(observe(burst, 4), []).factor).toBeLessThan(1.5);
  });

  it('is never found on the first day, in the first minutes, or on a ramp', () => {
    const arbitraries = {
      // Requests per minute at night and at the peak.
      night: fc.integer({ min: 0, max: 200 }),
      peak: fc.integer({ min: 300, max: 3000 }),
      // Duration of the ramp in minutes.
      length: fc.integer({ min: 90, max: 240 }),
      jitter: fc.integer({ min: 0, max: 1000 }),
    };
    fc.assert(
      fc.property(fc.record(arbitraries), ({ night, peak, length, jitter }) => {
        const noise = (m: number) => 0.85 + 0.3 * Math.abs(Math.sin((m + jitter) * 12.9898));
        const share = (m: number) =>
          (1 - Math.cos((Math.PI * Math.min(Math.max(m, 0), length)) / length)) / 2;
        const rateAt = (m: number) => (night + (peak - night) * share(m)) * noise(m);
        for (let now = 3; now < length; now += 3) {
          expect(isSurge(computeSurge(observe(rateAt, now), []))).toBe(false);
          expect(isSurge(computeSurge(observe(rateAt, now, now - 45), []))).toBe(false);
        }
      }),
    );
  });
});
