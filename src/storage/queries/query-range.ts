import { HOUR_MS } from '../../core/duration.ts';

/** A time range in ms since the epoch. `fromMs` belongs to it, `toMs` does not. */
export interface TimeRange {
  readonly fromMs: number;
  readonly toMs: number;
}

/** The `windowMs` before `nowMs`. */
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
/** From here on nobody sees in a figure or a chart what the last seconds have added. */
const LONG_RANGE_MS = 6 * HOUR_MS;
const LONG_RANGE_CACHE_MS = 5 * SECOND_MS;

/** For how long all who ask about a range of this length until now get the same answer. */
function getCachePeriodMs(ofLengthMs: number): number {
  return ofLengthMs >= LONG_RANGE_MS ? LONG_RANGE_CACHE_MS : SECOND_MS;
}

/**
 * When a range of this length until now ends: with the seconds that `nowMs` is in, so that all who ask
 * within them ask the same, and can share the answer.
 */
export function getCurrentRangeEndMs(ofLengthMs: number, nowMs: number = Date.now()): number {
  return ceilTo(nowMs, getCachePeriodMs(ofLengthMs));
}

/** The `windowMs` until now. */
export function getRangeUntilNow(windowMs: number, nowMs: number = Date.now()): TimeRange {
  const toMs = getCurrentRangeEndMs(windowMs, nowMs);
  return { fromMs: toMs - windowMs, toMs };
}

/**
 * The state of the rows of a long range, as far as its readers are concerned; undefined for short ones,
 * of which the latest row matters.
 */
export function getRowsRevision(range: TimeRange, nowMs: number = Date.now()): string | undefined {
  const length = getRangeLengthMs(range);
  return length >= LONG_RANGE_MS ? String(floorTo(nowMs, getCachePeriodMs(length))) : undefined;
}
