import { z } from 'zod';
import { AlertSeverity } from '../../../core/schema/enums.ts';
import { ALERT_STATES } from '../../../core/schema/tables/alerts-table.ts';
import { optionalNumberSchema, optionalTextSchema, timeSchema } from './response-schemas.ts';

export const severitySchema = z.enum(AlertSeverity);
export const alertStateSchema = z.enum(ALERT_STATES);
const labelsSchema = z.record(z.string(), z.string());
const runbookSchema = optionalTextSchema.meta({
  description:
    'Link to the runbook. For a built-in rule without a public URL of the server, the path `/runbooks/NAME` on the server.',
});

const suppressionSchema = z.strictObject({
  reason: z.string().meta({
    description:
      'For example silenced. With duplicate, the alert was already sent, and will be sent again.',
  }),
  by: z.string().meta({
    description:
      'ID of a silence or of another alert, name of a maintenance window, or labels of the notification group, such as service=booking, organization=grand.',
  }),
  detail: z.string(),
  until: timeSchema.optional(),
});

export const alertSchema = z
  .strictObject({
    id: z.string(),
    rule: z.string(),
    state: alertStateSchema,
    severity: severitySchema,
    labels: labelsSchema,
    annotations: labelsSchema,
    runbook: runbookSchema,
    value: optionalNumberSchema,
    threshold: optionalNumberSchema,
    cause: optionalTextSchema,
    author: optionalTextSchema,
    comment: optionalTextSchema,
    startedAt: timeSchema,
    firedAt: timeSchema.optional(),
    changedAt: timeSchema,
    held: z
      .array(suppressionSchema)
      .meta({ description: 'Reasons why no message is sent now. Empty if one is sent.' }),
  })
  .meta({ id: 'Alert' });

export const transitionSchema = z
  .strictObject({
    at: timeSchema,
    seq: z.number(),
    state: alertStateSchema,
    severity: severitySchema,
    value: optionalNumberSchema,
    threshold: optionalNumberSchema,
    cause: optionalTextSchema,
    author: optionalTextSchema,
    comment: optionalTextSchema,
  })
  .meta({ id: 'AlertTransition' });

export const alertRuleSchema = z
  .strictObject({
    name: z.string(),
    state: z.enum(['inactive', 'pending', 'firing']),
    alerts: z.number(),
    thresholds: z.array(z.strictObject({ severity: severitySchema, threshold: z.number() })),
    direction: z.enum(['above', 'below']),
    labels: labelsSchema,
    runbook: runbookSchema,
    for: z.number(),
    interval: z.number(),
    evaluatedAt: timeSchema.optional(),
    durationMs: optionalNumberSchema,
    error: optionalTextSchema,
    failures: z.number(),
    target: z.boolean(),
    met: optionalNumberSchema.meta({
      description: 'For targets: percentage of the last 24 hours in which the target was met.',
    }),
  })
  .meta({ id: 'Rule', description: 'An alert rule. Durations are in ms.' });

export const silenceSchema = z
  .strictObject({
    id: z.string(),
    kind: z.enum(['silenced', 'maintenance']),
    matchers: z.array(z.string()),
    startsAt: timeSchema.optional(),
    endsAt: timeSchema.optional(),
    recurrence: z.looseObject({}).optional(),
    author: z.string(),
    comment: z.string(),
    organizationId: optionalTextSchema,
    propertyId: optionalTextSchema,
  })
  .meta({ id: 'Silence' });

/** Path parameters of endpoints for one alert, silence, or notification. */
export const ID_PARAMS_SCHEMA = z.strictObject({
  id: z
    .string()
    .regex(/^[\w-]{1,64}$/)
    .meta({ description: 'The `id` from the list.' }),
});
