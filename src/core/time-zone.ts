import { DateTime } from 'luxon';
import { DAY_MS, HOUR_MS, MINUTE_MS } from './duration.ts';

/** Returns the UTC offset of a time zone at a time, in ms. */
export function getZoneOffsetMs(ms: number, zone: string): number {
  return DateTime.fromMillis(ms, { zone }).offset * MINUTE_MS;
}

/**
 * Returns the next time when the zone's UTC offset changes, or `toMs` if it doesn't change before
 * then.
 */
export function findOffsetChange(fromMs: number, toMs: number, zone: string): number {
  const offset = getZoneOffsetMs(fromMs, zone);
  let beforeMs = fromMs;
  for (let ms = fromMs; ms < toMs; ms += DAY_MS) {
    const nextMs = Math.min(ms + DAY_MS, toMs - 1);
    if (getZoneOffsetMs(nextMs, zone) === offset) {
      beforeMs = nextMs;
      continue;
    }
    let afterMs = nextMs;
    while (afterMs - beforeMs > 1) {
      const middleMs = Math.floor((beforeMs + afterMs) / 2);
      if (getZoneOffsetMs(middleMs, zone) === offset) beforeMs = middleMs;
      else afterMs = middleMs;
    }
    return afterMs;
  }
  return toMs;
}

/** UTC offsets are between -12 and +14 hours. */
const MAX_OFFSET_MS = 15 * HOUR_MS;

/**
 * Returns the first time at which the local date and time are `localMs` or later. If the local time
 * is skipped, this is the end of the gap. If the local time is repeated, this is its first
 * occurrence.
 *
 * @param localMs local date and time, as if it were UTC
 */
export function findLocalTime(localMs: number, zone: string): number {
  let ms = localMs - MAX_OFFSET_MS;
  for (;;) {
    const reachedMs = Math.max(ms, localMs - getZoneOffsetMs(ms, zone));
    const changeMs = findOffsetChange(ms, reachedMs + 1, zone);
    if (changeMs > reachedMs) return reachedMs;
    ms = changeMs;
  }
}

/**
 * Returns whether a date exists in a zone. A zone that moves across the date line skips a date.
 *
 * @param dateMs start of the date, as if it were UTC
 */
export function hasLocalDate(dateMs: number, zone: string): boolean {
  const startMs = findLocalTime(dateMs, zone);
  return startMs + getZoneOffsetMs(startMs, zone) < dateMs + DAY_MS;
}
