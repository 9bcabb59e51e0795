import { z } from 'zod';
import { ALERT_STATES } from '../schema/alerts.ts';
import { AlertSeverity } from '../schema/metric-type.ts';
import { figure, time } from './shapes.ts';

const text = z.string().optional();
export const severity = z.enum(AlertSeverity);
export const state = z.enum(ALERT_STATES);
const labels = z.record(z.string(), z.string());

const held = z.strictObject({
  reason: z.string(),
  by: z.string(),
  detail: z.string(),
  until: time.optional(),
});

export const alert = z
  .strictObject({
    id: z.string(),
    rule: z.string(),
    state,
    severity,
    labels,
    annotations: labels,
    runbook: text,
    value: figure,
    threshold: figure,
    cause: text,
    author: text,
    comment: text,
    startedAt: time,
    firedAt: time.optional(),
    changedAt: time,
    held: z.array(held).meta({ description: 'Why nobody is told of it now; none: it is told' }),
  })
  .meta({ id: 'Alert' });

export const transition = z
  .strictObject({
    at: time,
    seq: z.number(),
    state,
    severity,
    value: figure,
    threshold: figure,
    cause: text,
    author: text,
    comment: text,
  })
  .meta({ id: 'AlertTransition' });

export const rule = z
  .strictObject({
    name: z.string(),
    state: z.enum(['inactive', 'pending', 'firing']),
    alerts: z.number(),
    thresholds: z.array(z.strictObject({ severity, threshold: z.number() })),
    direction: z.enum(['above', 'below']),
    labels,
    runbook: text,
    for: z.number(),
    interval: z.number(),
    evaluatedAt: time.optional(),
    durationMs: figure,
    error: text,
    failures: z.number(),
    target: z.boolean(),
    met: figure.meta({ description: 'Of a target: percent of the last day in which it was met' }),
  })
  .meta({ id: 'Rule', description: 'Times in ms' });

export const silence = z
  .strictObject({
    id: z.string(),
    kind: z.enum(['silenced', 'maintenance']),
    matchers: z.array(z.string()),
    startsAt: time.optional(),
    endsAt: time.optional(),
    recurrence: z.looseObject({}).optional(),
    author: z.string(),
    comment: z.string(),
    organizationId: text,
    propertyId: text,
  })
  .meta({ id: 'Silence' });

/** The id of an alert or of a silence. */
export const ID = z.strictObject({
  id: z
    .string()
    .regex(/^[\w-]{1,64}$/)
    .meta({ description: 'as the list shows it' }),
});
