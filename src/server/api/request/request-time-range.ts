import { DateTime, IANAZone } from 'luxon';
import { DAY_MS, MINUTE_MS, parseDuration } from '../../../core/duration.ts';
import { chooseStepMs, coarsenStep, type Step } from '../../../storage/queries/time-buckets.ts';
import {
  getCurrentRangeEndMs,
  getRangeLengthMs,
  type TimeRange,
} from '../../../storage/queries/time-range.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import { createRequestError } from '../problem-details.ts';

export interface TimeRangeParameters {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly last?: string | undefined;
  readonly timeZone?: string | undefined;
}

const STEP_UNIT_MS = { s: 1000, m: MINUTE_MS, h: 60 * MINUTE_MS, d: DAY_MS } as const;
const MAX_RANGE_MS = 3 * 366 * DAY_MS;
/** Measurements can't be older than this. */
const MIN_TIME_MS = Date.UTC(2000, 0);
const DEFAULT_LAST = '15m';

/** Returns the milliseconds of a duration such as `15m`, which `createDurationSchema` has validated. */
export function toDurationMs(text: string): number {
  return parseDuration(text) ?? Number.NaN;
}

/** Formats milliseconds as a whole number of the largest possible unit: `900000` as `15m`. */
export function formatStep(ms: number): string {
  const [unit, unitMs] = Object.entries(STEP_UNIT_MS).findLast(
    ([, unitMs]) => ms % unitMs === 0,
  ) ?? ['s', 1000];
  return `${ms / unitMs}${unit}`;
}

/** Returns the time zone of a request. @throws PS_REQUEST_INVALID if the zone is unknown */
export function getTimeZone({ timeZone }: TimeRangeParameters, fallback: string): string {
  if (timeZone === undefined) return fallback;
  if (IANAZone.isValidZone(timeZone)) return timeZone;
  throw createRequestError({
    parameter: 'timeZone',
    reason: 'is not a known time zone',
    allowed: 'an IANA time zone such as Europe/Vienna or UTC',
  });
}

/**
 * Returns the time range of a request: `from` to `to`, or the duration `last` before `to`. A range
 * that ends in the future is cut off at the current time.
 *
 * @param zone time zone of times without an offset
 * @throws PS_REQUEST_INVALID if the parameters contradict each other or the range isn't allowed
 */
export function parseTimeRange(query: TimeRangeParameters, zone: string, nowMs: number): TimeRange {
  const { from, to, last } = query;
  if (from !== undefined && last !== undefined) {
    throw createRequestError({
      parameter: 'last',
      reason: 'cannot be combined with from',
      allowed: 'either from or last',
    });
  }
  if (from === undefined && to !== undefined && last === undefined) {
    throw createRequestError({
      parameter: 'from',
      reason: 'is missing',
      allowed: 'from or last, together with to',
    });
  }
  const lastMs = toDurationMs(last ?? DEFAULT_LAST);
  const endMs = to === undefined ? getCurrentRangeEndMs(lastMs, nowMs) : parseTime('to', to, zone);
  const fromMs = from === undefined ? endMs - lastMs : parseTime('from', from, zone);
  return checkTimeRange({ fromMs, toMs: endMs }, nowMs, from === undefined ? 'last' : 'from');
}

/**
 * Cuts off a range at the current time.
 *
 * @param parameter name of the parameter to report in an error
 * @throws PS_REQUEST_INVALID if the range is empty, too long, too old, or in the future
 */
export function checkTimeRange(
  { fromMs, toMs }: TimeRange,
  nowMs: number,
  parameter: string,
): TimeRange {
  const now = new Date(nowMs).toISOString();
  if (fromMs >= toMs) {
    throw createRequestError({
      parameter,
      reason: 'must be before to',
      allowed: 'a time before to',
    });
  }
  if (toMs - fromMs > MAX_RANGE_MS) {
    throw createRequestError({
      parameter,
      reason: 'makes the time range too long',
      allowed: 'a range of up to 3 years',
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
      reason: 'is too far in the past',
      allowed: 'a time after January 1, 2000',
    });
  }
  return { fromMs, toMs: Math.min(toMs, getCurrentRangeEndMs(toMs - fromMs, nowMs)) };
}

function parseTime(parameter: 'from' | 'to', text: string, zone: string): number {
  const ms = /^\d{1,16}$/.test(text) ? Number(text) : DateTime.fromISO(text, { zone }).toMillis();
  if (Number.isFinite(ms) && Math.abs(ms) <= 8.64e15) return Math.round(ms);
  throw createRequestError({
    parameter,
    reason: 'is not a valid time',
    allowed: 'an ISO 8601 time such as 2030-01-31T08:00:00Z, or milliseconds since the epoch',
  });
}

/** Maximum number of time buckets in one response. */
const MAX_BUCKETS = 2000;

export interface ResolvedStep {
  readonly step: Step;
  /** Reasons why the step differs from the requested step. */
  readonly notes: readonly string[];
}

/**
 * Returns the step of a series: the requested step, or a step that suits the range. The step is
 * longer if only coarser roll-ups are still stored for a part of the range.
 *
 * @param requested a duration such as `5m`
 * @param ranges `range` is the requested range; `whole` also includes the range it's compared with
 * @throws PS_REQUEST_INVALID if the step gives too many buckets, or is longer than a day but not a
 *   whole number of days
 */
export async function resolveStep(
  requested: string | undefined,
  { range, whole = range, zone }: { range: TimeRange; whole?: TimeRange; zone: string },
  queryClient: Pick<QueryClient, 'getCatalog'>,
  tables: readonly string[],
): Promise<ResolvedStep> {
  const ms =
    requested === undefined ? chooseStepMs(range) : checkStep(toDurationMs(requested), range);
  const catalog = await queryClient.getCatalog();
  let step: Step = { ms, zone };
  const reasons = new Set<string>();
  for (const table of tables) {
    const coarsened = coarsenStep(step, whole, catalog.get(table) ?? []);
    step = coarsened.step;
    if (coarsened.reason !== undefined) reasons.add(coarsened.reason);
  }
  return { step, notes: [...reasons].map((reason) => formatStepNote(step, ms, reason)) };
}

function checkStep(ms: number, range: TimeRange): number {
  if (ms > DAY_MS && ms % DAY_MS !== 0) {
    throw createRequestError({
      parameter: 'step',
      reason: 'is longer than a day, but not a whole number of days',
      allowed: 'up to 1d, or whole days such as 2d or 7d',
    });
  }
  if (getRangeLengthMs(range) / ms > MAX_BUCKETS) {
    throw createRequestError({
      parameter: 'step',
      reason: `results in more than ${MAX_BUCKETS} time buckets`,
      allowed: `${formatStep(chooseStepMs(range, MAX_BUCKETS))} or more for this range`,
    });
  }
  return ms;
}

function formatStepNote({ ms, zone }: Step, requestedMs: number, reason: string): string {
  const change =
    ms === requestedMs
      ? `the buckets follow the time zone ${zone}`
      : `the step is ${formatStep(ms)} instead of ${formatStep(requestedMs)}`;
  return `The time range goes back too far: ${reason}, so ${change}.`;
}
