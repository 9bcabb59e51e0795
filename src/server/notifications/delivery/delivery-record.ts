import type { Message } from '../channels/channel.ts';
import { type Target, toTargetKey } from '../routing/notification-target.ts';
import type { JournalEntries } from './notification-journal.ts';

/**
 * A message to one target. Times are in ms since the epoch. Deliveries are stored in the journal, so
 * the field names must not change.
 */
export interface Delivery {
  /** ID of the message. */
  readonly id: string;
  readonly target: Target;
  readonly message: Message;
  /** When the message was created. */
  readonly decidedMs: number;
  /** No attempts are made after this time. */
  readonly deadlineMs: number;
  /** Number of attempts that have been started. */
  readonly attempt: number;
  /** Number of rows in `notifications` about this delivery. */
  readonly rows: number;
  /** The recorded reason why the last attempt was blocked (rate limit or breaker). */
  readonly barred?: string | undefined;
  /**
   * The attempt in progress. Still set after a restart if the process was killed during the
   * attempt.
   */
  readonly begun?: { readonly atMs: number; readonly recipient: string } | undefined;
  /** Earliest time of the next attempt after a restart. */
  readonly notBeforeMs?: number | undefined;
  /** Final result. Set while its row is not safely stored yet. */
  readonly end?: DeliveryEnd | undefined;
}

interface DeliveryEnd {
  readonly status: 'delivered' | 'failed' | 'suppressed';
  readonly reason: string;
  readonly detail: string | undefined;
  readonly recipient: string;
  readonly atMs: number;
}

export const DELIVERY_KIND = 'd';

/**
 * Returns the IDs of the alerts whose messages wait for their first attempt. If the channel is paused
 * after failures, its messages don't count as waiting.
 */
export function listUnattemptedAlertIds(journal: JournalEntries): string[] {
  return journal.entries(DELIVERY_KIND).flatMap(([, value]) => {
    const { attempt, barred, end, message } = value as Delivery;
    const isWaiting = attempt === 0 && barred !== 'circuit_open' && !end;
    return isWaiting ? message.alerts.map(({ id }) => id) : [];
  });
}

/** Returns the key of a thread. The messages of a thread are delivered in order. */
export function getThreadKey(target: Target, groupKey: string): string {
  return `${toTargetKey(target)}\n${groupKey}`;
}

export function getDeliveryThreadKey({ target, message }: Delivery): string {
  return getThreadKey(target, message.groupKey);
}
