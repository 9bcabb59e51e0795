import type { Matcher } from '../../../core/config-files/matcher.ts';
import type { Recurrence } from '../../../core/config-files/recurrence.ts';
import { HOUR_MS, MINUTE_MS } from '../../../core/duration.ts';
import type { Person, Role } from '../../../core/person-and-roles.ts';
import type { AlertSeverity } from '../../../core/schema/enums.ts';
import type { ReceiverChannel } from './notification-file-schema.ts';

/** The people that a receiver notifies. */
interface Addressees {
  readonly roles: readonly Role[];
  /** Names of people. */
  readonly people: readonly string[];
}

/** A maximum number of messages per period. */
export interface RateLimit {
  readonly messages: number;
  readonly perMs: number;
}

export interface Receiver {
  readonly name: string;
  readonly to: Addressees;
  readonly channels: readonly ReceiverChannel[];
  /** How long delivery of a message is retried. */
  readonly deadlineMs: number;
  /** Maximum number of messages per period. Further messages wait. */
  readonly limit: RateLimit;
  /**
   * Maximum number of messages to one recipient per period. Further alerts are sent in a summary.
   * Undefined: the default of the channel kind.
   */
  readonly recipientLimit: RateLimit | undefined;
}

/** Recurring times. A moment is in the interval if at least one of the times contains it. */
export interface TimeInterval {
  readonly name: string;
  readonly times: readonly Recurrence[];
}

export interface Route {
  /** Position in the tree, such as `2.1`. Empty for the root. */
  readonly path: string;
  readonly receivers: readonly string[];
  readonly matchers: readonly Matcher[];
  readonly severities: readonly AlertSeverity[] | undefined;
  readonly organization: string | undefined;
  readonly property: string | undefined;
  /** The route is muted outside these intervals. Undefined: always active. */
  readonly activeTimes: readonly TimeInterval[] | undefined;
  /** The route is muted during these intervals. */
  readonly muteTimes: readonly TimeInterval[];
  /** Whether to try the following routes after this route matches. */
  readonly continues: boolean;
  readonly escalation: string | undefined;
  readonly digest: string | undefined;
  readonly routes: readonly Route[];
}

export interface EscalationLevel {
  /**
   * Time, in ms, after the first notification. The level is skipped if the alert is acknowledged by
   * then.
   */
  readonly afterMs: number;
  readonly receivers: readonly string[];
  /** Interval, in ms, at which the level is repeated until the next level is due. */
  readonly repeatMs: number | undefined;
  /** Total number of notifications. Undefined: no limit until the alert is acknowledged. */
  readonly times: number | undefined;
}

export interface EscalationPolicy {
  readonly name: string;
  readonly levels: readonly EscalationLevel[];
}

export interface Digest {
  readonly name: string;
  /**
   * Time from the digest's first alert until the digest is sent, in ms. If undefined, the digest is
   * sent at the times in `at`.
   */
  readonly everyMs: number | undefined;
  /** Times of day, such as `08:00`. */
  readonly at: readonly string[];
  readonly timeZone: string;
}

/** The notification file, with names resolved. */
export interface NotificationConfig {
  readonly timeZone: string;
  readonly people: readonly Person[];
  readonly receivers: ReadonlyMap<string, Receiver>;
  readonly route: Route;
  readonly escalations: ReadonlyMap<string, EscalationPolicy>;
  readonly digests: ReadonlyMap<string, Digest>;
}

export const DEFAULT_DEADLINE_MS = HOUR_MS;
export const DEFAULT_LIMIT = { messages: 120, perMs: MINUTE_MS } as const;

export const DEFAULT_RECIPIENT_PERIOD_MS = 10 * MINUTE_MS;

/** The limits per recipient, by channel kind. Messages over other channels are not limited. */
const DEFAULT_RECIPIENT_LIMITS: Readonly<Record<string, RateLimit>> = {
  email: { messages: 5, perMs: DEFAULT_RECIPIENT_PERIOD_MS },
  sms: { messages: 2, perMs: DEFAULT_RECIPIENT_PERIOD_MS },
  slack: { messages: 10, perMs: DEFAULT_RECIPIENT_PERIOD_MS },
  teams: { messages: 10, perMs: DEFAULT_RECIPIENT_PERIOD_MS },
};

/** Returns the limit for each recipient of a channel, or undefined if there is none. */
export function getRecipientLimit(
  receiver: Receiver | undefined,
  kind: string,
): RateLimit | undefined {
  const byDefault = DEFAULT_RECIPIENT_LIMITS[kind];
  return byDefault && (receiver?.recipientLimit ?? byDefault);
}

/** The built-in receiver. A receiver with the same name in the file replaces it. */
export const DEFAULT_RECEIVER: Receiver = {
  name: 'default',
  to: { roles: ['PROPERTY_MGR', 'ADMIN'], people: [] },
  channels: [{ kind: 'inApp' }],
  deadlineMs: DEFAULT_DEADLINE_MS,
  // In-app notifications don't interrupt anyone, so a high number is fine.
  limit: { messages: 100_000, perMs: MINUTE_MS },
  recipientLimit: undefined,
};

const DEFAULT_ROUTE: Route = {
  path: '',
  receivers: [DEFAULT_RECEIVER.name],
  matchers: [],
  severities: undefined,
  organization: undefined,
  property: undefined,
  activeTimes: undefined,
  muteTimes: [],
  continues: false,
  escalation: undefined,
  digest: undefined,
  routes: [],
};

/** Returns the configuration without a file: in-app notifications to property managers and admins. */
export function createDefaultNotificationConfig(timeZone: string): NotificationConfig {
  return {
    timeZone,
    people: [],
    route: DEFAULT_ROUTE,
    receivers: new Map([[DEFAULT_RECEIVER.name, DEFAULT_RECEIVER]]),
    escalations: new Map(),
    digests: new Map(),
  };
}
