import { z } from 'zod';
import { INCIDENT_STATES } from '../../../core/schema/tables/incidents-table.ts';
import { CAUSE_KINDS } from '../../alerts/incidents/causes/cause.ts';
import { severitySchema } from './alert-schemas.ts';
import { optionalNumberSchema, optionalTextSchema, timeSchema } from './response-schemas.ts';

export const incidentStateSchema = z.enum(INCIDENT_STATES);

const causeSchema = z
  .strictObject({
    kind: z.enum(CAUSE_KINDS),
    subject: z
      .string()
      .meta({ description: 'The statement, host, queue, or endpoint that changed.' }),
    service: optionalTextSchema,
    text: z.string(),
    onsetAt: timeSchema.meta({ description: 'When the change began.' }),
    before: z.number().meta({ description: 'Mean before the change.' }),
    now: z.number().meta({ description: 'Mean since the change.' }),
    unit: z.enum(['ms', '%', '1/min', '1']),
    evidence: z.string().meta({
      description: 'Comparison with earlier hours. For a deploy, its time and its regressions.',
    }),
    deployId: optionalTextSchema.meta({ description: 'ID of the deploy that is the cause.' }),
  })
  .meta({ id: 'IncidentCause' });

const incidentAlertSchema = z
  .strictObject({
    id: z.string(),
    rule: z.string(),
    state: z.enum(['firing', 'acknowledged', 'resolved']),
    severity: severitySchema,
    labels: z.record(z.string(), z.string()),
    summary: z.string(),
    startedAt: timeSchema,
    endedAt: timeSchema.optional(),
  })
  .meta({ id: 'IncidentAlert' });

const affectedTenantSchema = z
  .strictObject({
    organizationId: optionalTextSchema,
    propertyId: optionalTextSchema,
    requests: z.number().meta({ description: 'Number of requests since the incident started.' }),
    failed: z.number(),
    averageMs: optionalNumberSchema,
  })
  .meta({ id: 'AffectedTenant' });

export const incidentSchema = z
  .strictObject({
    id: z.string(),
    state: incidentStateSchema,
    severity: severitySchema,
    title: z.string().meta({
      description: 'The likeliest cause, or the summary of the most severe alert.',
    }),
    acknowledged: z.boolean(),
    author: optionalTextSchema,
    comment: optionalTextSchema,
    labels: z.record(z.string(), z.string()).meta({ description: 'Labels that all alerts share.' }),
    services: z.array(z.string()),
    hosts: z.array(z.string()),
    queues: z.array(z.string()),
    organizations: z.array(z.string()),
    alertCount: z.number(),
    alerts: z.array(incidentAlertSchema),
    causes: z.array(causeSchema).meta({ description: 'Likely causes, with the likeliest first.' }),
    tenants: z.array(affectedTenantSchema),
    startedAt: timeSchema,
    resolvedAt: timeSchema.optional(),
    mergedInto: optionalTextSchema.meta({
      description: 'ID of the incident that contains the alerts.',
    }),
    splitFrom: optionalTextSchema.meta({
      description: 'ID of the incident from which this incident was separated.',
    }),
    reopenedCount: z.number(),
    link: z.string().meta({ description: 'Address of the incident in the web UI.' }),
  })
  .meta({ id: 'Incident' });

export const timelineEntrySchema = z
  .strictObject({
    at: timeSchema,
    kind: z.enum([
      'incident',
      'alert',
      'acknowledgment',
      'cause',
      'version',
      'restart',
      'notification',
    ]),
    text: z.string(),
    alertId: optionalTextSchema,
  })
  .meta({ id: 'TimelineEntry' });
