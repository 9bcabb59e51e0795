import { z } from 'zod';
import { ALERT_STATES } from '../../../core/schema/tables/alerts-table.ts';
import { NOTIFICATION_STATUSES } from '../../../core/schema/tables/notifications-table.ts';
import { narrowScope } from '../../../core/tenant-scope.ts';
import type { NotificationPosition } from '../../notifications/notification-views.ts';
import { defineEndpoint, type EndpointContext } from '../endpoint-definition.ts';
import { createRequestError } from '../problem-details.ts';
import { type Cursor, formatCursor, parseCursor } from '../request/pagination.ts';
import {
  checkTimeRange,
  getTimeZone,
  parseTimeRange,
  type TimeRangeParameters,
} from '../request/request-time-range.ts';
import { ID_PARAMS_SCHEMA, severitySchema } from '../schemas/alert-schemas.ts';
import {
  createPagingParameters,
  FORMAT_PARAMETER,
  namesSchema,
  RANGE_PARAMETERS,
  TENANT_FILTER_PARAMETERS,
} from '../schemas/query-parameters.ts';
import * as shapes from '../schemas/response-schemas.ts';

const optionalTextSchema = z.string().optional();
const statusSchema = z.enum(NOTIFICATION_STATUSES);

const contentSchema = z.strictObject({
  status: z.enum(['firing', 'resolved']),
  total: z.number(),
  alerts: z.array(
    z.strictObject({
      id: z.string(),
      rule: z.string(),
      state: z.enum(ALERT_STATES),
      severity: severitySchema,
      summary: z.string(),
    }),
  ),
});

const notificationSchema = z
  .strictObject({
    at: shapes.timeSchema,
    id: z.string(),
    seq: z.number(),
    alertId: optionalTextSchema,
    receiver: optionalTextSchema,
    channel: optionalTextSchema,
    recipient: optionalTextSchema,
    status: statusSchema,
    reason: optionalTextSchema,
    detail: optionalTextSchema,
    kind: optionalTextSchema,
    level: shapes.optionalNumberSchema,
    attempt: shapes.optionalNumberSchema,
    content: contentSchema.optional(),
    organizationId: optionalTextSchema,
    propertyId: optionalTextSchema,
    readAt: shapes.timeSchema.optional(),
  })
  .meta({
    id: 'Notification',
    description:
      'One attempt to deliver a message, or why there is none; `content` is what it says',
  });

const unreadSchema = z.number().meta({
  description: 'In-app notifications of the caller, or of its role, that nobody has read',
});

export const notificationsEndpoint = defineEndpoint({
  path: '/api/performance/notifications',
  methods: ['get'],
  summary:
    'Who was told of what, and why not, the newest first; with inbox=true, what is for the caller',
  permission: 'read',
  query: z.strictObject({
    ...RANGE_PARAMETERS,
    inbox: z
      .boolean()
      .default(false)
      .meta({ description: 'true or false: only in-app notifications of the caller, once each' }),
    unread: z
      .boolean()
      .optional()
      .meta({ description: 'true or false: with inbox, only what nobody has read, or has' }),
    status: z
      .array(statusSchema)
      .min(1)
      .max(4)
      .optional()
      .meta({
        description: `only of these: ${NOTIFICATION_STATUSES.join(', ')}`,
      }),
    channel: namesSchema.optional().meta({ description: 'only of this channel; may be repeated' }),
    receiver: namesSchema
      .optional()
      .meta({ description: 'only of this receiver; may be repeated' }),
    reason: namesSchema.optional().meta({ description: 'only with this reason; may be repeated' }),
    alertId: ID_PARAMS_SCHEMA.shape.id.optional().meta({ description: 'only of this alert' }),
    ...TENANT_FILTER_PARAMETERS,
    ...createPagingParameters(100, 1000),
    ...FORMAT_PARAMETER,
  }),
  response: z
    .strictObject({
      ...shapes.TIME_RANGE_FIELDS,
      notifications: z.array(notificationSchema),
      unread: unreadSchema,
      nextCursor: shapes.nextCursorSchema,
    })
    .meta({ id: 'Notifications' }),
  toTable: ({ notifications }) => ({
    columns: Object.keys(notificationSchema.shape),
    rows: notifications.map((row) => ({
      ...row,
      content: row.content && JSON.stringify(row.content),
    })),
  }),
  async handle({ dependencies, query, scope, principal, nowMs }) {
    const cursor = query.cursor === undefined ? undefined : parseCursor(query.cursor, query);
    const range = cursor
      ? checkTimeRange(cursor.range, nowMs, 'cursor')
      : parseTimeRange(withDefaultRange(query), getTimeZone(query, dependencies.zone), nowMs);
    const { limit, inbox, status, channel, receiver, reason, alertId } = query;
    const filter = {
      ...range,
      status,
      channel,
      receiver,
      reason,
      alertId,
      limit: limit + 1,
      after: cursor && parseNotificationPosition(cursor),
    };
    const shown = narrowScope(scope, query);
    const reader = { ...toReader(principal), scope: shown };
    const found = inbox
      ? await dependencies.notifications.listInbox({ ...filter, countUnread: query.unread }, reader)
      : await dependencies.notifications.listNotifications(filter, shown);
    const page = found.slice(0, limit);
    const last = page.at(-1);
    const goesOn = last && found.length > page.length;
    const after = last && [last.at.getTime(), last.id, last.seq];
    return {
      ...shapes.toTimeRangeFields(range),
      notifications: page,
      unread: await dependencies.notifications.unread(reader),
      nextCursor: goesOn && after ? formatCursor({ range, after }, query) : undefined,
    };
  },
});

/** Of messages, more than the last minutes are wanted. */
function withDefaultRange(query: TimeRangeParameters): TimeRangeParameters {
  const asked = query.from ?? query.to ?? query.last;
  return asked === undefined ? { ...query, last: '30d' } : query;
}

function toReader({ role, subject, scope }: EndpointContext<unknown>['principal']) {
  return { role, subject, scope };
}

function parseNotificationPosition({ after: [atMs, id, seq] }: Cursor): NotificationPosition {
  const isTime = typeof atMs === 'number' && atMs > 0 && atMs < 8.64e15;
  if (isTime && typeof id === 'string' && typeof seq === 'number') return { atMs, id, seq };
  throw createRequestError({
    parameter: 'cursor',
    reason: 'is not one that an answer has given',
    allowed: 'the nextCursor of an answer',
  });
}

export const readEndpoint = defineEndpoint({
  path: '/api/performance/notifications/:id/read',
  methods: ['post'],
  summary: 'Mark an in-app notification of the caller as read, or with the id `all` every one',
  permission: 'read',
  params: ID_PARAMS_SCHEMA,
  query: z.strictObject({}),
  response: z.strictObject({ read: z.number(), unread: unreadSchema }).meta({ id: 'Read' }),
  isMutating: true,
  async handle({ dependencies, params: { id = '' }, principal }) {
    const reader = toReader(principal);
    const read = await dependencies.notifications.markRead(id, reader);
    // What was just written may not be readable yet.
    return { read, unread: id === 'all' ? 0 : await dependencies.notifications.unread(reader) };
  },
});

export const receiversEndpoint = defineEndpoint({
  path: '/api/performance/receivers',
  methods: ['get'],
  summary: 'Receivers and people as the file and the application name them, without addresses',
  permission: 'administer',
  query: z.strictObject({}),
  response: z
    .strictObject({
      file: optionalTextSchema,
      loadedAt: shapes.timeSchema,
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
          organizationId: optionalTextSchema,
          properties: z.array(z.string()).optional(),
        }),
      ),
    })
    .meta({ id: 'Receivers' }),
  handle: async ({ dependencies }) => dependencies.notifications.getReceivers(),
});
