import { linesOf } from '../entries/problems.ts';
import { coded } from '../errors.ts';
import { from, isOneOf, joined, type Sql, sql } from '../questdb/statement.ts';
import type {
  NotificationContent,
  NotificationDesk,
  NotificationFilter,
  NotificationReader,
  NotificationView,
} from '../schema/notification-desk.ts';
import {
  type NotificationRow,
  type NotificationStatus,
  notifications,
} from '../schema/notifications.ts';
import { isVisible, type Scope } from '../schema/scope.ts';
import { rowOf } from '../windows/row.ts';
import type { Store } from '../windows/store.ts';
import type { Notifier } from './notifier.ts';
import type { PeopleBook } from './people/book.ts';
import { peopleDesk } from './people/desk.ts';

/** In-app notifications older than this are not shown as unread any more. */
const INBOX_MS = 30 * 86_400_000;
/** In-app notifications that are marked as read at once. */
const MOST_MARKED = 10_000;

export interface DeskOptions {
  readonly notifier: Notifier;
  readonly book: PeopleBook;
  readonly store: Store;
  readonly now?: () => number;
}

/** Reads what became of messages, and the in-app notifications among them. */
export function notificationDesk({
  notifier,
  book,
  store,
  now = Date.now,
}: DeskOptions): NotificationDesk {
  const { recorder } = notifier;

  async function read(scope: Scope, statement: Sql): Promise<NotificationRow[]> {
    return (await store.read(scope, statement)).map((row) => rowOf(notifications, row));
  }

  /** The last row of each of the reader's notifications. */
  function inboxRows(
    { role, subject, scope }: NotificationReader,
    conditions: Sql,
    limit: number,
    { fromMs, toMs }: { fromMs: number; toMs: number },
  ): Promise<NotificationRow[]> {
    const recipients = isOneOf('recipient', [`role:${role}`, `user:${subject}`]);
    // A row that says that it was read is later than what it is about.
    return read(
      scope,
      sql`SELECT * FROM (
        SELECT *, row_number() OVER (PARTITION BY id ORDER BY timestamp DESC, seq DESC) AS place
        ${from('notifications')} AND timestamp >= ${new Date(fromMs)} AND channel = 'inApp'
        AND status = 'delivered' AND ${recipients}
      ) WHERE place = 1 AND timestamp < ${new Date(toMs)} AND ${conditions}
      ORDER BY timestamp DESC, id DESC, seq DESC LIMIT ${limit}`,
    );
  }

  /** Another server's clock may be ahead. */
  const kept = () => ({ fromMs: now() - INBOX_MS, toMs: now() + 86_400_000 });

  async function unreadRows(reader: NotificationReader, more: Sql, limit: number) {
    return inboxRows(reader, sql`read_at IS NULL AND ${more}`, limit, kept());
  }

  return {
    ...peopleDesk(notifier.people, book),

    async record(filter, scope) {
      const conditions = joined(conditionsOf(filter), ' AND ');
      const rows = await read(
        scope,
        sql`SELECT * ${from('notifications')} AND timestamp >= ${new Date(filter.fromMs)}
          AND timestamp < ${new Date(filter.toMs)} AND read_at IS NULL AND ${conditions}
          ORDER BY timestamp DESC, id DESC, seq DESC LIMIT ${filter.limit}`,
      );
      return rows.map(viewOf);
    },

    async inbox({ unread, ...filter }, reader) {
      const wanted = conditionsOf(filter);
      if (unread === true) wanted.push(sql`read_at IS NULL`);
      if (unread === false) wanted.push(sql`read_at IS NOT NULL`);
      const rows = await inboxRows(reader, joined(wanted, ' AND '), filter.limit, filter);
      return rows.map(viewOf);
    },

    async unread(reader) {
      return (await unreadRows(reader, sql`1 = 1`, MOST_MARKED)).length;
    },

    async markRead(id, reader) {
      const which = id === 'all' ? sql`1 = 1` : sql`id = ${id}`;
      const rows = await unreadRows(reader, which, MOST_MARKED);
      if (rows.length === 0 && id !== 'all' && !(await isThere(id, reader))) {
        throw coded('PS_NOT_FOUND', { path: `notifications/${id}` });
      }
      const readMs = now();
      for (const row of rows) {
        const timestamp = Math.max(readMs, row.timestamp + 1);
        const seq = (row.seq ?? 0) + 1;
        recorder.note({ ...row, timestamp, seq, readAt: readMs, author: reader.subject });
      }
      await recorder.flush();
      return rows.length;
    },

    follow(scope, position, hear) {
      return recorder.feed.follow(position, (row, at) => {
        if (isVisible(row, scope)) hear({ position: at, notification: viewOf(row) });
      });
    },

    receivers() {
      const { plan, file, people } = notifier;
      return {
        file: file.file,
        loadedAt: new Date(file.loadedMs),
        problems: linesOf(file.problems),
        receivers: [...plan.receivers.values()].map(({ name, channels, to }) => ({
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

  async function isThere(id: string, reader: NotificationReader): Promise<boolean> {
    return (await inboxRows(reader, sql`id = ${id}`, 1, kept())).length > 0;
  }
}

function conditionsOf({ channel, status, receiver, reason, alertId, after }: NotificationFilter) {
  const conditions: Sql[] = [sql`1 = 1`];
  if (channel) conditions.push(isOneOf('channel', channel));
  if (status) conditions.push(isOneOf('status', status));
  if (receiver) conditions.push(isOneOf('receiver', receiver));
  if (reason) conditions.push(isOneOf('reason', reason));
  // A message of several alerts names them in its content.
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

function viewOf(row: NotificationRow): NotificationView {
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
