import { DateTime, IANAZone } from 'luxon';
import {
  DAY_MS,
  getCurrentRangeEndMs,
  getRangeLengthMs,
  MINUTE_MS,
  type TimeRange,
} from '../../../storage/queries/query-range.ts';
import { chooseStepMs, coarsenStep, type Step } from '../../../storage/queries/query-step.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import { createRequestError } from '../problem-details.ts';

export interface TimeRangeParameters {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly last?: string | undefined;
  readonly timeZone?: string | undefined;
}

const DURATION_UNIT_MS = { s: 1000, m: MINUTE_MS, h: 60 * MINUTE_MS, d: DAY_MS } as const;
const MAX_RANGE_MS = 3 * 366 * DAY_MS;
/** Nothing can have been measured before. */
const MIN_TIME_MS = Date.UTC(2000, 0);
const DEFAULT_LAST = '15m';

/** `15m` in ms. */
export function parseDuration(text: string): number {
  return Number.parseInt(text, 10) * DURATION_UNIT_MS[text.at(-1) as keyof typeof DURATION_UNIT_MS];
}

/** `900000` as `15m`. */
export function formatDuration(ms: number): string {
  const [unit, unitMs] = Object.entries(DURATION_UNIT_MS).findLast(
    ([, each]) => ms % each === 0,
  ) ?? ['s', 1000];
  return `${ms / unitMs}${unit}`;
}

/** @throws PS_REQUEST_INVALID when there is no such zone */
export function getTimeZone({ timeZone }: TimeRangeParameters, fallback: string): string {
  if (timeZone === undefined) return fallback;
  if (IANAZone.isValidZone(timeZone)) return timeZone;
  throw createRequestError({
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
export function parseTimeRange(query: TimeRangeParameters, zone: string, nowMs: number): TimeRange {
  const { from, to, last } = query;
  if (from !== undefined && last !== undefined) {
    throw createRequestError({
      parameter: 'last',
      reason: 'stands beside from',
      allowed: 'one of the two',
    });
  }
  if (from === undefined && to !== undefined && last === undefined) {
    throw createRequestError({
      parameter: 'from',
      reason: 'is missing',
      allowed: 'from or last, beside to',
    });
  }
  const lastMs = parseDuration(last ?? DEFAULT_LAST);
  const endMs = to === undefined ? getCurrentRangeEndMs(lastMs, nowMs) : parseTime('to', to, zone);
  const fromMs = from === undefined ? endMs - lastMs : parseTime('from', from, zone);
  return checkTimeRange({ fromMs, toMs: endMs }, nowMs, from === undefined ? 'last' : 'from');
}

/** @throws PS_REQUEST_INVALID when the range is empty, too long, or not there yet */
export function checkTimeRange(
  { fromMs, toMs }: TimeRange,
  nowMs: number,
  parameter: string,
): TimeRange {
  const now = new Date(nowMs).toISOString();
  if (fromMs >= toMs) {
    throw createRequestError({
      parameter,
      reason: 'is not before to',
      allowed: 'a time before to',
    });
  }
  if (toMs - fromMs > MAX_RANGE_MS) {
    throw createRequestError({
      parameter,
      reason: 'asks for too long a time',
      allowed: 'at most 3 years',
    });
  }
  if (fromMs >= nowMs) {
    throw createRequestError({
      parameter,
      reason: 'is in the future',
      allowed: `a time before ${now}`,
    });
  }
  if (fromMs < MIN_TIME_MS) {
    throw createRequestError({
      parameter,
      reason: 'is too long ago',
      allowed: 'a time since the year 2000',
    });
  }
  return { fromMs, toMs: Math.min(toMs, getCurrentRangeEndMs(toMs - fromMs, nowMs)) };
}

function parseTime(parameter: 'from' | 'to', text: string, zone: string): number {
  const ms = /^\d{1,16}$/.test(text) ? Number(text) : DateTime.fromISO(text, { zone }).toMillis();
  if (Number.isFinite(ms) && Math.abs(ms) <= 8.64e15) return Math.round(ms);
  throw createRequestError({
    parameter,
    reason: 'is not a time',
    allowed: 'ISO 8601 as 2030-01-31T08:00:00Z, or milliseconds since the epoch',
  });
}

/** Buckets of time that one answer has at most. */
const MAX_BUCKETS = 2000;

export interface ResolvedStep {
  readonly step: Step;
  /** Why another step is answered than was asked for. */
  readonly notes: readonly string[];
}

/**
 * The step of a series: as asked for, else the usual one; longer where the rows of its time are gone.
 *
 * @param range all that is asked about, with what it is compared with
 * @throws PS_REQUEST_INVALID when it gives too many buckets, or parts of days
 */
export async function resolveStep(
  asked: string | undefined,
  { range, whole = range, zone }: { range: TimeRange; whole?: TimeRange; zone: string },
  store: QueryClient,
  tables: readonly string[],
): Promise<ResolvedStep> {
  const ms = asked === undefined ? chooseStepMs(range) : checkStep(parseDuration(asked), range);
  const catalog = await store.getCatalog();
  let step: Step = { ms, zone };
  const reasons = new Set<string>();
  for (const table of tables) {
    const { step: raised, reason } = coarsenStep(step, whole, catalog.get(table) ?? []);
    step = raised;
    if (reason !== undefined) reasons.add(reason);
  }
  return { step, notes: [...reasons].map((reason) => formatStepNote(step, ms, reason)) };
}

function checkStep(ms: number, range: TimeRange): number {
  if (ms > DAY_MS && ms % DAY_MS !== 0) {
    throw createRequestError({
      parameter: 'step',
      reason: 'is more than a day, but not of whole days',
      allowed: '1d, 2d, 7d, or less than a day',
    });
  }
  if (getRangeLengthMs(range) / ms > MAX_BUCKETS) {
    throw createRequestError({
      parameter: 'step',
      reason: `gives more than ${MAX_BUCKETS} buckets of time`,
      allowed: `${formatDuration(chooseStepMs(range, MAX_BUCKETS))} or more for this range`,
    });
  }
  return ms;
}

function formatStepNote({ ms, zone }: Step, askedMs: number, reason: string): string {
  const raised =
    ms === askedMs
      ? `its buckets follow ${zone}`
      : `its step is ${formatDuration(ms)}, not ${formatDuration(askedMs)}`;
  return `The range is old: ${reason}, so ${raised}.`;
}
