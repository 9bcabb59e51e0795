import type { AlertBase, AlertValues } from '../../../core/alerts/alert.ts';
import type { AffectedTenant } from '../../../core/alerts/incident-summary.ts';

/** One alert in a message. Times are in ms since the epoch. */
export interface MessageAlert extends AlertBase, AlertValues {
  readonly startedMs: number;
  readonly firedMs: number | undefined;
  readonly endedMs: number | undefined;
  readonly organizationId: string | undefined;
  readonly propertyId: string | undefined;
  readonly links: AlertLinks;
}

/** Links in a message. They are undefined if no public URL is configured. */
export interface AlertLinks {
  readonly view: string | undefined;
  /** Signed and limited in time. The linked page requires confirmation before it acts. */
  readonly acknowledge: string | undefined;
  readonly silence: string | undefined;
}

/** The incident of a message, limited to the data that the recipient can see. */
export interface MessageIncident {
  readonly id: string;
  /** The likeliest cause with its evidence. Undefined if no cause is known for the recipient's tenant. */
  readonly cause: string | undefined;
  /** The tenants with the most failed requests. */
  readonly tenants: readonly AffectedTenant[];
  /** Number of tenants that aren't in `tenants`. */
  readonly moreTenants: number;
  /** Undefined if no public URL is configured. */
  readonly url: string | undefined;
}

/** A message to one receiver about one group of alerts. */
export interface Message {
  /** Unique per delivery. All attempts of a delivery have the same ID. */
  readonly id: string;
  /**
   * Identifies the group that the message is about. Channels use it to link messages, for example as
   * an email thread or a PagerDuty `dedup_key`.
   */
  readonly groupKey: string;
  readonly receiver: string;
  /** `resolved` if all alerts are resolved. */
  readonly status: 'firing' | 'resolved';
  /** Sorted by severity, highest first. Not empty. */
  readonly alerts: readonly MessageAlert[];
  /** Why the message is sent. */
  readonly kind: 'route' | 'escalation' | 'digest' | 'summary' | 'test';
  /** Escalation level. 0 if the message is not an escalation. */
  readonly level: number;
  readonly timeZone: string;
  /** The incident that contains all alerts of the message. Undefined if there is no such incident. */
  readonly incident?: MessageIncident | undefined;
}

/** The outcome of one delivery attempt. Reasons are readable text without secrets. */
export type DeliveryOutcome =
  | { readonly status: 'delivered'; readonly detail?: string | undefined }
  | {
      readonly status: 'retryable';
      readonly reason: string;
      /** Delay that the receiving server requested, for example in `Retry-After`. */
      readonly retryAfterMs?: number | undefined;
    }
  | { readonly status: 'permanent'; readonly reason: string };

/** Delivers messages to one recipient, or to one list of recipients. */
export interface Channel {
  /** `email`, `slack`, … */
  readonly kind: string;
  /** Recipient as shown in `notifications`: a masked address (`jo***@hotel.example`) or a host. */
  readonly recipient: string;
  /** Makes one attempt. Never rejects. @param signal aborts the attempt */
  deliver(message: Message, signal: AbortSignal): Promise<DeliveryOutcome>;
}

export interface ChannelOptions {
  /** Recipients of an email or SMS. Default: `to` of the channel's configuration. */
  readonly to?: readonly string[] | undefined;
  /** Returns the time in ms since the epoch. Default: `Date.now`. */
  readonly now?: (() => number) | undefined;
}
