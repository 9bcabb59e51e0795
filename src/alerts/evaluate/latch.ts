/** Whether a level is breached, since when it is or is not, and whether an alert has it. */
export interface Latch {
  readonly breached: boolean;
  /** Since when `breached` has been what it is, in ms of data time. */
  readonly sinceMs: number;
  readonly active: boolean;
}

/**
 * The latch after one more look at its level: it goes on when the level has been breached for
 * `riseMs`, and off when it has not been for `fallMs`.
 */
export function latch(
  before: Latch | undefined,
  breached: boolean,
  atMs: number,
  riseMs: number,
  fallMs: number,
): Latch {
  const sinceMs = before?.breached === breached ? before.sinceMs : atMs;
  const lastedMs = atMs - sinceMs;
  const was = before?.active ?? false;
  const active = breached ? was || lastedMs >= riseMs : was && lastedMs < fallMs;
  // Of thousands of groups few change: a new latch for each look would soon be garbage.
  const same = before?.breached === breached && before.active === active;
  return same ? before : { breached, sinceMs, active };
}

/** The same latch on a clock that is set forward (or, negative, back) by `byMs`. */
export function shifted(latch: Latch, byMs: number): Latch {
  return { ...latch, sinceMs: latch.sinceMs + byMs };
}
