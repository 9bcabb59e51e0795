import { z } from 'zod';
import {
  DECISION_OUTCOME_STATUSES,
  DECISION_STATUSES,
} from '../../../core/schema/tables/rule-decisions-table.ts';
import {
  optionalNumberSchema,
  optionalTextSchema,
  queueScopeSchema,
  timeSchema,
} from './response-schemas.ts';

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
  description:
    'A decision by a business rule, or the result of a decision as reported by `author`.',
});

export const currentDecisionSchema = z
  .strictObject({ ...DECISION_FIELDS, remainingMs: z.number() })
  .meta({
    id: 'CurrentDecision',
    description: 'A setting that a rule has changed from its default value.',
  });

export const forcedBreakerSchema = z
  .strictObject({ name: z.string(), alertId: z.string(), rule: z.string(), leaseMs: z.number() })
  .meta({
    id: 'ForcedBreaker',
    description: 'A circuit breaker that an alert keeps open for `leaseMs`, unless it is renewed.',
  });

export const recommendationSchema = z
  .strictObject({
    kind: z.enum(['queue', 'service']),
    name: z.string(),
    scope: queueScopeSchema,
    desired: z.number(),
    current: optionalNumberSchema,
    arrivalRate: z.number(),
    processingTime: optionalNumberSchema,
    backlog: z.number(),
    reason: z.string(),
  })
  .meta({
    id: 'Recommendation',
    description: 'Recommended number of workers for a queue, or of replicas for a service.',
  });
