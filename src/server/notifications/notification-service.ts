import { formatProblems } from '../../core/config-files/config-validation.ts';
import { DAY_MS } from '../../core/duration.ts';
import { createError } from '../../core/perfscope-error.ts';
import {
  type NotificationRow,
  type NotificationStatus,
  notificationsTable,
} from '../../core/schema/tables/notifications-table.ts';
import { isVisibleInScope, type TenantScope } from '../../core/tenant-scope.ts';
import { toTableRow } from '../../storage/queries/row-values.ts';
import type { QueryClient } from '../../storage/questdb/query-client.ts';
import { fromTable, inValues, joinSql, type Sql, sql } from '../../storage/sql/sql-builder.ts';
import { maskEmailAddress, maskPhoneNumber } from './channels/channel-recipients.ts';
import type {
  NotificationContent,
  NotificationFilter,
  NotificationReader,
  NotificationService,
  NotificationView,
  PersonView,
} from './notification-views.ts';
import type { Notifier } from './notifier.ts';
import type { ListedPerson, PeopleRegistry } from './people/people-registry.ts';
import type { PeopleStore } from './people/people-store.ts';

type PeopleService = Pick<NotificationService, 'listPeople' | 'setPerson' | 'removePerson'>;

/**
 * Creates the service that lists people, and that adds and removes the people stored through the
 * API.
 */
function createPeopleService(people: PeopleRegistry, store: PeopleStore): PeopleService {
  const isInFile = (name: string) =>
    people.list().some(({ person, source }) => source === 'file' && person.name === name);

  return {
    listPeople: () => people.list().map(toPersonView),

    async setPerson({ organizationId, ...rest }, author) {
      if (isInFile(rest.name)) {
        const reason = `${rest.name} is in the notification file, which takes precedence; change the file instead`;
        throw createError('PS_REQUEST_INVALID', { reason });
      }
      const person = await store.set({ ...rest, organization: organizationId }, author);
      return toPersonView({ person, source: 'api', hidden: false });
    },

    async removePerson(name, author) {
      const person = await store.remove(name, author);
      return toPersonView({ person, source: 'api', hidden: isInFile(name) });
    },
  };
}

/** Converts a person for the API and masks the addresses. */
export function toPersonView({ person, source, hidden }: ListedPerson): PersonView {
  const { name, role, organization: organizationId, properties, email, phone, user } = person;
  return {
    name,
    role,
    organizationId,
    properties,
    user,
    source,
    hidden,
    email: email === undefined ? undefined : maskEmailAddress(email),
    phone: phone === undefined ? undefined : maskPhoneNumber(phone),
  };
}

/** Older in-app notifications no longer count as unread. */
const MAX_INBOX_AGE_MS = 30 * DAY_MS;
/** Maximum number of notifications to mark as read in one request. */
const MAX_MARKED_READ = 10_000;

export interface NotificationServiceOptions {
  readonly notifier: Notifier;
  readonly peopleStore: PeopleStore;
  readonly queryClient: QueryClient;
  readonly now?: () => number;
}

/** Creates the service for delivery records, in-app notifications, receivers, and people. */
export function createNotificationService({
  notifier,
  peopleStore,
  queryClient,
  now = Date.now,
}: NotificationServiceOptions): NotificationService {
  const { recorder } = notifier;

  async function read(scope: TenantScope, statement: Sql): Promise<NotificationRow[]> {
    const rows = await queryClient.read(scope, statement);
    return rows.map((row) => toTableRow(notificationsTable, row));
  }

  /** Returns the last row for each of the reader's in-app notifications. */
  function readInboxRows(
    { role, subject, scope }: NotificationReader,
    conditions: Sql,
    limit: number,
    { fromMs, toMs }: { fromMs: number; toMs: number },
  ): Promise<NotificationRow[]> {
    const recipients = inValues('recipient', [`role:${role}`, `user:${subject}`]);
    // The row that marks a notification as read is newer than the notification. Therefore, check
    // `toMs` only after selecting the last row of each ID.
    return read(
      scope,
      sql`SELECT * FROM (
        SELECT *, row_number() OVER (PARTITION BY id ORDER BY timestamp DESC, seq DESC) AS place
        ${fromTable('notifications')} AND timestamp >= ${new Date(fromMs)} AND channel = 'inApp'
        AND status = 'delivered' AND ${recipients}
      ) WHERE place = 1 AND timestamp < ${new Date(toMs)} AND ${conditions}
      ORDER BY timestamp DESC, id DESC, seq DESC LIMIT ${limit}`,
    );
  }

  /** The end is in the future, because another server's clock can be ahead. */
  const getInboxRange = () => ({ fromMs: now() - MAX_INBOX_AGE_MS, toMs: now() + DAY_MS });

  async function readUnreadRows(reader: NotificationReader, condition: Sql, limit: number) {
    return readInboxRows(reader, sql`read_at IS NULL AND ${condition}`, limit, getInboxRange());
  }

  return {
    ...createPeopleService(notifier.people, peopleStore),

    async listNotifications(filter, scope) {
      const hasHiddenReceiver = filter.receiver !== undefined && scope.organizations !== 'all';
      const conditions = joinSql(
        [...buildConditions(filter), ...(hasHiddenReceiver ? [sql`status <> 'suppressed'`] : [])],
        ' AND ',
      );
      const rows = await read(
        scope,
        sql`SELECT * ${fromTable('notifications')} AND timestamp >= ${new Date(filter.fromMs)}
          AND timestamp < ${new Date(filter.toMs)} AND read_at IS NULL AND ${conditions}
          ORDER BY timestamp DESC, id DESC, seq DESC LIMIT ${filter.limit}`,
      );
      return rows.map((row) => toNotificationView(row, scope));
    },

    async listInbox({ unread, ...filter }, reader) {
      const conditions = buildConditions(filter);
      if (unread === true) conditions.push(sql`read_at IS NULL`);
      if (unread === false) conditions.push(sql`read_at IS NOT NULL`);
      const rows = await readInboxRows(reader, joinSql(conditions, ' AND '), filter.limit, filter);
      return rows.map((row) => toNotificationView(row, reader.scope));
    },

    async countUnread(reader) {
      return (await readUnreadRows(reader, sql`1 = 1`, MAX_MARKED_READ)).length;
    },

    async markRead(id, reader) {
      const condition = id === 'all' ? sql`1 = 1` : sql`id = ${id}`;
      const rows = await readUnreadRows(reader, condition, MAX_MARKED_READ);
      if (rows.length === 0 && id !== 'all' && !(await existsInInbox(id, reader))) {
        throw createError('PS_NOT_FOUND', { item: 'notification', id });
      }
      const readMs = now();
      for (const row of rows) {
        const timestamp = Math.max(readMs, row.timestamp + 1);
        const seq = (row.seq ?? 0) + 1;
        recorder.record({ ...row, timestamp, seq, readAt: readMs, author: reader.subject });
      }
      await recorder.flush();
      return rows.length;
    },

    subscribe(scope, position, onChange) {
      return recorder.feed.subscribe(position, (row, at) => {
        if (!isVisibleInScope(row, scope)) return;
        onChange({ position: at, notification: toNotificationView(row, scope) });
      });
    },

    testReceiver(name, { organizationId: organization, propertyId: property }) {
      const labels = { ...(organization && { organization }), ...(property && { property }) };
      return notifier.sendSamples(name, labels);
    },

    getReceivers() {
      const { config, file, people } = notifier;
      return {
        file: file.file,
        loadedAt: new Date(file.loadedMs),
        problems: formatProblems(file.problems),
        receivers: [...config.receivers.values()].map(({ name, channels, to }) => ({
          name,
          channels: channels.map(({ kind }) => kind),
          people: [...to.roles.map((role) => `role:${role}`), ...to.people],
        })),
        people: people.all.map(({ name, role, organization, properties }) => ({
          name,
          role,
          organizationId: organization,
          properties,
        })),
      };
    },
  };

  async function existsInInbox(id: string, reader: NotificationReader): Promise<boolean> {
    return (await readInboxRows(reader, sql`id = ${id}`, 1, getInboxRange())).length > 0;
  }
}

function buildConditions({
  channel,
  status,
  receiver,
  reason,
  alertId,
  after,
}: NotificationFilter) {
  const conditions: Sql[] = [sql`1 = 1`];
  if (channel) conditions.push(inValues('channel', channel));
  if (status) conditions.push(inValues('status', status));
  if (receiver) conditions.push(inValues('receiver', receiver));
  if (reason) conditions.push(inValues('reason', reason));
  // The content lists the other alerts of the message.
  if (alertId !== undefined) {
    conditions.push(sql`(alert_id = ${alertId} OR content LIKE ${`%"id":"${alertId}"%`})`);
  }
  if (after) {
    const { atMs, id, seq } = after;
    const at = new Date(atMs);
    conditions.push(
      sql`(timestamp < ${at} OR (timestamp = ${at} AND (id < ${id} OR (id = ${id} AND seq < ${seq}))))`,
    );
  }
  return conditions;
}

/** Reasons whose detail contains only times and counts. */
const PUBLIC_DETAIL_REASONS: ReadonlySet<string | undefined> = new Set([
  'group_wait',
  'group_interval',
  'flapping',
  'never_told',
  'no_route',
  'no_recipient',
]);
/** Channels whose recipient is a role or a masked address. Other recipients are host names. */
const PERSONAL_CHANNELS: ReadonlySet<string | undefined> = new Set(['inApp', 'email', 'sms']);

/**
 * Removes texts that can name another tenant or a host. Examples are a receiver that didn't match, a
 * silence's comment, a webhook's address, and a mail server's error.
 */
function limitToScope(row: NotificationRow, { organizations }: TenantScope): NotificationRow {
  if (organizations === 'all') return row;
  return {
    ...row,
    receiver: row.status === 'suppressed' ? undefined : row.receiver,
    recipient: PERSONAL_CHANNELS.has(row.channel) ? row.recipient : undefined,
    detail: PUBLIC_DETAIL_REASONS.has(row.reason) ? row.detail : undefined,
  };
}

function toNotificationView(storedRow: NotificationRow, scope: TenantScope): NotificationView {
  const row = limitToScope(storedRow, scope);
  const { timestamp, id = '', seq = 0, alertId, receiver, channel, recipient, reason } = row;
  const { detail, kind, level, attempt, content, organizationId, propertyId, readAt } = row;
  return {
    at: new Date(timestamp),
    id,
    seq,
    alertId,
    receiver,
    channel,
    recipient,
    reason,
    detail,
    status: (row.status ?? 'suppressed') as NotificationStatus,
    kind,
    level,
    attempt,
    organizationId,
    propertyId,
    content: content === undefined ? undefined : (JSON.parse(content) as NotificationContent),
    readAt: readAt === undefined ? undefined : new Date(readAt),
  };
}
