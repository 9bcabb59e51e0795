import type { AlertSeverity } from '../../core/schema/enums.ts';
import type { AlertState } from '../../core/schema/tables/alerts-table.ts';
import type { NotificationStatus } from '../../core/schema/tables/notifications-table.ts';
import type { TenantScope } from '../../core/tenant-scope.ts';

/** What a message said of its alerts, the worst first. */
export interface NotificationContent {
  readonly status: 'firing' | 'resolved';
  /** How many alerts it was about; `alerts` has the first of them. */
  readonly total: number;
  readonly alerts: readonly {
    readonly id: string;
    readonly rule: string;
    readonly state: AlertState;
    readonly severity: AlertSeverity;
    readonly summary: string;
  }[];
}

/** One row of `notifications`, as the API shows it. */
export interface NotificationView {
  readonly at: Date;
  readonly id: string;
  readonly seq: number;
  readonly alertId: string | undefined;
  readonly receiver: string | undefined;
  readonly channel: string | undefined;
  readonly recipient: string | undefined;
  readonly status: NotificationStatus;
  /** One word: why it was stopped, or what became of the attempt. */
  readonly reason: string | undefined;
  /** The same for people. */
  readonly detail: string | undefined;
  readonly kind: string | undefined;
  readonly level: number | undefined;
  readonly attempt: number | undefined;
  readonly content: NotificationContent | undefined;
  readonly organizationId: string | undefined;
  readonly propertyId: string | undefined;
  readonly readAt: Date | undefined;
}

/** Who reads. In-app notifications are for a role, or for one user. */
export interface NotificationReader {
  readonly role: string;
  readonly subject: string;
  readonly scope: TenantScope;
}

/** Only rows with one of the named values, of a time, behind another row. */
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

/** Where a page ends: rows are ordered by time, then id, then seq. */
export interface NotificationPosition {
  readonly atMs: number;
  readonly id: string;
  readonly seq: number;
}

interface NotificationChange {
  readonly position: string;
  readonly notification: NotificationView;
}

/** Where notifications are read. What the scope does not show is not there. */
export interface NotificationService {
  /** All attempts and suppressions, the newest first. @throws PS_UNAVAILABLE */
  listNotifications(filter: NotificationFilter, scope: TenantScope): Promise<NotificationView[]>;
  /** The reader's own in-app notifications, the newest first. @throws PS_UNAVAILABLE */
  listInbox(
    filter: NotificationFilter & { readonly unread?: boolean | undefined },
    reader: NotificationReader,
  ): Promise<NotificationView[]>;
  /** How many of them nobody has read yet. @throws PS_UNAVAILABLE */
  countUnread(reader: NotificationReader): Promise<number>;
  /** Marks one of them as read, or all. @returns how many. @throws PS_NOT_FOUND, PS_UNAVAILABLE */
  markRead(id: string | 'all', reader: NotificationReader): Promise<number>;
  /**
   * Hears of every new visible row from now on, and first of those behind `position` as far as they
   * are still known. @returns what ends it
   */
  subscribe(
    scope: TenantScope,
    position: string | undefined,
    hear: (change: NotificationChange) => void,
  ): () => void;
  /** What is configured, without addresses. */
  getReceivers(): ReceiversView;
  /** Everybody who can be told. */
  listPeople(): PersonView[];
  /** Names somebody, or replaces whoever has her name. @throws PS_REQUEST_INVALID, PS_UNAVAILABLE, PS_FLUSH_TIMEOUT */
  setPerson(request: PersonRequest, by: AuditAuthor): Promise<PersonView>;
  /** @returns who she was. @throws PS_NOT_FOUND, PS_UNAVAILABLE, PS_FLUSH_TIMEOUT */
  removePerson(name: string, by: AuditAuthor): Promise<PersonView>;
}

/** Where people come from, in the order in which they count. */
export const PERSON_SOURCES = ['file', 'api', 'application'] as const;
export type PersonSource = (typeof PERSON_SOURCES)[number];

/** Somebody who can be told, as an administrator sees her: what reaches her is masked. */
export interface PersonView {
  readonly name: string;
  readonly role: string;
  readonly organizationId: string | undefined;
  readonly properties: readonly string[] | undefined;
  readonly email: string | undefined;
  readonly phone: string | undefined;
  readonly user: string | undefined;
  readonly source: PersonSource;
  /** Whether another of the same name counts, of a source before. */
  readonly hidden: boolean;
}

/** Who is to be told; it is looked at as closely as a person of the file. */
interface PersonRequest {
  readonly name: string;
  readonly role: string;
  readonly organizationId?: string | undefined;
  readonly properties?: readonly string[] | undefined;
  readonly email?: string | undefined;
  readonly phone?: string | undefined;
  readonly user?: string | undefined;
}

/** Who changes something, for the audit log. */
interface AuditAuthor {
  readonly author: string;
  readonly address?: string | undefined;
}

/** Who is told of what, as an administrator sees it. */
interface ReceiversView {
  readonly file: string | undefined;
  readonly loadedAt: Date;
  /** What is wrong with the file now, as `file:line:column: message`. */
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

/** What a link of a message does, once somebody has confirmed it. */
export type LinkAction = 'acknowledge' | 'silence';

/** What a link says, and nobody has changed. */
export interface VerifiedLink {
  readonly action: LinkAction;
  readonly alertId: string;
  readonly receiver: string;
  readonly expiresMs: number;
}

/** Where links of messages are read. */
export interface LinkVerifier {
  /** @returns undefined where it is forged, damaged or has expired */
  verify(token: string, nowMs: number): VerifiedLink | undefined;
}
