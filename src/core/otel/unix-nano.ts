/*
 * Conversion between times of OTLP, which are 64-bit integers in ns, and times in ms. Numbers of JavaScript have 53 bits,
 * so ns are never in one number. As a result, a time in whole ms stays the same when it is encoded and decoded.
 */
const TWO_POW_32 = 2 ** 32;
const NANOS_PER_MS = 1e6;
/** 2³² ns = 4294 ms + 967296 ns. */
const MS_PER_HIGH = 4294;
const NANOS_PER_HIGH = 967_296;
const MAX_MS = 2 ** 44;

/** Returns the time in ms. Takes the upper and the lower 32 bits of the time in ns. */
export function toMs(high: number, low: number): number {
  const nanos = high * NANOS_PER_HIGH + low;
  const wholeMs = Math.floor(nanos / NANOS_PER_MS);
  return high * MS_PER_HIGH + wholeMs + (nanos - wholeMs * NANOS_PER_MS) / NANOS_PER_MS;
}

/** Returns the time in ms. Takes the time in ns as a decimal number without a sign. */
export function parseNanos(digits: string): number {
  return Number(digits.slice(0, -6)) + Number(digits.slice(-6)) / NANOS_PER_MS;
}

/** A time in ns, as its upper and lower 32 bits. */
export interface UnixNano {
  readonly high: number;
  readonly low: number;
}

/**
 * Returns a time in ns.
 *
 * @throws RangeError if the time isn't from 0 to 2⁴⁴ ms, which is in the year 2527
 */
export function toUnixNano(timeMs: number): UnixNano {
  const { wholeMs, nanos } = split(timeMs);
  // Each of these products and sums is less than 2⁵³, so they are exact.
  const upper = Math.floor(wholeMs / 2 ** 24) * NANOS_PER_MS;
  const lower = (wholeMs % 2 ** 24) * NANOS_PER_MS + (upper % 2 ** 8) * 2 ** 24 + nanos;
  return {
    high: Math.floor(upper / 2 ** 8) + Math.floor(lower / TWO_POW_32),
    low: lower % TWO_POW_32,
  };
}

/**
 * Returns a time in ns as a decimal number.
 *
 * @throws RangeError if the time isn't from 0 to 2⁴⁴ ms
 */
export function formatNanos(timeMs: number): string {
  const { wholeMs, nanos } = split(timeMs);
  const digits = String(nanos).padStart(6, '0');
  return wholeMs === 0 ? String(nanos) : `${wholeMs}${digits}`;
}

function split(timeMs: number): { wholeMs: number; nanos: number } {
  if (!(timeMs >= 0 && timeMs < MAX_MS)) throw new RangeError(`invalid time: ${timeMs} ms`);
  const wholeMs = Math.floor(timeMs);
  const nanos = Math.round((timeMs - wholeMs) * NANOS_PER_MS);
  return nanos < NANOS_PER_MS ? { wholeMs, nanos } : { wholeMs: wholeMs + 1, nanos: 0 };
}
