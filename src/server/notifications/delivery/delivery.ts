import type { Message } from '../channels/channel.ts';
import { type Target, toTargetKey } from '../routing/notification-target.ts';

/** A message on its way to one target, as the journal keeps it. Times in ms since the epoch. */
export interface Delivery {
  /** The message's. */
  readonly id: string;
  readonly target: Target;
  readonly message: Message;
  readonly decidedMs: number;
  /** Nothing is tried after it. */
  readonly deadlineMs: number;
  /** Attempts that have begun. */
  readonly attempt: number;
  /** Rows of `notifications` that tell of it. */
  readonly rows: number;
  /** Why no attempt could be made last, where a row has told of it. */
  readonly barred?: string | undefined;
  /** The attempt under way: what a process finds that goes on after another was killed in it. */
  readonly begun?: { readonly atMs: number; readonly recipient: string } | undefined;
  /** A process that goes on with it waits until then, as the one before would have. */
  readonly notBeforeMs?: number | undefined;
  /** How it ended; what is left is to record it. */
  readonly end?: DeliveryEnd | undefined;
}

interface DeliveryEnd {
  readonly status: 'delivered' | 'failed' | 'suppressed';
  readonly reason: string;
  readonly detail: string | undefined;
  readonly recipient: string;
  readonly atMs: number;
}

/** Messages of one thread are delivered one after another. */
export function getThreadKey(target: Target, groupKey: string): string {
  return `${toTargetKey(target)}\n${groupKey}`;
}

export function getDeliveryThreadKey({ target, message }: Delivery): string {
  return getThreadKey(target, message.groupKey);
}
