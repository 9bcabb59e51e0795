import { DateTime, IANAZone } from 'luxon';
import { z } from 'zod';

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

export const recurrenceSchema = z
  .strictObject({
    every: z.enum(['day', 'week']),
    /** Of `week`: the days on which it begins. */
    days: z.array(z.enum(WEEKDAYS)).min(1).optional(),
    from: timeOfDaySchema,
    to: timeOfDaySchema,
    timeZone: z.string().refine((zone) => IANAZone.isValidZone(zone), {
      error: 'must be a time zone such as `Europe/Berlin`',
    }),
  })
  .check((ctx) => {
    const { every, days } = ctx.value;
    if ((every === 'week') === (days !== undefined)) return;
    const message =
      every === 'week' ? 'must name the `days` on which it begins' : 'must not have `days`';
    ctx.issues.push({ code: 'custom', message, input: ctx.value, path: ['every'] });
  });

/** A time of day that comes again, on the clock of a time zone. `to` before `from` is the next day. */
export type Recurrence = z.output<typeof recurrenceSchema>;

/**
 * The time of `recurrence` that `now` lies in, as [begin, end) in ms; undefined outside. Days of
 * 23 and 25 hours keep the clock's times: an hour that does not exist is no time at all, and one
 * that comes twice counts twice.
 */
export function findOccurrence(recurrence: Recurrence, now: number): [number, number] | undefined {
  const today = DateTime.fromMillis(now, { zone: recurrence.timeZone }).startOf('day');
  for (const day of [today, today.minus({ days: 1 })]) {
    if (recurrence.days && !recurrence.days.includes(WEEKDAYS[day.weekday - 1]!)) continue;
    const begin = computeTimeOnDay(day, recurrence.from);
    const last = recurrence.to <= recurrence.from ? day.plus({ days: 1 }) : day;
    const end = computeTimeOnDay(last, recurrence.to);
    if (now >= begin && now < end) return [begin, end];
  }
  return undefined;
}

function computeTimeOnDay(day: DateTime, text: string): number {
  const [, hour, minute] = TIME_OF_DAY_PATTERN.exec(text) ?? [];
  return day.set({ hour: Number(hour), minute: Number(minute) }).toMillis();
}
