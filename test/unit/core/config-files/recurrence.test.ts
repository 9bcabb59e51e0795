import fc from 'fast-check';
import { DateTime } from 'luxon';
import { expect, it } from 'vitest';
import {
  findOccurrenceEnd,
  type Recurrence,
} from '../../../../src/core/config-files/recurrence.ts';
import { HOUR_MS, MINUTE_MS } from '../../../../src/core/duration.ts';
import { readLocalClock, timeOfDay, zonedMoment } from '../../../support/local-clock.ts';

const BERLIN = 'Europe/Berlin';

/** Returns the times in UTC at which a range is active in the night and morning of a day. */
function listActive(range: Partial<Recurrence>, utcDay: string, timeZone = BERLIN): string[] {
  const recurrence = { every: 'day', timeZone, ...range } as Recurrence;
  const dayMs = Date.parse(`${utcDay}T00:00Z`);
  const format = (ms: number) => new Date(ms).toISOString().slice(11, 16);
  const spans: string[] = [];
  for (let ms = dayMs - 2 * HOUR_MS; ms < dayMs + 12 * HOUR_MS; ) {
    const endMs = findOccurrenceEnd(recurrence, ms);
    if (endMs !== undefined) spans.push(`${format(ms)}-${format(endMs)}`);
    ms = endMs ?? ms + MINUTE_MS;
  }
  return spans;
}

it.each<[string, Partial<Recurrence>, string, string[]]>([
  ['an ordinary night', { from: '01:30', to: '03:30' }, '2026-11-02', ['00:30-02:30']],
  // Clocks in Berlin skip 02:00 to 03:00 on March 29, and show 02:00 to 03:00 twice on October 25.
  ['a skipped part', { from: '01:30', to: '03:30' }, '2026-03-29', ['00:30-01:30']],
  ['a skipped start', { from: '02:30', to: '03:30' }, '2026-03-29', ['01:00-01:30']],
  ['a skipped end', { from: '01:30', to: '02:30' }, '2026-03-29', ['00:30-01:00']],
  ['a skipped range', { from: '02:00', to: '03:00' }, '2026-03-29', []],
  ['a part of a skipped hour', { from: '02:15', to: '02:45' }, '2026-03-29', []],
  ['a repeated part', { from: '01:30', to: '03:30' }, '2026-10-25', ['23:30-02:30']],
  ['a repeated range', { from: '02:00', to: '03:00' }, '2026-10-25', ['00:00-02:00']],
  [
    'a repeated start',
    { from: '02:30', to: '03:30' },
    '2026-10-25',
    ['00:30-01:00', '01:30-02:30'],
  ],
  [
    'a part of a repeated hour',
    { from: '02:15', to: '02:45' },
    '2026-10-25',
    ['00:15-00:45', '01:15-01:45'],
  ],
])('follows the local clock for %s', (_, range, day, expected) => {
  expect(listActive(range, day)).toEqual(expected);
});

it('continues past midnight into the next day', () => {
  const range = { every: 'week', days: ['friday'], from: '22:00', to: '06:00', timeZone: BERLIN };
  const end = (text: string) => {
    const ms = findOccurrenceEnd(
      range as Recurrence,
      DateTime.fromISO(text, { zone: BERLIN }).toMillis(),
    );
    return ms && DateTime.fromMillis(ms, { zone: BERLIN }).toFormat("yyyy-MM-dd'T'HH:mm");
  };
  expect(end('2026-11-06T21:59')).toBeUndefined();
  expect(end('2026-11-06T22:00')).toBe('2026-11-07T06:00');
  expect(end('2026-11-07T05:59')).toBe('2026-11-07T06:00');
  expect(end('2026-11-07T06:00')).toBeUndefined();
  expect(end('2026-11-07T22:30')).toBeUndefined();
});

it('starts on the day before a skipped day, and ends on the day after it', () => {
  // In Apia, Thursday, December 29, 2011 was followed by Saturday, December 31.
  const saturdayMs = Date.parse('2011-12-30T10:30Z');
  const isActive = (day: string) =>
    findOccurrenceEnd(
      {
        every: 'week',
        days: [day],
        from: '22:00',
        to: '02:00',
        timeZone: 'Pacific/Apia',
      } as Recurrence,
      saturdayMs,
    ) !== undefined;
  expect(['thursday', 'friday', 'saturday'].filter(isActive)).toEqual(['thursday']);
});

/** Whether a clock shows a time in the range. Finds the day before by turning the clock back. */
function isInRange({ days, from, to, timeZone }: Recurrence, ms: number): boolean {
  const { date, time, weekday } = readLocalClock(ms, timeZone);
  const isStartDay = (name: string) => days === undefined || (days as string[]).includes(name);
  if (from < to) return time >= from && time < to && isStartDay(weekday);
  if (time >= from && isStartDay(weekday)) return true;
  if (time >= to) return false;
  for (let before = ms; ; before -= MINUTE_MS) {
    const clock = readLocalClock(before, timeZone);
    if (clock.date < date) return isStartDay(clock.weekday);
  }
}

const recurrences = fc.record({
  moment: zonedMoment,
  from: timeOfDay,
  to: timeOfDay,
  days: fc.option(
    fc.subarray(['monday', 'thursday', 'friday', 'saturday', 'sunday'] as const, { minLength: 1 }),
    { nil: undefined },
  ),
});

it('contains the moments at which a clock shows a time in the range', () => {
  fc.assert(
    fc.property(recurrences, ({ moment: { zone, ms }, from, to, days }) => {
      const recurrence = {
        ...{ every: days ? 'week' : 'day', from, to, timeZone: zone },
        ...(days && { days: [...days] }),
      } as Recurrence;
      const endMs = findOccurrenceEnd(recurrence, ms);
      expect(endMs !== undefined).toBe(isInRange(recurrence, ms));
      if (endMs === undefined) return;
      // The range applies until its end, and then stops or starts again.
      for (let inside = ms; inside < endMs; inside += 29 * MINUTE_MS) {
        expect(isInRange(recurrence, inside)).toBe(true);
      }
      expect(isInRange(recurrence, endMs - MINUTE_MS)).toBe(true);
      const isEnd = readLocalClock(endMs, zone).time === to;
      expect(isEnd || !isInRange(recurrence, endMs)).toBe(true);
    }),
    { numRuns: 300 },
  );
});
