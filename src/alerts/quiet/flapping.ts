import { formatDuration } from '../../schema/format.ts';
import type { Held } from './held.ts';

export interface FlapLimits {
  /** So many changes between firing and resolved within the window are flapping. */
  readonly transitions: number;
  readonly windowMs: number;
}

/** The changes of one group of one rule, over all its alerts. */
export interface Flaps {
  /** In ms, the newest last; those before the window are forgotten. */
  readonly timesMs: readonly number[];
  readonly flapping: boolean;
}

export const NO_FLAPS: Flaps = { timesMs: [], flapping: false };

/** Notes that the group began to fire, or was resolved, at `now`. */
export function flapped(before: Flaps, now: number, limits: FlapLimits): Flaps {
  return aged({ ...before, timesMs: [...before.timesMs, now] }, now, limits);
}

/** It flaps from the limit on, and until there are at most half as many changes in the window. */
export function aged({ timesMs, flapping }: Flaps, now: number, limits: FlapLimits): Flaps {
  const recent = timesMs.filter((ms) => ms > now - limits.windowMs);
  const least = flapping ? Math.floor(limits.transitions / 2) + 1 : limits.transitions;
  return { timesMs: recent, flapping: recent.length >= least };
}

/** @param by what tells the group: rule and labels */
export function heldAsFlapping(
  flaps: Flaps,
  by: string,
  now: number,
  limits: FlapLimits,
): Held | undefined {
  const { flapping, timesMs } = aged(flaps, now, limits);
  if (!flapping) return undefined;
  const half = Math.floor(limits.transitions / 2);
  const detail = `${timesMs.length} changes within ${formatDuration(limits.windowMs)}`;
  // Calm when all but `half` of the changes have left the window.
  const lastMs = timesMs[timesMs.length - half - 1] ?? now;
  return { reason: 'flapping', by, detail, untilMs: lastMs + limits.windowMs };
}
