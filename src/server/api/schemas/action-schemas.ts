import { z } from 'zod';
import {
  DECISION_OUTCOME_STATUSES,
  DECISION_STATUSES,
} from '../../../core/schema/tables/rule-decisions-table.ts';
import { optionalNumberSchema, timeSchema } from './response-schemas.ts';

const optionalTextSchema = z.string().optional();

export const decisionStatusSchema = z.enum([...DECISION_STATUSES, ...DECISION_OUTCOME_STATUSES]);

const DECISION_FIELDS = {
  at: timeSchema,
  id: z.string(),
  seq: z.number(),
  rule: z.string(),
  event: z.string(),
  setting: z.string(),
  status: decisionStatusSchema,
  author: z.string(),
  value: z.number(),
  previous: z.number(),
  defaultValue: z.number(),
  facts: z.record(z.string(), z.number()),
  reason: z.string(),
  expiresAt: timeSchema.optional(),
  dryRun: z.boolean(),
  organizationId: optionalTextSchema,
  propertyId: optionalTextSchema,
};

export const decisionSchema = z.strictObject(DECISION_FIELDS).meta({
  id: 'Decision',
  description: 'What a business rule decided, or what became of it at `author`',
});

export const currentDecisionSchema = z
  .strictObject({ ...DECISION_FIELDS, remainingMs: z.number() })
  .meta({ id: 'CurrentDecision', description: 'A setting that is not at its default' });

export const forcedBreakerSchema = z
  .strictObject({ name: z.string(), alertId: z.string(), rule: z.string(), leaseMs: z.number() })
  .meta({ id: 'ForcedBreaker', description: 'Open for as long, unless it is said again' });

export const recommendationSchema = z
  .strictObject({
    kind: z.enum(['queue', 'service']),
    name: z.string(),
    desired: z.number(),
    current: optionalNumberSchema,
    arrivalRate: z.number(),
    processingTime: optionalNumberSchema,
    backlog: z.number(),
    reason: z.string(),
  })
  .meta({ id: 'Recommendation', description: 'Workers of a queue, or replicas of a service' });
