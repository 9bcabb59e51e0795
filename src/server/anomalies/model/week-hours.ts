import { DAY_MS, HOUR_MS } from '../../../core/duration.ts';
import { getZoneOffsetMs } from '../../../core/time-zone.ts';

export const HOURS_PER_WEEK = 168;
/** 1970-01-01 was a Thursday. Hour 0 of the week is Monday at midnight. */
const EPOCH_WEEKDAY = 3;

export const WEEKDAYS = [
  'Monday',
  'Tuesday',
  'Wednesday',
  'Thursday',
  'Friday',
  'Saturday',
  'Sunday',
] as const;

/** Offsets of a zone change only at whole hours of UTC in practice, and converting a time is slow. */
class OffsetCache {
  readonly #zone: string;
  readonly #byHour = new Map<number, number>();

  constructor(zone: string) {
    this.#zone = zone;
  }

  get(ms: number): number {
    const hour = Math.floor(ms / HOUR_MS);
    const known = this.#byHour.get(hour);
    if (known !== undefined) return known;
    if (this.#byHour.size > 5000) this.#byHour.clear();
    const offset = getZoneOffsetMs(hour * HOUR_MS, this.#zone);
    this.#byHour.set(hour, offset);
    return offset;
  }
}

/** The hours of the week and the holidays of a time zone. */
export class WeekCalendar {
  readonly #offsets: OffsetCache;
  readonly #holidays: ReadonlySet<string>;

  /** @param holidays dates as `2026-12-25`, or `12-25` for every year. On these days, nothing is expected or learned. */
  constructor(zone: string, holidays: ReadonlySet<string> = new Set()) {
    this.#offsets = new OffsetCache(zone);
    this.#holidays = holidays;
  }

  /** Returns the position in the local week in hours, from 0 (Monday at midnight) to less than 168. */
  getWeekPosition(ms: number): number {
    const localMs = ms + this.#offsets.get(ms);
    const days = Math.floor(localMs / DAY_MS);
    const weekday = (((days + EPOCH_WEEKDAY) % 7) + 7) % 7;
    return weekday * 24 + (localMs - days * DAY_MS) / HOUR_MS;
  }

  /** Returns the hour of the local week, from 0 to 167. */
  getWeekHour(ms: number): number {
    return Math.floor(this.getWeekPosition(ms));
  }

  /** Returns the local date, for example `2026-12-25`. */
  getDate(ms: number): string {
    return new Date(ms + this.#offsets.get(ms)).toISOString().slice(0, 10);
  }

  /** Returns whether a time is on a holiday. */
  isHoliday(ms: number): boolean {
    if (this.#holidays.size === 0) return false;
    const date = this.getDate(ms);
    return this.#holidays.has(date) || this.#holidays.has(date.slice(5));
  }
}
