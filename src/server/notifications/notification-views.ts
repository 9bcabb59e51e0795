import type { AlertSeverity } from '../../core/schema/enums.ts';
import type { AlertState } from '../../core/schema/tables/alerts-table.ts';
import type { NotificationStatus } from '../../core/schema/tables/notifications-table.ts';
import type { TenantScope } from '../../core/tenant-scope.ts';
import type { SampleResult } from './delivery/send-samples.ts';

/** The alerts of a message, sorted by severity, highest first. */
export interface NotificationContent {
  readonly status: 'firing' | 'resolved';
  /** Number of alerts in the message. `alerts` lists at most 20 of them. */
  readonly total: number;
  readonly alerts: readonly {
    readonly id: string;
    readonly rule: string;
    readonly state: AlertState;
    readonly severity: AlertSeverity;
    readonly summary: string;
    /** `organization/property`, or undefined if the alert belongs to no tenant. */
    readonly tenant?: string | undefined;
  }[];
  /** The incident that contains all alerts. Missing if there is no such incident. */
  readonly incident?: NotifiedIncident | undefined;
}

interface NotifiedIncident {
  readonly id: string;
  /** The likeliest cause with its evidence. Missing if the row belongs to a tenant and the cause doesn't. */
  readonly cause?: string | undefined;
}

/** A row of `notifications` in the API. */
export interface NotificationView {
  readonly at: Date;
  readonly id: string;
  readonly seq: number;
  readonly alertId: string | undefined;
  readonly receiver: string | undefined;
  readonly channel: string | undefined;
  readonly recipient: string | undefined;
  readonly status: NotificationStatus;
  /** Code of the suppression reason or the attempt's result. */
  readonly reason: string | undefined;
  /** Explanation of the reason for people. */
  readonly detail: string | undefined;
  readonly kind: string | undefined;
  readonly level: number | undefined;
  readonly attempt: number | undefined;
  readonly content: NotificationContent | undefined;
  readonly organizationId: string | undefined;
  readonly propertyId: string | undefined;
  readonly readAt: Date | undefined;
}

/** The caller. In-app notifications are addressed to a role or a user. */
export interface NotificationReader {
  readonly role: string;
  readonly subject: string;
  readonly scope: TenantScope;
}

/** Selects rows by time and by values. A list matches any of its values. */
export interface NotificationFilter {
  readonly fromMs: number;
  readonly toMs: number;
  readonly channel?: readonly string[] | undefined;
  readonly status?: readonly NotificationStatus[] | undefined;
  readonly receiver?: readonly string[] | undefined;
  readonly reason?: readonly string[] | undefined;
  readonly alertId?: string | undefined;
  readonly after?: NotificationPosition | undefined;
  readonly limit: number;
}

/** The last row of a page. Rows are sorted by time, ID, and seq. */
interface NotificationPosition {
  readonly atMs: number;
  readonly id: string;
  readonly seq: number;
}

interface NotificationChange {
  readonly position: string;
  readonly notification: NotificationView;
}

/** Reads notifications. Rows outside the caller's scope are not found. */
/** Tenant of a sample alert. It determines which people receive the alert. */
interface SampleTenant {
  readonly organizationId?: string | undefined;
  readonly propertyId?: string | undefined;
}

export interface NotificationService {
  /** Lists attempts and suppressions, newest first. @throws PS_UNAVAILABLE */
  listNotifications(filter: NotificationFilter, scope: TenantScope): Promise<NotificationView[]>;
  /** Lists the reader's in-app notifications, newest first. @throws PS_UNAVAILABLE */
  listInbox(
    filter: NotificationFilter & { readonly unread?: boolean | undefined },
    reader: NotificationReader,
  ): Promise<NotificationView[]>;
  /** Returns the number of the reader's unread notifications. @throws PS_UNAVAILABLE */
  countUnread(reader: NotificationReader): Promise<number>;
  /**
   * Marks one or all notifications as read. Returns the number of marked notifications.
   *
   * @throws PS_NOT_FOUND, PS_UNAVAILABLE
   */
  markRead(id: string | 'all', reader: NotificationReader): Promise<number>;
  /**
   * Subscribes to new visible rows. Starts with the rows after `position` that are still in memory.
   *
   * @returns a function that unsubscribes
   */
  subscribe(
    scope: TenantScope,
    position: string | undefined,
    onChange: (change: NotificationChange) => void,
  ): () => void;
  /** Returns the configuration without addresses. */
  getReceivers(): ReceiversView;
  /**
   * Sends a sample alert of a tenant through each channel of a receiver immediately.
   *
   * @returns one result for each recipient
   * @throws PS_NOT_FOUND if there is no such receiver
   */
  testReceiver(name: string, tenant: SampleTenant): Promise<SampleResult[]>;
  /** Lists all people who can receive notifications. */
  listPeople(): PersonView[];
  /**
   * Adds a person, or replaces the person with the same name.
   *
   * @throws PS_REQUEST_INVALID, PS_UNAVAILABLE, PS_FLUSH_TIMEOUT
   */
  setPerson(request: PersonRequest, author: AuditAuthor): Promise<PersonView>;
  /** Removes a person and returns the entry. @throws PS_NOT_FOUND, PS_UNAVAILABLE, PS_FLUSH_TIMEOUT */
  removePerson(name: string, author: AuditAuthor): Promise<PersonView>;
}

/** Sources of people, in the order of precedence. */
export const PERSON_SOURCES = ['file', 'api', 'application'] as const;
export type PersonSource = (typeof PERSON_SOURCES)[number];

/** A person in the API. Email address and phone number are masked. */
export interface PersonView {
  readonly name: string;
  readonly role: string;
  readonly organizationId: string | undefined;
  readonly properties: readonly string[] | undefined;
  readonly email: string | undefined;
  readonly phone: string | undefined;
  readonly user: string | undefined;
  readonly source: PersonSource;
  /** Whether a source with higher precedence has a person with the same name. */
  readonly hidden: boolean;
}

/** A person in a request. It is validated in the same way as a person in the file. */
interface PersonRequest {
  readonly name: string;
  readonly role: string;
  readonly organizationId?: string | undefined;
  readonly properties?: readonly string[] | undefined;
  readonly email?: string | undefined;
  readonly phone?: string | undefined;
  readonly user?: string | undefined;
}

/** The caller that makes a change, for the audit log. */
interface AuditAuthor {
  readonly author: string;
  readonly address?: string | undefined;
}

/** The notification configuration in the API. */
interface ReceiversView {
  readonly file: string | undefined;
  readonly loadedAt: Date;
  /** Current problems in the file, as `file:line:column: message`. */
  readonly problems: readonly string[];
  readonly receivers: readonly {
    readonly name: string;
    readonly channels: readonly string[];
    readonly people: readonly string[];
  }[];
  readonly people: readonly {
    readonly name: string;
    readonly role: string;
    readonly organizationId: string | undefined;
    readonly properties: readonly string[] | undefined;
  }[];
}

/** The action of a link in a message. The user has to confirm the action. */
export type LinkAction = 'acknowledge' | 'silence';

/** The content of a link whose signature is valid. */
export interface VerifiedLink {
  readonly action: LinkAction;
  readonly alertId: string;
  readonly receiver: string;
  readonly expiresMs: number;
}

export interface LinkVerifier {
  /** Returns the link, or `undefined` if the token is invalid or has expired. */
  verify(token: string, nowMs: number): VerifiedLink | undefined;
}
