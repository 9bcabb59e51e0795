import { IANAZone } from 'luxon';
import { z } from 'zod';
import { findClosestMatch } from '../did-you-mean.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../duration.ts';
import { findOffsetChange, getZoneOffsetMs, hasLocalDate } from '../time-zone.ts';

const WEEKDAYS = [
  'monday',
  'tuesday',
  'wednesday',
  'thursday',
  'friday',
  'saturday',
  'sunday',
] as const;
const TIME_OF_DAY_PATTERN = /^([01]\d|2[0-3]):([0-5]\d)$/;

const timeOfDaySchema = z
  .string()
  .regex(TIME_OF_DAY_PATTERN, 'must be a time of day such as `02:30`');

/** Returns advice for a misspelled time zone, or an empty text. */
function suggestZone(zone: unknown): string {
  const closest = findClosestMatch(String(zone), Intl.supportedValuesOf('timeZone'));
  return closest === undefined ? '' : `; did you mean \`${closest}\`?`;
}

export const recurrenceSchema = z
  .strictObject({
    every: z.enum(['day', 'week']),
    /** Days on which the time range starts. Only for `every: week`. */
    days: z.array(z.enum(WEEKDAYS)).min(1).optional(),
    from: timeOfDaySchema,
    to: timeOfDaySchema,
    timeZone: z.string().refine((zone) => IANAZone.isValidZone(zone), {
      error: ({ input }) => `must be a time zone such as \`Europe/Berlin\`${suggestZone(input)}`,
    }),
  })
  .check((ctx) => {
    const { every, days } = ctx.value;
    if ((every === 'week') === (days !== undefined)) return;
    const message =
      every === 'week'
        ? 'must be used with `days`, the weekdays on which the time range starts'
        : 'must be `week` if `days` is set';
    ctx.issues.push({ code: 'custom', message, input: ctx.value, path: ['every'] });
  });

/**
 * A daily or weekly time range in a time zone. It contains exactly the moments at which a clock in
 * that zone shows a time from `from` until before `to`:
 *
 * - If daylight saving time skips a part of the range, the range is shorter, or missing on that day.
 * - If a part of the range is repeated, both occurrences are in the range.
 * - If `to` is not after `from`, the range ends on the next day that exists in the zone.
 * - `days` are the days on which the range starts.
 */
export type Recurrence = z.output<typeof recurrenceSchema>;

/**
 * Returns when the current occurrence of `recurrence` ends, in ms, or undefined if `now` is in no
 * occurrence. On a day with a repeated hour, a range can have two occurrences.
 */
export function findOccurrenceEnd(recurrence: Recurrence, now: number): number | undefined {
  const { timeZone, to } = recurrence;
  if (!isInRecurrence(recurrence, now)) return undefined;
  for (let ms = now; ; ) {
    const untilEndMs = parseTimeOfDay(to) - getTimeOfDay(ms, timeZone);
    const endMs = ms + (untilEndMs > 0 ? untilEndMs : untilEndMs + DAY_MS);
    // The offset can also change in the moment in which the range ends.
    const changeMs = findOffsetChange(ms, endMs + 1, timeZone);
    if (changeMs > endMs) return endMs;
    if (!isInRecurrence(recurrence, changeMs)) return changeMs;
    ms = changeMs;
  }
}

function isInRecurrence({ days, from, to, timeZone }: Recurrence, ms: number): boolean {
  const dateMs = getLocalDate(ms, timeZone);
  const timeOfDay = getTimeOfDay(ms, timeZone);
  const [fromMs, toMs] = [parseTimeOfDay(from), parseTimeOfDay(to)];
  const isStartDate = (dateMs: number) =>
    days === undefined || days.includes(WEEKDAYS[getWeekdayIndex(dateMs)]!);
  const isAfterStart = timeOfDay >= fromMs && (timeOfDay < toMs || toMs <= fromMs);
  if (isAfterStart && isStartDate(dateMs)) return true;
  const isBeforeEnd = toMs <= fromMs && timeOfDay < toMs;
  return isBeforeEnd && isStartDate(getPreviousDate(dateMs, timeZone));
}

/** Returns the local date, as the start of that date in UTC. */
function getLocalDate(ms: number, zone: string): number {
  return Math.floor((ms + getZoneOffsetMs(ms, zone)) / DAY_MS) * DAY_MS;
}

/** Returns the local time of day, in ms since midnight. */
function getTimeOfDay(ms: number, zone: string): number {
  return ms + getZoneOffsetMs(ms, zone) - getLocalDate(ms, zone);
}

/** Returns the last date before `dateMs` that exists in a zone. */
function getPreviousDate(dateMs: number, zone: string): number {
  const previousMs = dateMs - DAY_MS;
  return hasLocalDate(previousMs, zone) ? previousMs : previousMs - DAY_MS;
}

/** January 1, 1970 was a Thursday. */
function getWeekdayIndex(dateMs: number): number {
  return (((dateMs / DAY_MS + WEEKDAYS.indexOf('thursday')) % 7) + 7) % 7;
}

/** Parses a time of day such as `02:30`. @returns ms since midnight */
export function parseTimeOfDay(text: string): number {
  const [, hour, minute] = TIME_OF_DAY_PATTERN.exec(text) ?? [];
  return Number(hour) * HOUR_MS + Number(minute) * MINUTE_MS;
}
