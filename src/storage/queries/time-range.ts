import { HOUR_MS } from '../../core/duration.ts';

/** A time range in ms since the epoch, from `fromMs` (inclusive) to `toMs` (exclusive). */
export interface TimeRange {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Returns the range that ends at `nowMs` and is `windowMs` long. */
export function getLastRange(windowMs: number, nowMs: number = Date.now()): TimeRange {
  return { fromMs: nowMs - windowMs, toMs: nowMs };
}

export function getRangeLengthMs({ fromMs, toMs }: TimeRange): number {
  return toMs - fromMs;
}

export function floorTo(ms: number, unitMs: number): number {
  return Math.floor(ms / unitMs) * unitMs;
}

export function ceilTo(ms: number, unitMs: number): number {
  return Math.ceil(ms / unitMs) * unitMs;
}

const SECOND_MS = 1000;
/** In ranges of this length, a few more seconds of data make no visible difference. */
const LONG_RANGE_MS = 6 * HOUR_MS;
const LONG_RANGE_CACHE_MS = 5 * SECOND_MS;

/** Returns the cache period of queries for a range that has this length and ends now. */
function getCachePeriodMs(lengthMs: number): number {
  return lengthMs >= LONG_RANGE_MS ? LONG_RANGE_CACHE_MS : SECOND_MS;
}

/**
 * Returns the end of a range that has this length and ends now. Rounds up to whole cache periods,
 * so that callers in the same period send the same query and share one result.
 */
export function getCurrentRangeEndMs(lengthMs: number, nowMs: number = Date.now()): number {
  return ceilTo(nowMs, getCachePeriodMs(lengthMs));
}

/** Returns the range that ends now, rounded up to a whole cache period, and is `windowMs` long. */
export function getRangeUntilNow(windowMs: number, nowMs: number = Date.now()): TimeRange {
  const toMs = getCurrentRangeEndMs(windowMs, nowMs);
  return { fromMs: toMs - windowMs, toMs };
}

/**
 * Returns a cache revision for the rows of a long range. It changes every 5 s.
 *
 * @returns `undefined` for short ranges, which must not be cached because the latest row matters
 */
export function getRowsRevision(range: TimeRange, nowMs: number = Date.now()): string | undefined {
  const length = getRangeLengthMs(range);
  return length >= LONG_RANGE_MS ? String(floorTo(nowMs, getCachePeriodMs(length))) : undefined;
}
