import fc from 'fast-check';
import { MINUTE_MS } from '../../src/core/duration.ts';

/** What a clock in a time zone shows. */
export interface LocalClock {
  /** Date as `2030-01-31`. */
  readonly date: string;
  /** Time as `08:30`. */
  readonly time: string;
  /** Lowercase name of the weekday. */
  readonly weekday: string;
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** Reads the clock of a time zone, as a reference for code that computes with offsets. */
export function readLocalClock(ms: number, timeZone: string): LocalClock {
  let format = formats.get(timeZone);
  if (!format) {
    format = new Intl.DateTimeFormat('en-US', {
      ...{ timeZone, hourCycle: 'h23', weekday: 'long', year: 'numeric' },
      ...{ month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit' },
    });
    formats.set(timeZone, format);
  }
  const parts = Object.fromEntries(
    format.formatToParts(ms).map(({ type, value }) => [type, value]),
  );
  return {
    date: `${parts.year}-${parts.month}-${parts.day}`,
    time: `${parts.hour}:${parts.minute}`,
    weekday: String(parts.weekday).toLowerCase(),
  };
}

/** Zones with the times, in UTC, at which their offset changes. */
const OFFSET_CHANGES: Readonly<Record<string, readonly string[]>> = {
  UTC: ['2026-03-29T01:00'],
  'Europe/Berlin': ['2026-03-29T01:00', '2026-10-25T01:00'],
  'America/New_York': ['2026-03-08T07:00', '2026-11-01T06:00'],
  // Half an hour.
  'Australia/Lord_Howe': ['2026-04-04T15:00', '2026-10-03T15:30'],
  // From 2:45 to 3:45.
  'Pacific/Chatham': ['2026-04-04T14:00', '2026-09-26T14:00'],
  // At midnight, or to the day before.
  'America/Havana': ['2026-03-08T05:00', '2026-11-01T05:00'],
  'Asia/Beirut': ['2026-03-28T22:00', '2026-10-24T21:00'],
  'Africa/Cairo': ['2026-04-23T22:00', '2026-10-29T21:00'],
  'America/Santiago': ['2026-04-05T03:00', '2026-09-06T04:00'],
  'America/Sao_Paulo': ['2017-10-15T03:00', '2018-02-18T02:00'],
  'Asia/Tehran': ['2022-03-21T20:30', '2022-09-21T19:30'],
  // One minute after midnight.
  'America/St_Johns': ['2006-04-02T03:31', '2006-10-29T02:31'],
  // December 30, 2011 and August 21, 1993 don't exist.
  'Pacific/Apia': ['2011-12-30T10:00', '2012-03-31T14:00'],
  'Pacific/Kwajalein': ['1993-08-21T12:00'],
  // Winter time during Ramadan, and a permanent change.
  'Africa/Casablanca': ['2026-02-15T02:00', '2026-03-22T02:00'],
  'Asia/Pyongyang': ['2015-08-14T15:00', '2018-05-04T15:00'],
  'Asia/Kathmandu': ['2026-03-29T01:00'],
};

/** Moments, in ms, near the change of a zone's offset. */
export const zonedMoment: fc.Arbitrary<{ readonly zone: string; readonly ms: number }> = fc
  .constantFrom(
    ...Object.entries(OFFSET_CHANGES).flatMap(([zone, times]) =>
      times.map((time) => ({ zone, changeMs: Date.parse(`${time}Z`) })),
    ),
  )
  .chain(({ zone, changeMs }) =>
    fc
      .integer({ min: -30 * 60, max: 30 * 60 })
      .map((minutes) => ({ zone, ms: changeMs + minutes * MINUTE_MS })),
  );

/** A time of day, mostly in the night, as `02:30`. */
export const timeOfDay: fc.Arbitrary<string> = fc
  .oneof(
    fc.integer({ min: 0, max: 24 * 12 - 1 }).map((n) => n * 5),
    fc.integer({ min: 0, max: 16 }).map((n) => n * 15),
    fc.integer({ min: 0, max: 24 * 60 - 1 }),
  )
  .map((minutes) => {
    const [hour, minute] = [Math.floor(minutes / 60), minutes % 60];
    return `${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}`;
  });
