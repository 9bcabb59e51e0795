import { expect, it } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../../src/core/duration.ts';
import {
  getCurrentRangeEndMs,
  getRangeLengthMs,
  getRangeUntilNow,
  getRowsRevision,
} from '../../../../src/storage/queries/time-range.ts';

const NOW = Date.UTC(2026, 10, 25, 12, 0, 1, 234);

it('rounds the current time up to a multiple of 1 s, or of 5 s for long ranges', () => {
  expect(getRangeUntilNow(15 * MINUTE_MS, NOW)).toEqual({
    fromMs: Date.UTC(2026, 10, 25, 11, 45, 2),
    toMs: Date.UTC(2026, 10, 25, 12, 0, 2),
  });
  expect(getCurrentRangeEndMs(DAY_MS, NOW)).toBe(Date.UTC(2026, 10, 25, 12, 0, 5));
  expect(getRangeLengthMs(getRangeUntilNow(DAY_MS, NOW))).toBe(DAY_MS);
  expect(getRangeUntilNow(DAY_MS, NOW)).toEqual(getRangeUntilNow(DAY_MS, NOW + 3000));
  expect(getRangeUntilNow(DAY_MS, NOW)).not.toEqual(getRangeUntilNow(DAY_MS, NOW + 5000));
});

it('keeps the revision of a long range for 5 s', () => {
  const revision = (ms: number, now: number) =>
    getRowsRevision({ fromMs: now - ms, toMs: now }, now);
  expect(revision(6 * HOUR_MS, NOW)).toBe(revision(6 * HOUR_MS, NOW + 3765));
  expect(revision(6 * HOUR_MS, NOW)).not.toBe(revision(6 * HOUR_MS, NOW + 3766));
  expect(revision(6 * HOUR_MS - 1, NOW)).toBeUndefined();
});
