import type { AlertBase } from '../../../core/alerts/alert.ts';

/** One alert as a message tells it. Times in ms since the epoch. */
export interface MessageAlert extends AlertBase {
  readonly startedMs: number;
  readonly firedMs: number | undefined;
  readonly endedMs: number | undefined;
  readonly organizationId: string | undefined;
  readonly propertyId: string | undefined;
  readonly links: AlertLinks;
}

/** Where a reader of a message goes on. Undefined where no public address is configured. */
export interface AlertLinks {
  readonly view: string | undefined;
  /** Signed, expires, and asks before it acts. */
  readonly acknowledge: string | undefined;
  readonly silence: string | undefined;
}

/** What one receiver is told at once: a group of alerts of one organization. */
export interface Message {
  /** The same for each attempt of one delivery, and for no other. */
  readonly id: string;
  /** The same for all messages about one group to one receiver: a mail's thread, a `dedup_key`. */
  readonly groupKey: string;
  readonly receiver: string;
  /** `resolved` when every alert in it is. */
  readonly status: 'firing' | 'resolved';
  /** The first is the worst. Not empty. */
  readonly alerts: readonly MessageAlert[];
  /** Why these people hear of it: `route`, `escalation`, `digest`, `test`. */
  readonly kind: 'route' | 'escalation' | 'digest' | 'test';
  /** Escalation level, 0 for the first. */
  readonly level: number;
  readonly timeZone: string;
}

/** What became of one attempt. Reasons are for people and hold no secret. */
export type DeliveryOutcome =
  | { readonly status: 'delivered'; readonly detail?: string | undefined }
  | {
      readonly status: 'retryable';
      readonly reason: string;
      /** What the other side asked for, as in `Retry-After`. */
      readonly retryAfterMs?: number | undefined;
    }
  | { readonly status: 'permanent'; readonly reason: string };

/** One way to reach one recipient, ready to use. */
export interface Channel {
  /** `email`, `slack`, … */
  readonly kind: string;
  /** Whom it reaches, shown in `notifications`: without any secret (`jo***@hotel.example`, a host). */
  readonly recipient: string;
  /** Makes one attempt and never rejects. @param signal ends the attempt */
  deliver(message: Message, signal: AbortSignal): Promise<DeliveryOutcome>;
}

/** What a channel is given beside its configuration. */
export interface ChannelOptions {
  /** Whom an e-mail or SMS goes to, in place of the configuration's `to`. */
  readonly to?: readonly string[] | undefined;
  /** ms since the epoch. Default: the clock. */
  readonly now?: (() => number) | undefined;
}
