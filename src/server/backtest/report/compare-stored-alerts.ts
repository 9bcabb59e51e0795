import type { AlertSpan } from './alert-spans.ts';

/** How well a replay of the current rules matches the alerts that were stored. */
export interface StoredComparison {
  /** Number of stored alerts in the range. */
  readonly stored: number;
  /** Number of stored alerts that the replay also raised. */
  readonly reproduced: number;
  /** Stored alerts that the replay didn't raise. */
  readonly missing: readonly AlertSpan[];
  /** Alerts that only the replay raised. */
  readonly added: readonly AlertSpan[];
}

/**
 * Matches each stored alert with the closest replayed alert of the same rule and group.
 *
 * @param toleranceMs maximum distance between the times of two matching alerts, in ms. Live evaluation has other
 * steps than the replay.
 */
export function compareStoredAlerts(
  stored: readonly AlertSpan[],
  replayed: readonly AlertSpan[],
  toleranceMs: number,
): StoredComparison {
  const candidates = Map.groupBy(replayed, toGroupKey);
  const matched = new Set<AlertSpan>();
  const missing: AlertSpan[] = [];
  for (const span of stored) {
    const [closest] = (candidates.get(toGroupKey(span)) ?? [])
      .filter((other) => !matched.has(other) && overlaps(span, other, toleranceMs))
      .sort((a, b) => Math.abs(a.firedMs - span.firedMs) - Math.abs(b.firedMs - span.firedMs));
    if (closest) matched.add(closest);
    else missing.push(span);
  }
  return {
    stored: stored.length,
    reproduced: stored.length - missing.length,
    missing,
    added: replayed.filter((span) => !matched.has(span)),
  };
}

function toGroupKey({ rule, key }: AlertSpan): string {
  return `${rule}\n${key}`;
}

function overlaps(a: AlertSpan, b: AlertSpan, toleranceMs: number): boolean {
  const { endedMs: endA = Number.POSITIVE_INFINITY } = a;
  const { endedMs: endB = Number.POSITIVE_INFINITY } = b;
  return a.firedMs <= endB + toleranceMs && b.firedMs <= endA + toleranceMs;
}
