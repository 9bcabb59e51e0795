import { formatDateTime, formatTime, toZoneName, type ZoneChoice } from '../format/times.ts';

/** The last part of time, which moves on, or a fixed range. */
export type TimeRange = { readonly last: string } | { readonly from: string; readonly to: string };

export type Comparison = 'previous' | 'yesterday' | 'lastWeek';

export const DEFAULT_RANGE: TimeRange = { last: '1h' };

/** The ranges that the range menu offers, with their labels. */
export const LAST_RANGES = [
  ['5m', 'Last 5 minutes'],
  ['15m', 'Last 15 minutes'],
  ['1h', 'Last hour'],
  ['3h', 'Last 3 hours'],
  ['6h', 'Last 6 hours'],
  ['12h', 'Last 12 hours'],
  ['24h', 'Last 24 hours'],
  ['2d', 'Last 2 days'],
  ['7d', 'Last 7 days'],
  ['30d', 'Last 30 days'],
  ['90d', 'Last 90 days'],
] as const;

export const COMPARISONS: readonly (readonly [Comparison, string])[] = [
  ['previous', 'previous period'],
  ['yesterday', 'yesterday'],
  ['lastWeek', 'last week'],
];

/** For example `previous period`. Undefined without a comparison. */
export function nameComparison(comparison: Comparison | undefined): string | undefined {
  return COMPARISONS.find(([name]) => name === comparison)?.[1];
}

/** For example `vs previous`, next to a change. Charts have space for the whole name. */
export function formatComparison(comparison: Comparison): string {
  return comparison === 'previous' ? 'vs previous' : `vs ${nameComparison(comparison)}`;
}

const UNITS_MS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
const MAX_DURATION_MS = 3650 * 86_400_000;

/**
 * Parses a duration such as `15m`.
 *
 * @returns ms, or undefined for other texts
 */
export function parseDuration(text: string): number | undefined {
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  if (count === undefined || unit === undefined) return undefined;
  const ms = Number(count) * UNITS_MS[unit]!;
  return ms > 0 && ms <= MAX_DURATION_MS ? ms : undefined;
}

/**
 * Reads the range from the parameters `last`, `from`, and `to`. A missing `to` is now.
 *
 * @returns undefined if they are missing or invalid
 */
export function parseRange(parameters: URLSearchParams, nowMs: number): TimeRange | undefined {
  const last = parameters.get('last');
  if (last !== null) return parseDuration(last) === undefined ? undefined : { last };
  const from = parseTime(parameters.get('from'));
  const to = parseTime(parameters.get('to')) ?? nowMs;
  if (from === undefined || from >= to) return undefined;
  return { from: new Date(from).toISOString(), to: new Date(to).toISOString() };
}

function parseTime(text: string | null): number | undefined {
  if (text === null || text === '') return undefined;
  const ms = /^\d{10,16}$/.test(text) ? Number(text) : Date.parse(text);
  return Number.isFinite(ms) ? ms : undefined;
}

/** Returns the start and end of a range, in ms since the epoch. */
export function toBounds(range: TimeRange, nowMs: number): { fromMs: number; toMs: number } {
  if ('last' in range) {
    return { fromMs: nowMs - (parseDuration(range.last) ?? 0), toMs: nowMs };
  }
  return { fromMs: Date.parse(range.from), toMs: Date.parse(range.to) };
}

/** For example `Last hour`, or `28 Nov, 14:00 – 15:30`. */
export function formatRange(range: TimeRange, zone: ZoneChoice): string {
  if ('last' in range) {
    const known = LAST_RANGES.find(([last]) => last === range.last);
    return known ? known[1] : `Last ${range.last.replace(/([smhd])$/, ' $1')}`;
  }
  const name = toZoneName(zone);
  const [fromMs, toMs] = [Date.parse(range.from), Date.parse(range.to)];
  const withSeconds = toMs - fromMs < 10 * 60_000;
  return `${formatDateTime(fromMs, name, withSeconds)} – ${
    withSeconds ? formatDateTime(toMs, name, true).split(', ')[1] : formatTime(toMs, name, fromMs)
  }`;
}

/** Returns a range of the same length before or after this one, or twice as long. */
export function moveRange(
  range: TimeRange,
  nowMs: number,
  direction: 'back' | 'forward' | 'out',
): TimeRange {
  const { fromMs, toMs } = toBounds(range, nowMs);
  const length = toMs - fromMs;
  if (direction === 'out') {
    const end = Math.min(nowMs, toMs + length / 2);
    return toFixedRange(end - 2 * length, end);
  }
  const shift = direction === 'back' ? -length : Math.min(length, nowMs - toMs);
  return toFixedRange(fromMs + shift, toMs + shift);
}

/** Creates a fixed range. Times are rounded to whole ms, and the range has at least one second. */
export function toFixedRange(fromMs: number, toMs: number): TimeRange {
  const start = Math.round(Math.min(fromMs, toMs));
  const end = Math.max(Math.round(Math.max(fromMs, toMs)), start + 1000);
  return { from: new Date(start).toISOString(), to: new Date(end).toISOString() };
}
