import type { Alert } from '../../../core/alerts/alert.ts';
import { parseTimeOfDay } from '../../../core/config-files/recurrence.ts';
import { DAY_MS } from '../../../core/duration.ts';
import { findLocalTime, getZoneOffsetMs, hasLocalDate } from '../../../core/time-zone.ts';
import type { Digest } from '../config/notification-config.ts';
import type { JournalEntries } from '../delivery/notification-journal.ts';
import { type Target, toTargetKey } from '../routing/notification-target.ts';

/**
 * Returns when a digest is due if its first alert was added at `firstMs`. The digest is due `every`
 * later, or at the next time of day in `at`, in the digest's time zone. If daylight saving time skips
 * that time, the digest is due at the end of the gap. If the time is repeated, the digest is due at
 * its first occurrence. A date that the zone skips has no digest.
 */
export function computeDigestDueMs({ everyMs, at, timeZone }: Digest, firstMs: number): number {
  if (everyMs !== undefined) return firstMs + everyMs;
  const localMs = firstMs + getZoneOffsetMs(firstMs, timeZone);
  const todayMs = Math.floor(localMs / DAY_MS) * DAY_MS;
  // The clock can be set back to the day before. A zone can skip a date.
  const dates = [-1, 0, 1, 2]
    .map((days) => todayMs + days * DAY_MS)
    .filter((dateMs) => hasLocalDate(dateMs, timeZone));
  const dueTimes = dates.flatMap((dateMs) =>
    at.map((timeOfDay) => findLocalTime(dateMs + parseTimeOfDay(timeOfDay), timeZone)),
  );
  return Math.min(...dueTimes.filter((ms) => ms > firstMs));
}

const JOURNAL_KIND = 'g';
const JOURNAL_PREFIX = `${JOURNAL_KIND}:`;

/** The alerts of a digest for one target. Stored in the journal, so field names must not change. */
export interface CollectedDigest {
  readonly digest: string;
  readonly target: Target;
  /** When the first alert was added, in ms since the epoch. */
  readonly firstMs: number;
  /** The latest version of each alert, by ID. */
  readonly alerts: Readonly<Record<string, Alert>>;
}

/** Returns the group key of a digest's messages. */
export function toDigestGroupKey(digest: string): string {
  return JSON.stringify({ digest });
}

/** Returns the name of the digest, or `undefined` for the group key of an alert group. */
export function parseDigestGroupKey(groupKey: string): string | undefined {
  return /^\{"digest":/.test(groupKey)
    ? (JSON.parse(groupKey) as { digest: string }).digest
    : undefined;
}

/** Alerts that wait for a digest. They are stored in the journal. */
export class DigestStore {
  readonly #journal: JournalEntries;

  constructor(journal: JournalEntries) {
    this.#journal = journal;
  }

  collect(digest: string, target: Target, alerts: readonly Alert[], now: number): void {
    const key = JOURNAL_PREFIX + JSON.stringify([digest, toTargetKey(target)]);
    const before = this.#journal.get(key) as CollectedDigest | undefined;
    const added = Object.fromEntries(alerts.map((alert) => [alert.id, alert]));
    const collected: CollectedDigest = {
      digest,
      target,
      firstMs: before?.firstMs ?? now,
      alerts: { ...before?.alerts, ...added },
    };
    this.#journal.put(key, collected);
  }

  /** Updates a waiting alert, for example after it was resolved. */
  update(alert: Alert): void {
    for (const [key, value] of this.#journal.entries(JOURNAL_KIND)) {
      const collected = value as CollectedDigest;
      if (collected.alerts[alert.id] === undefined) continue;
      const alerts = { ...collected.alerts, [alert.id]: alert };
      this.#journal.put(key, { ...collected, alerts });
    }
  }

  /** Returns the IDs of all alerts that wait for a digest. */
  listAlertIds(): string[] {
    return this.#journal
      .entries(JOURNAL_KIND)
      .flatMap(([, value]) => Object.keys((value as CollectedDigest).alerts));
  }

  /** Returns the IDs of the alerts that wait for a digest and haven't been resolved. */
  listOngoingAlertIds(): string[] {
    return this.#journal
      .entries(JOURNAL_KIND)
      .flatMap(([, value]) => Object.values((value as CollectedDigest).alerts))
      .flatMap(({ id, state }) => (state === 'resolved' ? [] : [id]));
  }

  /**
   * Removes and returns the digests that are due. Digests that were removed from the configuration
   * are due immediately.
   */
  takeDue(digests: ReadonlyMap<string, Digest>, now: number): CollectedDigest[] {
    const due: CollectedDigest[] = [];
    for (const [key, value] of this.#journal.entries(JOURNAL_KIND)) {
      const collected = value as CollectedDigest;
      const digest = digests.get(collected.digest);
      if (digest && now < computeDigestDueMs(digest, collected.firstMs)) continue;
      due.push(collected);
      this.#journal.delete(key);
    }
    return due;
  }
}
