import { expect, it } from 'vitest';
import {
  DAY_MS,
  getCurrentRangeEndMs,
  getRangeLengthMs,
  getRangeUntilNow,
  getRowsRevision,
  HOUR_MS,
  MINUTE_MS,
} from '../../../../src/storage/queries/query-range.ts';

const NOW = Date.UTC(2026, 10, 25, 12, 0, 1, 234);

it('ends ranges until now with the second that now is in, and long ones with five', () => {
  expect(getRangeUntilNow(15 * MINUTE_MS, NOW)).toEqual({
    fromMs: Date.UTC(2026, 10, 25, 11, 45, 2),
    toMs: Date.UTC(2026, 10, 25, 12, 0, 2),
  });
  expect(getCurrentRangeEndMs(DAY_MS, NOW)).toBe(Date.UTC(2026, 10, 25, 12, 0, 5));
  expect(getRangeLengthMs(getRangeUntilNow(DAY_MS, NOW))).toBe(DAY_MS);
  expect(getRangeUntilNow(DAY_MS, NOW)).toEqual(getRangeUntilNow(DAY_MS, NOW + 3000));
  expect(getRangeUntilNow(DAY_MS, NOW)).not.toEqual(getRangeUntilNow(DAY_MS, NOW + 5000));
});

it('lets answers about rows be given again for five seconds, where the range is long', () => {
  const state = (ms: number, now: number) => getRowsRevision({ fromMs: now - ms, toMs: now }, now);
  expect(state(6 * HOUR_MS, NOW)).toBe(state(6 * HOUR_MS, NOW + 3765));
  expect(state(6 * HOUR_MS, NOW)).not.toBe(state(6 * HOUR_MS, NOW + 3766));
  expect(state(6 * HOUR_MS - 1, NOW)).toBeUndefined();
});
