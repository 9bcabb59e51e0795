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
    /** Days on which the time range starts. Only for `every: week`. */
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
      every === 'week'
        ? 'must be used with `days`, the weekdays on which the time range starts'
        : 'must be `week` if `days` is set';
    ctx.issues.push({ code: 'custom', message, input: ctx.value, path: ['every'] });
  });

/**
 * A daily or weekly time range in a time zone. If `to` is before `from`, it ends on the next day.
 */
export type Recurrence = z.output<typeof recurrenceSchema>;

/**
 * Returns the occurrence of `recurrence` that contains `now`, as [start, end) in ms, or undefined
 * if there is none. When daylight saving time starts or ends, `from` and `to` are still local
 * times, so an occurrence can be an hour shorter or longer.
 */
export function findOccurrence(recurrence: Recurrence, now: number): [number, number] | undefined {
  const today = DateTime.fromMillis(now, { zone: recurrence.timeZone }).startOf('day');
  for (const day of [today, today.minus({ days: 1 })]) {
    if (recurrence.days && !recurrence.days.includes(WEEKDAYS[day.weekday - 1]!)) continue;
    const start = computeTimeOnDay(day, recurrence.from);
    const lastDay = recurrence.to <= recurrence.from ? day.plus({ days: 1 }) : day;
    const end = computeTimeOnDay(lastDay, recurrence.to);
    if (now >= start && now < end) return [start, end];
  }
  return undefined;
}

function computeTimeOnDay(day: DateTime, text: string): number {
  const [, hour, minute] = TIME_OF_DAY_PATTERN.exec(text) ?? [];
  return day.set({ hour: Number(hour), minute: Number(minute) }).toMillis();
}
