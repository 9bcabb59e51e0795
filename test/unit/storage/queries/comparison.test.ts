import { DateTime } from 'luxon';
import { describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../../src/core/duration.ts';
import { alignComparison } from '../../../../src/storage/queries/comparison.ts';

const ZONE = 'Europe/Vienna';
const at = (text: string) => DateTime.fromISO(text, { zone: ZONE }).toMillis();
const range = (from: string, to: string) => ({ fromMs: at(from), toMs: at(to) });

describe('alignComparison', () => {
  it('starts the previous range a whole number of steps earlier', () => {
    const current = range('2026-11-25T10:00', '2026-11-25T11:40');
    const step = { ms: HOUR_MS, zone: ZONE };
    const earlier = alignComparison(current, 'previous', step);
    expect(earlier?.range).toEqual(range('2026-11-25T08:00', '2026-11-25T09:40'));
    expect(earlier?.toCurrentMs(at('2026-11-25T09:00'))).toBe(at('2026-11-25T11:00'));
  });

  it.each([
    ['previous', '2026-10-23', DAY_MS],
    ['yesterday', '2026-10-24', HOUR_MS],
    ['lastWeek', '2026-10-18', 7 * DAY_MS],
  ] as const)('uses local time on a 25-hour day: %s', (comparison, day, ms) => {
    const current = range('2026-10-25', comparison === 'previous' ? '2026-10-27' : '2026-10-26');
    const earlier = alignComparison(current, comparison, { ms, zone: ZONE });
    expect(earlier?.range.fromMs).toBe(at(day));
    expect(earlier?.toCurrentMs(at(day))).toBe(at('2026-10-25'));
  });

  it.each([
    ['yesterday', 7 * MINUTE_MS],
    ['yesterday', 2 * DAY_MS],
    ['lastWeek', 30 * DAY_MS],
  ] as const)('returns undefined if the step does not fit: %s with %d ms', (comparison, ms) => {
    const current = range('2026-11-25T10:00', '2026-11-25T11:00');
    expect(alignComparison(current, comparison, { ms, zone: ZONE })).toBeUndefined();
  });
});
