import { expect, it } from 'vitest';
import { endOfNow, stateOfRows, untilNow } from '../../src/windows/freshness.ts';
import { DAY_MS, HOUR_MS, lengthMs, MINUTE_MS } from '../../src/windows/range.ts';

const NOW = Date.UTC(2026, 10, 25, 12, 0, 1, 234);

it('ends ranges until now with the second that now is in, and long ones with five', () => {
  expect(untilNow(15 * MINUTE_MS, NOW)).toEqual({
    fromMs: Date.UTC(2026, 10, 25, 11, 45, 2),
    toMs: Date.UTC(2026, 10, 25, 12, 0, 2),
  });
  expect(endOfNow(DAY_MS, NOW)).toBe(Date.UTC(2026, 10, 25, 12, 0, 5));
  expect(lengthMs(untilNow(DAY_MS, NOW))).toBe(DAY_MS);
  expect(untilNow(DAY_MS, NOW)).toEqual(untilNow(DAY_MS, NOW + 3000));
  expect(untilNow(DAY_MS, NOW)).not.toEqual(untilNow(DAY_MS, NOW + 5000));
});

it('lets answers about rows be given again for five seconds, where the range is long', () => {
  const state = (ms: number, now: number) => stateOfRows({ fromMs: now - ms, toMs: now }, now);
  expect(state(6 * HOUR_MS, NOW)).toBe(state(6 * HOUR_MS, NOW + 3765));
  expect(state(6 * HOUR_MS, NOW)).not.toBe(state(6 * HOUR_MS, NOW + 3766));
  expect(state(6 * HOUR_MS - 1, NOW)).toBeUndefined();
});
