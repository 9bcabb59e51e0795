import { ceilTo, floorTo, HOUR_MS, lengthMs, type Range } from './range.ts';

const SECOND_MS = 1000;
/** From here on nobody sees in a figure or a chart what the last seconds have added. */
const LONG_MS = 6 * HOUR_MS;
const LONG_UNIT_MS = 5 * SECOND_MS;

/** For how long all who ask about a range of this length until now get the same answer. */
function sharedMs(ofLengthMs: number): number {
  return ofLengthMs >= LONG_MS ? LONG_UNIT_MS : SECOND_MS;
}

/**
 * When a range of this length until now ends: with the seconds that `nowMs` is in, so that all who ask
 * within them ask the same, and can share the answer.
 */
export function endOfNow(ofLengthMs: number, nowMs: number = Date.now()): number {
  return ceilTo(nowMs, sharedMs(ofLengthMs));
}

/** The `windowMs` until now. */
export function untilNow(windowMs: number, nowMs: number = Date.now()): Range {
  const toMs = endOfNow(windowMs, nowMs);
  return { fromMs: toMs - windowMs, toMs };
}

/**
 * The state of the rows of a long range, as far as its readers are concerned; undefined for short ones,
 * of which the latest row matters.
 */
export function stateOfRows(range: Range, nowMs: number = Date.now()): string | undefined {
  const length = lengthMs(range);
  return length >= LONG_MS ? String(floorTo(nowMs, sharedMs(length))) : undefined;
}
