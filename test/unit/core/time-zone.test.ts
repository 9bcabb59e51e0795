import fc from 'fast-check';
import { expect, it } from 'vitest';
import { DAY_MS, MINUTE_MS } from '../../../src/core/duration.ts';
import { findLocalTime, hasLocalDate } from '../../../src/core/time-zone.ts';
import { readLocalClock, timeOfDay, zonedMoment } from '../../support/local-clock.ts';

const toText = (ms: number) => new Date(ms).toISOString().slice(0, 16);

it('finds the first moment at which a clock shows a local time or a later one', () => {
  fc.assert(
    fc.property(zonedMoment, timeOfDay, ({ zone, ms }, time) => {
      const { date } = readLocalClock(ms, zone);
      const localMs = Date.parse(`${date}T${time}Z`);
      let expectedMs = ms - 1.5 * DAY_MS;
      for (;;) {
        const clock = readLocalClock(expectedMs, zone);
        if (`${clock.date}T${clock.time}` >= `${date}T${time}`) break;
        expectedMs += MINUTE_MS;
      }
      expect(toText(findLocalTime(localMs, zone))).toBe(toText(expectedMs));
    }),
    { numRuns: 100 },
  );
});

it.each([
  ['2011-12-29', 'Pacific/Apia', true],
  ['2011-12-30', 'Pacific/Apia', false],
  ['2011-12-31', 'Pacific/Apia', true],
  ['1993-08-21', 'Pacific/Kwajalein', false],
  ['2026-03-08', 'America/Havana', true],
])('%s exists in %s: %s', (date, zone, exists) => {
  expect(hasLocalDate(Date.parse(date), zone)).toBe(exists);
});
