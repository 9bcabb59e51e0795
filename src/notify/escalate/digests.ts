import type { KnownAlert } from '../alert.ts';
import type { Journal } from '../deliver/journal.ts';
import type { Digest } from '../plan/plan.ts';
import { type Target, targetKey } from '../route/target.ts';
import { digestDueMs } from './digest.ts';

const KIND = 'g';
const PREFIX = `${KIND}:`;

/** What has come together for one target of one digest. */
export interface Collected {
  readonly digest: string;
  readonly target: Target;
  readonly firstMs: number;
  /** By alert id, as it was last. */
  readonly alerts: Readonly<Record<string, KnownAlert>>;
}

/** The group of alerts that a digest's messages are about. */
export function digestGroup(digest: string): string {
  return JSON.stringify({ digest });
}

/** @returns the digest whose group it is; undefined of a group of other alerts */
export function digestOf(groupKey: string): string | undefined {
  return /^\{"digest":/.test(groupKey)
    ? (JSON.parse(groupKey) as { digest: string }).digest
    : undefined;
}

/** Alerts that wait for their digest, kept in the journal. */
export class Digests {
  readonly #journal: Journal;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  collect(digest: string, target: Target, alerts: readonly KnownAlert[], now: number): void {
    const key = PREFIX + JSON.stringify([digest, targetKey(target)]);
    const before = this.#journal.get(key) as Collected | undefined;
    const added = Object.fromEntries(alerts.map((alert) => [alert.id, alert]));
    const collected: Collected = {
      digest,
      target,
      firstMs: before?.firstMs ?? now,
      alerts: { ...before?.alerts, ...added },
    };
    this.#journal.put(key, collected);
  }

  /** Brings an alert that waits up to date, such as one that has ended meanwhile. */
  update(alert: KnownAlert): void {
    for (const [key, value] of this.#journal.entries(KIND)) {
      const collected = value as Collected;
      if (collected.alerts[alert.id] === undefined) continue;
      const alerts = { ...collected.alerts, [alert.id]: alert };
      this.#journal.put(key, { ...collected, alerts });
    }
  }

  /** Takes what is due; what waits for a digest that is no more is due at once. */
  take(digests: ReadonlyMap<string, Digest>, now: number): Collected[] {
    const due: Collected[] = [];
    for (const [key, value] of this.#journal.entries(KIND)) {
      const collected = value as Collected;
      const digest = digests.get(collected.digest);
      if (digest && now < digestDueMs(digest, collected.firstMs)) continue;
      due.push(collected);
      this.#journal.drop(key);
    }
    return due;
  }
}
