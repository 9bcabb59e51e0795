/** A time range in ms since the epoch. `fromMs` belongs to it, `toMs` does not. */
export interface Range {
  readonly fromMs: number;
  readonly toMs: number;
}

export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;

/** The `windowMs` before `nowMs`. */
export function lastOf(windowMs: number, nowMs: number = Date.now()): Range {
  return { fromMs: nowMs - windowMs, toMs: nowMs };
}

export function lengthMs({ fromMs, toMs }: Range): number {
  return toMs - fromMs;
}

export function floorTo(ms: number, unitMs: number): number {
  return Math.floor(ms / unitMs) * unitMs;
}

export function ceilTo(ms: number, unitMs: number): number {
  return Math.ceil(ms / unitMs) * unitMs;
}
