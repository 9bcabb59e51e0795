import type { Matcher } from '../../../core/config-files/matcher.ts';
import type { Recurrence } from '../../../core/config-files/recurrence.ts';
import { HOUR_MS, MINUTE_MS } from '../../../core/duration.ts';
import type { Person, Role } from '../../../core/people.ts';
import type { AlertSeverity } from '../../../core/schema/enums.ts';
import type { ReceiverChannel } from './notification-file-schema.ts';

/** Whom a receiver tells, where its channels reach people. */
interface Addressees {
  readonly roles: readonly Role[];
  /** Names. */
  readonly people: readonly string[];
}

export interface Receiver {
  readonly name: string;
  readonly to: Addressees;
  readonly channels: readonly ReceiverChannel[];
  /** For how long a message is tried. */
  readonly deadlineMs: number;
  /** So many messages within this time at most; others wait. */
  readonly limit: { readonly messages: number; readonly perMs: number };
}

/** Times of day that come again; a moment is in it when it is in one of them. */
export interface TimeInterval {
  readonly name: string;
  readonly times: readonly Recurrence[];
}

export interface Route {
  /** Its place in the tree, as `2.1`; the root has none. */
  readonly path: string;
  readonly receivers: readonly string[];
  readonly matchers: readonly Matcher[];
  readonly severities: readonly AlertSeverity[] | undefined;
  readonly organization: string | undefined;
  readonly property: string | undefined;
  /** Outside of these, nothing is told by it; undefined: at any time. */
  readonly activeTimes: readonly TimeInterval[] | undefined;
  /** Inside of these, nothing is told by it. */
  readonly muteTimes: readonly TimeInterval[];
  /** Whether the routes after it are asked too. */
  readonly continues: boolean;
  readonly escalation: string | undefined;
  readonly digest: string | undefined;
  readonly routes: readonly Route[];
}

export interface EscalationLevel {
  /** After the alert was told first, while nobody acknowledges it. */
  readonly afterMs: number;
  readonly receivers: readonly string[];
  /** Again after this time, until the next level. */
  readonly repeatMs: number | undefined;
  /** How often it is told in all; undefined: until somebody acknowledges. */
  readonly times: number | undefined;
}

export interface EscalationPolicy {
  readonly name: string;
  readonly levels: readonly EscalationLevel[];
}

export interface Digest {
  readonly name: string;
  /** Undefined: at the times of day of `at`. */
  readonly everyMs: number | undefined;
  /** Times of day, as `08:00`. */
  readonly at: readonly string[];
  readonly timeZone: string;
}

/** Everything that a file says about who is told of what. */
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

/** The receiver that is there without any file, unless a file has one of its own by this name. */
export const DEFAULT_RECEIVER: Receiver = {
  name: 'default',
  to: { roles: ['PROPERTY_MGR', 'ADMIN'], people: [] },
  channels: [{ kind: 'inApp' }],
  deadlineMs: DEFAULT_DEADLINE_MS,
  // Whoever reads in Perfscope is not disturbed by many.
  limit: { messages: 100_000, perMs: MINUTE_MS },
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

/** In-app, to the managers of the property concerned and to administrators. */
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
