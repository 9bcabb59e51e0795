import { DateTime, IANAZone } from 'luxon';
import { endOfNow } from '../windows/freshness.ts';
import { DAY_MS, MINUTE_MS, type Range } from '../windows/range.ts';
import { refusal } from './refusal.ts';

export interface RangeQuery {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly last?: string | undefined;
  readonly timeZone?: string | undefined;
}

const UNIT_MS = { s: 1000, m: MINUTE_MS, h: 60 * MINUTE_MS, d: DAY_MS } as const;
const LONGEST_MS = 3 * 366 * DAY_MS;
/** Nothing can have been measured before. */
const EARLIEST_MS = Date.UTC(2000, 0);
const DEFAULT_LAST = '15m';

/** `15m` in ms. */
export function lengthOf(text: string): number {
  return Number.parseInt(text, 10) * UNIT_MS[text.at(-1) as keyof typeof UNIT_MS];
}

/** `900000` as `15m`. */
export function lengthText(ms: number): string {
  const [unit, unitMs] = Object.entries(UNIT_MS).findLast(([, each]) => ms % each === 0) ?? [
    's',
    1000,
  ];
  return `${ms / unitMs}${unit}`;
}

/** @throws PS_REQUEST_INVALID when there is no such zone */
export function zoneOf({ timeZone }: RangeQuery, fallback: string): string {
  if (timeZone === undefined) return fallback;
  if (IANAZone.isValidZone(timeZone)) return timeZone;
  throw refusal({
    parameter: 'timeZone',
    reason: 'is not a known time zone',
    allowed: 'a name of the IANA database, as Europe/Vienna or UTC',
  });
}

/**
 * The time that a request asks about: `from` to `to`, or the `last` before `to`; what is still to come
 * of it is left out.
 *
 * @param zone what a time without an offset is meant in
 * @throws PS_REQUEST_INVALID when there is no such time
 */
export function rangeOf(query: RangeQuery, zone: string, nowMs: number): Range {
  const { from, to, last } = query;
  if (from !== undefined && last !== undefined) {
    throw refusal({ parameter: 'last', reason: 'stands beside from', allowed: 'one of the two' });
  }
  if (from === undefined && to !== undefined && last === undefined) {
    throw refusal({ parameter: 'from', reason: 'is missing', allowed: 'from or last, beside to' });
  }
  const lastMs = lengthOf(last ?? DEFAULT_LAST);
  const endMs = to === undefined ? endOfNow(lastMs, nowMs) : momentOf('to', to, zone);
  const fromMs = from === undefined ? endMs - lastMs : momentOf('from', from, zone);
  return checkedRange({ fromMs, toMs: endMs }, nowMs, from === undefined ? 'last' : 'from');
}

/** @throws PS_REQUEST_INVALID when the range is empty, too long, or not there yet */
export function checkedRange({ fromMs, toMs }: Range, nowMs: number, parameter: string): Range {
  const now = new Date(nowMs).toISOString();
  if (fromMs >= toMs) {
    throw refusal({ parameter, reason: 'is not before to', allowed: 'a time before to' });
  }
  if (toMs - fromMs > LONGEST_MS) {
    throw refusal({ parameter, reason: 'asks for too long a time', allowed: 'at most 3 years' });
  }
  if (fromMs >= nowMs) {
    throw refusal({ parameter, reason: 'is in the future', allowed: `a time before ${now}` });
  }
  if (fromMs < EARLIEST_MS) {
    throw refusal({ parameter, reason: 'is too long ago', allowed: 'a time since the year 2000' });
  }
  return { fromMs, toMs: Math.min(toMs, endOfNow(toMs - fromMs, nowMs)) };
}

function momentOf(parameter: 'from' | 'to', text: string, zone: string): number {
  const ms = /^\d{1,16}$/.test(text) ? Number(text) : DateTime.fromISO(text, { zone }).toMillis();
  if (Number.isFinite(ms) && Math.abs(ms) <= 8.64e15) return Math.round(ms);
  throw refusal({
    parameter,
    reason: 'is not a time',
    allowed: 'ISO 8601 as 2030-01-31T08:00:00Z, or milliseconds since the epoch',
  });
}
