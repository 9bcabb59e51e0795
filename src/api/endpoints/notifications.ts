import { z } from 'zod';
import { ALERT_STATES } from '../../schema/alerts.ts';
import type { NotificationPosition } from '../../schema/notification-desk.ts';
import { NOTIFICATION_STATUSES } from '../../schema/notifications.ts';
import { narrow } from '../../schema/scope.ts';
import { ID, severity } from '../alert-shapes.ts';
import { type Cursor, cursorText, readCursor } from '../cursor.ts';
import { type Context, endpoint } from '../endpoint.ts';
import { FORMAT, names, paging, RANGE, TENANT_FILTERS } from '../parameters.ts';
import { refusal } from '../refusal.ts';
import * as shapes from '../shapes.ts';
import { checkedRange, type RangeQuery, rangeOf, zoneOf } from '../time-range.ts';

const text = z.string().optional();
const status = z.enum(NOTIFICATION_STATUSES);

const content = z.strictObject({
  status: z.enum(['firing', 'resolved']),
  total: z.number(),
  alerts: z.array(
    z.strictObject({
      id: z.string(),
      rule: z.string(),
      state: z.enum(ALERT_STATES),
      severity,
      summary: z.string(),
    }),
  ),
});

const notification = z
  .strictObject({
    at: shapes.time,
    id: z.string(),
    seq: z.number(),
    alertId: text,
    receiver: text,
    channel: text,
    recipient: text,
    status,
    reason: text,
    detail: text,
    kind: text,
    level: shapes.figure,
    attempt: shapes.figure,
    content: content.optional(),
    organizationId: text,
    propertyId: text,
    readAt: shapes.time.optional(),
  })
  .meta({
    id: 'Notification',
    description:
      'One attempt to deliver a message, or why there is none; `content` is what it says',
  });

const unread = z.number().meta({
  description: 'In-app notifications of the caller, or of its role, that nobody has read',
});

export const notificationsEndpoint = endpoint({
  path: '/api/performance/notifications',
  methods: ['get'],
  summary:
    'Who was told of what, and why not, the newest first; with inbox=true, what is for the caller',
  permission: 'read',
  query: z.strictObject({
    ...RANGE,
    inbox: z
      .boolean()
      .default(false)
      .meta({ description: 'true or false: only in-app notifications of the caller, once each' }),
    unread: z
      .boolean()
      .optional()
      .meta({ description: 'true or false: with inbox, only what nobody has read, or has' }),
    status: z
      .array(status)
      .min(1)
      .max(4)
      .optional()
      .meta({
        description: `only of these: ${NOTIFICATION_STATUSES.join(', ')}`,
      }),
    channel: names.optional().meta({ description: 'only of this channel; may be repeated' }),
    receiver: names.optional().meta({ description: 'only of this receiver; may be repeated' }),
    reason: names.optional().meta({ description: 'only with this reason; may be repeated' }),
    alertId: ID.shape.id.optional().meta({ description: 'only of this alert' }),
    ...TENANT_FILTERS,
    ...paging(100, 1000),
    ...FORMAT,
  }),
  response: z
    .strictObject({
      ...shapes.OF_TIME,
      notifications: z.array(notification),
      unread,
      nextCursor: shapes.nextCursor,
    })
    .meta({ id: 'Notifications' }),
  table: ({ notifications }) => ({
    columns: Object.keys(notification.shape),
    rows: notifications.map((row) => ({
      ...row,
      content: row.content && JSON.stringify(row.content),
    })),
  }),
  async handle({ parts, query, scope, principal, nowMs }) {
    const cursor = query.cursor === undefined ? undefined : readCursor(query.cursor, query);
    const range = cursor
      ? checkedRange(cursor.range, nowMs, 'cursor')
      : rangeOf(lately(query), zoneOf(query, parts.zone), nowMs);
    const { limit, inbox, status, channel, receiver, reason, alertId } = query;
    const filter = {
      ...range,
      status,
      channel,
      receiver,
      reason,
      alertId,
      limit: limit + 1,
      after: cursor && positionOf(cursor),
    };
    const shown = narrow(scope, query);
    const reader = { ...readerOf(principal), scope: shown };
    const found = inbox
      ? await parts.notifications.inbox({ ...filter, unread: query.unread }, reader)
      : await parts.notifications.record(filter, shown);
    const page = found.slice(0, limit);
    const last = page.at(-1);
    const goesOn = last && found.length > page.length;
    const after = last && [last.at.getTime(), last.id, last.seq];
    return {
      ...shapes.ofTime(range),
      notifications: page,
      unread: await parts.notifications.unread(reader),
      nextCursor: goesOn && after ? cursorText({ range, after }, query) : undefined,
    };
  },
});

/** Of messages, more than the last minutes are wanted. */
function lately(query: RangeQuery): RangeQuery {
  const asked = query.from ?? query.to ?? query.last;
  return asked === undefined ? { ...query, last: '30d' } : query;
}

function readerOf({ role, subject, scope }: Context<unknown>['principal']) {
  return { role, subject, scope };
}

function positionOf({ after: [atMs, id, seq] }: Cursor): NotificationPosition {
  const isTime = typeof atMs === 'number' && atMs > 0 && atMs < 8.64e15;
  if (isTime && typeof id === 'string' && typeof seq === 'number') return { atMs, id, seq };
  throw refusal({
    parameter: 'cursor',
    reason: 'is not one that an answer has given',
    allowed: 'the nextCursor of an answer',
  });
}

export const readEndpoint = endpoint({
  path: '/api/performance/notifications/:id/read',
  methods: ['post'],
  summary: 'Mark an in-app notification of the caller as read, or with the id `all` every one',
  permission: 'read',
  params: ID,
  query: z.strictObject({}),
  response: z.strictObject({ read: z.number(), unread }).meta({ id: 'Read' }),
  changes: true,
  async handle({ parts, params: { id = '' }, principal }) {
    const reader = readerOf(principal);
    const read = await parts.notifications.markRead(id, reader);
    // What was just written may not be readable yet.
    return { read, unread: id === 'all' ? 0 : await parts.notifications.unread(reader) };
  },
});

export const receiversEndpoint = endpoint({
  path: '/api/performance/receivers',
  methods: ['get'],
  summary: 'Receivers and people as the file and the application name them, without addresses',
  permission: 'administer',
  query: z.strictObject({}),
  response: z
    .strictObject({
      file: text,
      loadedAt: shapes.time,
      problems: z.array(z.string()),
      receivers: z.array(
        z.strictObject({
          name: z.string(),
          channels: z.array(z.string()),
          people: z.array(z.string()),
        }),
      ),
      people: z.array(
        z.strictObject({
          name: z.string(),
          role: z.string(),
          organizationId: text,
          properties: z.array(z.string()).optional(),
        }),
      ),
    })
    .meta({ id: 'Receivers' }),
  handle: async ({ parts }) => parts.notifications.receivers(),
});
