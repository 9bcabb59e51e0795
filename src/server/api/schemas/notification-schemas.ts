import { z } from 'zod';
import { NOTIFICATION_STATUSES } from '../../../core/schema/tables/notifications-table.ts';
import { alertStateSchema, severitySchema } from './alert-schemas.ts';
import { optionalNumberSchema, optionalTextSchema, timeSchema } from './response-schemas.ts';

export const notificationStatusSchema = z.enum(NOTIFICATION_STATUSES);

const contentSchema = z.strictObject({
  status: z.enum(['firing', 'resolved']),
  total: z.number(),
  alerts: z.array(
    z.strictObject({
      id: z.string(),
      rule: z.string(),
      state: alertStateSchema,
      severity: severitySchema,
      summary: z.string(),
      tenant: optionalTextSchema,
    }),
  ),
  incident: z.strictObject({ id: z.string(), cause: optionalTextSchema }).optional(),
});

export const notificationSchema = z
  .strictObject({
    at: timeSchema,
    id: z.string(),
    seq: z.number(),
    alertId: optionalTextSchema,
    receiver: optionalTextSchema,
    channel: optionalTextSchema,
    recipient: optionalTextSchema,
    status: notificationStatusSchema,
    reason: optionalTextSchema,
    detail: optionalTextSchema,
    kind: optionalTextSchema,
    level: optionalNumberSchema,
    attempt: optionalNumberSchema,
    content: contentSchema.optional(),
    organizationId: optionalTextSchema,
    propertyId: optionalTextSchema,
    readAt: timeSchema.optional(),
  })
  .meta({
    id: 'Notification',
    description:
      'An attempt to send a notification, or the reason why none was sent. `content` summarizes the message.',
  });
