import { DateTime } from 'luxon';
import type { Alert } from '../../../core/alerts/alert.ts';
import type { Digest } from '../config/notification-config.ts';
import type { NotificationJournal } from '../delivery/notification-journal.ts';
import { type Target, toTargetKey } from '../routing/notification-target.ts';

/**
 * When a digest whose first alert came at `firstMs` is sent: `every` after it, or at the next of its
 * times of day on the clock of its time zone. A time that a day does not have is passed over to the
 * moment at which the clock goes on.
 */
export function computeDigestDueMs({ everyMs, at, timeZone }: Digest, firstMs: number): number {
  if (everyMs !== undefined) return firstMs + everyMs;
  const today = DateTime.fromMillis(firstMs, { zone: timeZone }).startOf('day');
  const moments = [0, 1].flatMap((days) =>
    at.map((clock) => {
      const [hour, minute] = clock.split(':').map(Number);
      return today
        .plus({ days })
        .set({ hour: hour ?? 0, minute: minute ?? 0 })
        .toMillis();
    }),
  );
  return Math.min(...moments.filter((ms) => ms > firstMs));
}

const JOURNAL_KIND = 'g';
const JOURNAL_PREFIX = `${JOURNAL_KIND}:`;

/** What has come together for one target of one digest. */
export interface CollectedDigest {
  readonly digest: string;
  readonly target: Target;
  readonly firstMs: number;
  /** By alert id, as it was last. */
  readonly alerts: Readonly<Record<string, Alert>>;
}

/** The group of alerts that a digest's messages are about. */
export function toDigestGroupKey(digest: string): string {
  return JSON.stringify({ digest });
}

/** @returns the digest whose group it is; undefined of a group of other alerts */
export function parseDigestGroupKey(groupKey: string): string | undefined {
  return /^\{"digest":/.test(groupKey)
    ? (JSON.parse(groupKey) as { digest: string }).digest
    : undefined;
}

/** Alerts that wait for their digest, kept in the journal. */
export class DigestStore {
  readonly #journal: NotificationJournal;

  constructor(journal: NotificationJournal) {
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

  /** Brings an alert that waits up to date, such as one that has ended meanwhile. */
  update(alert: Alert): void {
    for (const [key, value] of this.#journal.entries(JOURNAL_KIND)) {
      const collected = value as CollectedDigest;
      if (collected.alerts[alert.id] === undefined) continue;
      const alerts = { ...collected.alerts, [alert.id]: alert };
      this.#journal.put(key, { ...collected, alerts });
    }
  }

  /** Takes what is due; what waits for a digest that is no more is due at once. */
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
