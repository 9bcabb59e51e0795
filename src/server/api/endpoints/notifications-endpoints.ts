import { z } from 'zod';
import { NOTIFICATION_STATUSES } from '../../../core/schema/tables/notifications-table.ts';
import { narrowScope } from '../../../core/tenant-scope.ts';
import { defineEndpoint, type EndpointContext } from '../endpoint-definition.ts';
import { cutPage, getRowKeys, parsePageStart, parseRowPosition } from '../request/pagination.ts';
import {
  getTimeZone,
  parseTimeRange,
  type TimeRangeParameters,
} from '../request/request-time-range.ts';
import { ID_PARAMS_SCHEMA } from '../schemas/alert-schemas.ts';
import { notificationSchema, notificationStatusSchema } from '../schemas/notification-schemas.ts';
import {
  createNameFilter,
  createPagingParameters,
  FORMAT_PARAMETER,
  RANGE_PARAMETERS,
  TENANT_FILTER_PARAMETERS,
} from '../schemas/query-parameters.ts';
import * as schemas from '../schemas/response-schemas.ts';

const { optionalTextSchema } = schemas;
const unreadSchema = z.number().meta({
  description: "Number of unread in-app notifications for the caller or the caller's role.",
});

export const notificationsEndpoint = defineEndpoint({
  path: '/api/performance/notifications',
  methods: ['get'],
  summary:
    "Lists sent and suppressed notifications with reasons, newest first. With inbox=true, lists the caller's in-app notifications.",
  permission: 'read',
  query: z.strictObject({
    ...RANGE_PARAMETERS,
    inbox: z.boolean().default(false).meta({
      description:
        "Whether to return only the caller's in-app notifications, each once: true or false.",
    }),
    unread: z.boolean().optional().meta({
      description:
        'With inbox=true: whether to return only unread (true) or only read (false) notifications.',
    }),
    status: z
      .array(notificationStatusSchema)
      .min(1)
      .max(4)
      .optional()
      .meta({
        description: `Statuses to return: one or more of ${NOTIFICATION_STATUSES.join(', ')}.`,
      }),
    channel: createNameFilter('channel'),
    receiver: createNameFilter('receiver'),
    reason: createNameFilter('reason'),
    alertId: ID_PARAMS_SCHEMA.shape.id
      .optional()
      .meta({ description: 'Limits the response to this alert.' }),
    ...TENANT_FILTER_PARAMETERS,
    ...createPagingParameters(100, 1000),
    ...FORMAT_PARAMETER,
  }),
  response: z
    .strictObject({
      ...schemas.TIME_RANGE_FIELDS,
      notifications: z.array(notificationSchema),
      unread: unreadSchema,
      nextCursor: schemas.nextCursorSchema,
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
    const { range, after } = parsePageStart(query, nowMs, () =>
      parseTimeRange(withDefaultRange(query), getTimeZone(query, dependencies.zone), nowMs),
    );
    const { limit, inbox, status, channel, receiver, reason, alertId } = query;
    const filter = {
      ...range,
      status,
      channel,
      receiver,
      reason,
      alertId,
      limit: limit + 1,
      after: after && parseRowPosition(after),
    };
    const narrowed = narrowScope(scope, query);
    const reader = { ...toReader(principal), scope: narrowed };
    const notifications = inbox
      ? await dependencies.notifications.listInbox({ ...filter, unread: query.unread }, reader)
      : await dependencies.notifications.listNotifications(filter, narrowed);
    const { page, nextCursor } = cutPage(notifications, range, query, getRowKeys);
    return {
      ...schemas.toTimeRangeFields(range),
      notifications: page,
      unread: await dependencies.notifications.countUnread(reader),
      nextCursor,
    };
  },
});

/** Defaults to 30 days, because the usual 15 minutes contain few notifications. */
function withDefaultRange(query: TimeRangeParameters): TimeRangeParameters {
  const hasRange = (query.from ?? query.to ?? query.last) !== undefined;
  return hasRange ? query : { ...query, last: '30d' };
}

function toReader({ role, subject, scope }: EndpointContext<unknown>['principal']) {
  return { role, subject, scope };
}

export const readEndpoint = defineEndpoint({
  path: '/api/performance/notifications/:id/read',
  methods: ['post'],
  summary:
    "Marks one of the caller's in-app notifications as read, or all of them if the id is `all`.",
  permission: 'read',
  params: ID_PARAMS_SCHEMA,
  query: z.strictObject({}),
  response: z.strictObject({ read: z.number(), unread: unreadSchema }).meta({ id: 'Read' }),
  isMutating: true,
  async handle({ dependencies, params: { id = '' }, principal }) {
    const reader = toReader(principal);
    const read = await dependencies.notifications.markRead(id, reader);
    // With `all`, doesn't query the count: the new rows might not be visible yet.
    return {
      read,
      unread: id === 'all' ? 0 : await dependencies.notifications.countUnread(reader),
    };
  },
});

export const receiversEndpoint = defineEndpoint({
  path: '/api/performance/receivers',
  methods: ['get'],
  summary:
    'Lists receivers and people from the configuration file and the application, without addresses.',
  permission: 'administer',
  query: z.strictObject({}),
  response: z
    .strictObject({
      file: optionalTextSchema,
      loadedAt: schemas.timeSchema,
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

const testReceiverBodySchema = z.strictObject({
  organizationId: optionalTextSchema.meta({
    description: 'Organization of the sample alert. People receive only alerts of their tenants.',
  }),
  propertyId: optionalTextSchema.meta({ description: 'Property of the sample alert.' }),
});

export const testReceiverEndpoint = defineEndpoint({
  path: '/api/performance/receivers/:id/test',
  methods: ['post'],
  summary:
    'Sends a sample alert through each channel of a receiver now, and reports the results. `id` is the name of the receiver.',
  operation: 'testReceiver',
  permission: 'administer',
  params: z.strictObject({ id: z.string().min(1).max(200) }),
  body: testReceiverBodySchema,
  query: z.strictObject({}),
  response: z
    .strictObject({
      receiver: z.string(),
      results: z
        .array(
          z.strictObject({
            channel: z.string(),
            recipient: optionalTextSchema.meta({ description: 'A masked address, or a host.' }),
            status: z.enum(['delivered', 'failed']),
            detail: optionalTextSchema.meta({
              description: 'Why the message failed, or what the channel reported.',
            }),
          }),
        )
        .meta({ description: 'Empty if nobody receives alerts of this tenant.' }),
    })
    .meta({ id: 'ReceiverTest' }),
  isMutating: true,
  async handle({ dependencies, params: { id: receiver = '' }, body, principal, address }) {
    const tenant = testReceiverBodySchema.parse(body);
    const outcomes = await dependencies.notifications.testReceiver(receiver, tenant);
    const results = outcomes.map(({ status, ...result }) => ({
      ...result,
      status: status === 'delivered' ? ('delivered' as const) : ('failed' as const),
    }));
    dependencies.access.audit({
      author: principal.subject,
      address,
      action: 'receiver.test',
      object: receiver,
      ...tenant,
      detail: { results: results.map(({ channel, status }) => `${channel} ${status}`) },
    });
    return { receiver, results };
  },
});
