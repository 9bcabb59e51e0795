import { z } from 'zod';
import { WeekCalendar } from './model/week-hours.ts';

const DATE_ERROR = 'must be a date such as `2026-12-25`, or `12-25` for every year';
const dateSchema = z.string(DATE_ERROR).refine((text) => isDate(text), { error: DATE_ERROR });

/** An entry of `holidays` in a rules file: a date, or a date of some organizations. */
export const holidaySchema = z.union(
  [
    dateSchema.transform((date): Holiday => ({ date, organizations: undefined })),
    z
      .strictObject({
        date: dateSchema,
        name: z.string().max(100).optional(),
        organizations: z.array(z.string().min(1)).min(1).optional(),
      })
      .transform(({ date, organizations }): Holiday => ({ date, organizations })),
  ],
  `${DATE_ERROR}, or a map with \`date\`, \`name\`, and \`organizations\``,
);

/** A day on which values aren't comparable with other days. */
export interface Holiday {
  /** `2026-12-25`, or `12-25` for every year. */
  readonly date: string;
  /** Undefined for all organizations, and for series without an organization. */
  readonly organizations: readonly string[] | undefined;
}

function isDate(text: string): boolean {
  const match = /^(?:(\d{4})-)?(\d{2})-(\d{2})$/.exec(text);
  if (!match) return false;
  // 2024 is a leap year.
  const [, year = '2024', month, day] = match;
  const date = new Date(`${year}-${month}-${day}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.getUTCDate() === Number(day);
}

/** The calendars of a time zone by organization. A calendar is the same object until the holidays change. */
export class HolidayCalendars {
  readonly #zone: string;
  #holidays: readonly Holiday[] = [];
  #calendars = new Map<string | undefined, WeekCalendar>();

  constructor(zone: string) {
    this.#zone = zone;
  }

  /** Sets the holidays. @returns whether they changed */
  update(holidays: readonly Holiday[]): boolean {
    if (JSON.stringify(holidays) === JSON.stringify(this.#holidays)) return false;
    this.#holidays = holidays;
    this.#calendars = new Map();
    return true;
  }

  /** Returns the calendar of an organization, or of series without an organization. */
  get(organization?: string): WeekCalendar {
    const isNamed = this.#holidays.some(
      ({ organizations = [] }) =>
        organization !== undefined && organizations.includes(organization),
    );
    const key = isNamed ? organization : undefined;
    const known = this.#calendars.get(key);
    if (known) return known;
    const dates = this.#holidays.flatMap(({ date, organizations }) =>
      organizations === undefined || (key !== undefined && organizations.includes(key))
        ? [date]
        : [],
    );
    const calendar = new WeekCalendar(this.#zone, new Set(dates));
    this.#calendars.set(key, calendar);
    return calendar;
  }
}
