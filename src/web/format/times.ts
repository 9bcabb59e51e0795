/** Time zone of all times on the page: the browser's, or UTC. */
export type ZoneChoice = 'browser' | 'utc';

const BROWSER_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** Returns the IANA name of a time zone. */
export function toZoneName(zone: ZoneChoice): string {
  return zone === 'utc' ? 'UTC' : BROWSER_ZONE;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function getFormat(zone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = zone + JSON.stringify(options);
  let format = formats.get(key);
  if (!format) {
    format = new Intl.DateTimeFormat('en-GB', { timeZone: zone, ...options });
    formats.set(key, format);
  }
  return format;
}

const CLOCK = { hour: '2-digit', minute: '2-digit' } as const;
const DATE = { day: 'numeric', month: 'short' } as const;

/** For example `14:03` or `14:03:21`. */
export function formatClock(ms: number, zone: string, withSeconds = false): string {
  return getFormat(zone, withSeconds ? { ...CLOCK, second: '2-digit' } : CLOCK).format(ms);
}

/** For example `14:58:21.043`. */
export function formatClockMs(ms: number, zone: string): string {
  return getFormat(zone, { ...CLOCK, second: '2-digit', fractionalSecondDigits: 3 }).format(ms);
}

/** For example `28 Nov, 14:03`. */
export function formatDateTime(ms: number, zone: string, withSeconds = false): string {
  return `${getFormat(zone, DATE).format(ms)}, ${formatClock(ms, zone, withSeconds)}`;
}

/** For example `28 Nov`. */
export function formatDate(ms: number, zone: string): string {
  return getFormat(zone, DATE).format(ms);
}

/** Returns the clock time, with the date if it isn't the day of `nowMs`. */
export function formatTime(ms: number, zone: string, nowMs: number): string {
  const sameDay = formatDate(ms, zone) === formatDate(nowMs, zone);
  return sameDay ? formatClock(ms, zone) : formatDateTime(ms, zone);
}

/** For example `4 min ago`, or `just now` for less than ten seconds. */
export function formatAge(ms: number, nowMs: number): string {
  const age = nowMs - ms;
  if (age < 10_000) return 'just now';
  return `${formatCoarse(age)} ago`;
}

/** Rounds a duration to whole units: `12 s`, `4 min`, `3 h`, or `2 d`. */
export function formatCoarse(durationMs: number): string {
  const seconds = durationMs / 1000;
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 36 * 3600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}
