import type { AlertSummary, Suppression } from '../../../core/alerts/alert.ts';
import { formatDuration } from '../../../core/format.ts';
import { createInhibitor, type InhibitRule } from './inhibition.ts';
import { findSilenceSuppression, type Silence } from './silence.ts';

/** The input of the suppression stages. */
export interface SuppressionContext {
  readonly inhibit: readonly InhibitRule[];
  readonly silences: readonly Silence[];
  readonly maintenance: readonly Silence[];
  readonly flapping: FlapLimits;
  /** Keyed by `toFlapKey`. */
  readonly flaps: ReadonlyMap<string, FlapHistory>;
}

/**
 * All suppressions of an alert, in the order of the stages. If there are none, the alert can be
 * sent.
 */
export interface SuppressionResult<A extends AlertSummary> {
  readonly alert: A;
  readonly suppressions: readonly Suppression[];
}

/** Returns the key of a rule's group. All alerts of the group have the same key. */
export function toFlapKey({ rule, labels }: Pick<AlertSummary, 'rule' | 'labels'>): string {
  return JSON.stringify([rule, ...Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))]);
}

/** Evaluates every stage for every alert. Returns all reasons, not just the first. */
export function evaluateSuppressions<A extends AlertSummary>(
  alerts: readonly A[],
  context: SuppressionContext,
  now: number,
): SuppressionResult<A>[] {
  const { silences, maintenance, inhibit, flaps, flapping } = context;
  const findInhibition = createInhibitor(alerts, inhibit);
  return alerts.map((alert) => {
    const key = toFlapKey(alert);
    const suppressions = [
      findSilenceSuppression(alert, silences, now),
      findSilenceSuppression(alert, maintenance, now),
      findInhibition(alert),
      findFlappingSuppression(flaps.get(key) ?? EMPTY_FLAP_HISTORY, key, now, flapping),
    ];
    return { alert, suppressions: suppressions.filter((found) => found !== undefined) };
  });
}

interface FlapLimits {
  /** Number of changes between firing and resolved, within the window, at which flapping starts. */
  readonly transitions: number;
  readonly windowMs: number;
}

/** The changes in one rule group, across all the group's alerts. */
export interface FlapHistory {
  /** Times of changes within the window, in ms since the epoch, newest last. */
  readonly timesMs: readonly number[];
  readonly isFlapping: boolean;
}

export const EMPTY_FLAP_HISTORY: FlapHistory = { timesMs: [], isFlapping: false };

/** Adds a change: the group started firing or was resolved at `now`. */
export function recordFlap(before: FlapHistory, now: number, limits: FlapLimits): FlapHistory {
  return pruneFlaps({ ...before, timesMs: [...before.timesMs, now] }, now, limits);
}

/** Removes old changes. Flapping starts at the limit and ends at half the limit. */
export function pruneFlaps(
  { timesMs, isFlapping }: FlapHistory,
  now: number,
  limits: FlapLimits,
): FlapHistory {
  const recent = timesMs.filter((ms) => ms > now - limits.windowMs);
  const minimum = isFlapping ? Math.floor(limits.transitions / 2) + 1 : limits.transitions;
  return { timesMs: recent, isFlapping: recent.length >= minimum };
}

/** @param by flap key of the group */
function findFlappingSuppression(
  flaps: FlapHistory,
  by: string,
  now: number,
  limits: FlapLimits,
): Suppression | undefined {
  const { isFlapping, timesMs } = pruneFlaps(flaps, now, limits);
  if (!isFlapping) return undefined;
  const half = Math.floor(limits.transitions / 2);
  const detail = `${timesMs.length} changes within ${formatDuration(limits.windowMs)}`;
  // Flapping ends when only `half` changes are left in the window.
  const lastMs = timesMs[timesMs.length - half - 1] ?? now;
  return { reason: 'flapping', by, detail, untilMs: lastMs + limits.windowMs };
}
