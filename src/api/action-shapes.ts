import { z } from 'zod';
import { DECISION_STATUSES, OUTCOME_STATUSES } from '../schema/rule-decisions.ts';
import { figure, time } from './shapes.ts';

const text = z.string().optional();

export const decisionStatus = z.enum([...DECISION_STATUSES, ...OUTCOME_STATUSES]);

const DECISION = {
  at: time,
  id: z.string(),
  seq: z.number(),
  rule: z.string(),
  event: z.string(),
  setting: z.string(),
  status: decisionStatus,
  author: z.string(),
  value: z.number(),
  previous: z.number(),
  defaultValue: z.number(),
  facts: z.record(z.string(), z.number()),
  reason: z.string(),
  expiresAt: time.optional(),
  dryRun: z.boolean(),
  organizationId: text,
  propertyId: text,
};

export const decision = z.strictObject(DECISION).meta({
  id: 'Decision',
  description: 'What a business rule decided, or what became of it at `author`',
});

export const currentDecision = z
  .strictObject({ ...DECISION, remainingMs: z.number() })
  .meta({ id: 'CurrentDecision', description: 'A setting that is not at its default' });

export const forcedBreaker = z
  .strictObject({ name: z.string(), alertId: z.string(), rule: z.string(), leaseMs: z.number() })
  .meta({ id: 'ForcedBreaker', description: 'Open for as long, unless it is said again' });

export const recommendation = z
  .strictObject({
    kind: z.enum(['queue', 'service']),
    name: z.string(),
    desired: z.number(),
    current: figure,
    arrivalRate: z.number(),
    processingTime: figure,
    backlog: z.number(),
    reason: z.string(),
  })
  .meta({ id: 'Recommendation', description: 'Workers of a queue, or replicas of a service' });
