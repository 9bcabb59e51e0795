import type { AlertSummary, Suppression } from '../../../core/alerts/alert.ts';
import { formatDuration } from '../../../core/format.ts';
import { createInhibitor, type InhibitRule } from './inhibition.ts';
import { findSilenceSuppression, type Silence } from './silence.ts';

/** What the stages go by. */
export interface SuppressionContext {
  readonly inhibit: readonly InhibitRule[];
  readonly silences: readonly Silence[];
  readonly maintenance: readonly Silence[];
  readonly flapping: FlapLimits;
  /** By `flapKey`. */
  readonly flaps: ReadonlyMap<string, FlapHistory>;
}

/** All that holds one alert back now, in the order of the stages; nothing: it may be told. */
export interface SuppressionResult<A extends AlertSummary> {
  readonly alert: A;
  readonly suppressions: readonly Suppression[];
}

/** What tells a group of a rule from others, over all its alerts. */
export function toFlapKey({ rule, labels }: Pick<AlertSummary, 'rule' | 'labels'>): string {
  return JSON.stringify([rule, ...Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))]);
}

/** Asks every stage about every alert. Each reason is named, also where one would be enough. */
export function evaluateSuppressions<A extends AlertSummary>(
  alerts: readonly A[],
  context: SuppressionContext,
  now: number,
): SuppressionResult<A>[] {
  const { silences, maintenance, inhibit, flaps, flapping } = context;
  const inhibits = createInhibitor(alerts, inhibit);
  return alerts.map((alert) => {
    const key = toFlapKey(alert);
    const held = [
      findSilenceSuppression(alert, silences, now),
      findSilenceSuppression(alert, maintenance, now),
      inhibits(alert),
      findFlappingSuppression(flaps.get(key) ?? EMPTY_FLAP_HISTORY, key, now, flapping),
    ];
    return { alert, suppressions: held.filter((reason) => reason !== undefined) };
  });
}

interface FlapLimits {
  /** So many changes between firing and resolved within the window are flapping. */
  readonly transitions: number;
  readonly windowMs: number;
}

/** The changes of one group of one rule, over all its alerts. */
export interface FlapHistory {
  /** In ms, the newest last; those before the window are forgotten. */
  readonly timesMs: readonly number[];
  readonly isFlapping: boolean;
}

export const EMPTY_FLAP_HISTORY: FlapHistory = { timesMs: [], isFlapping: false };

/** Notes that the group began to fire, or was resolved, at `now`. */
export function recordFlap(before: FlapHistory, now: number, limits: FlapLimits): FlapHistory {
  return pruneFlaps({ ...before, timesMs: [...before.timesMs, now] }, now, limits);
}

/** It flaps from the limit on, and until there are at most half as many changes in the window. */
export function pruneFlaps(
  { timesMs, isFlapping: flapping }: FlapHistory,
  now: number,
  limits: FlapLimits,
): FlapHistory {
  const recent = timesMs.filter((ms) => ms > now - limits.windowMs);
  const least = flapping ? Math.floor(limits.transitions / 2) + 1 : limits.transitions;
  return { timesMs: recent, isFlapping: recent.length >= least };
}

/** @param by what tells the group: rule and labels */
function findFlappingSuppression(
  flaps: FlapHistory,
  by: string,
  now: number,
  limits: FlapLimits,
): Suppression | undefined {
  const { isFlapping: flapping, timesMs } = pruneFlaps(flaps, now, limits);
  if (!flapping) return undefined;
  const half = Math.floor(limits.transitions / 2);
  const detail = `${timesMs.length} changes within ${formatDuration(limits.windowMs)}`;
  // Calm when all but `half` of the changes have left the window.
  const lastMs = timesMs[timesMs.length - half - 1] ?? now;
  return { reason: 'flapping', by, detail, untilMs: lastMs + limits.windowMs };
}
