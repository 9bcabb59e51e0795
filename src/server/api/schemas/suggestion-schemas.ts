import { z } from 'zod';
import { REQUEST_PART_NAMES } from '../../bottlenecks/request-part-table.ts';
import { EXPLAIN_DATABASES } from '../../suggestions/explain/explain-result.ts';
import { CONFIDENCES, EVIDENCE_UNITS, SUGGESTION_KINDS } from '../../suggestions/suggestion.ts';
import {
  groupSchema,
  optionalNumberSchema,
  optionalTextSchema,
  timeSchema,
} from './response-schemas.ts';

export const suggestionKindSchema = z.enum(SUGGESTION_KINDS);

export const dismissalSchema = z
  .strictObject({
    suggestionId: z.string(),
    kind: z.string(),
    title: z.string(),
    author: optionalTextSchema,
    comment: optionalTextSchema,
    dismissedAt: timeSchema,
    until: timeSchema.optional(),
    organizationId: optionalTextSchema,
    propertyId: optionalTextSchema,
  })
  .meta({
    id: 'Dismissal',
    description:
      'A dismissed suggestion. Without `until`, the dismissal has no end. Without `organizationId`, the suggestion is hidden from all users.',
  });

const planSchema = z
  .strictObject({
    database: z.enum(EXPLAIN_DATABASES),
    version: z.string(),
    summary: z.string(),
    cost: optionalNumberSchema,
    scans: z.array(
      z.strictObject({
        table: z.string(),
        rows: optionalNumberSchema,
        condition: optionalTextSchema,
      }),
    ),
    index: optionalTextSchema,
    plan: z.array(z.string()),
    at: timeSchema,
  })
  .meta({
    id: 'StatementPlan',
    description:
      'Plan of a statement without values. `cost` is an estimate of the database. `index` is the proposed statement.',
  });

export const suggestionSchema = z
  .strictObject({
    id: z.string(),
    kind: suggestionKindSchema,
    title: z.string(),
    service: optionalTextSchema,
    endpoint: optionalTextSchema,
    operation: optionalTextSchema,
    statement: optionalTextSchema,
    table: optionalTextSchema,
    pool: optionalTextSchema,
    queue: optionalTextSchema,
    queueScope: optionalTextSchema,
    jobType: optionalTextSchema,
    instance: optionalTextSchema,
    organizationId: optionalTextSchema,
    propertyId: optionalTextSchema,
    evidence: z.array(
      z.strictObject({ label: z.string(), value: z.number(), unit: z.enum(EVIDENCE_UNITS) }),
    ),
    from: timeSchema,
    to: timeSchema,
    firstSeen: timeSchema,
    lastSeen: timeSchema,
    gain: z.strictObject({
      text: z.string(),
      method: z.string(),
      ms: optionalNumberSchema,
      share: optionalNumberSchema,
    }),
    nextStep: z.strictObject({ text: z.string(), code: optionalTextSchema }),
    confidence: z.enum(CONFIDENCES),
    links: z.array(z.strictObject({ label: z.string(), path: z.string() })),
    isExplainable: z.boolean(),
    dismissal: dismissalSchema.optional(),
    plan: planSchema.optional(),
  })
  .meta({
    id: 'Suggestion',
    description:
      'A problem and its next step. The evidence is from `from` to `to`. Links are paths in the web UI. `gain.ms` is per request, job, or execution, and `gain.share` is in percent.',
  });

export const bottleneckSchema = z
  .strictObject({
    group: groupSchema,
    part: z.enum([...REQUEST_PART_NAMES, 'unclear']),
    text: z.string(),
    requests: z.number(),
    duration: optionalNumberSchema,
    time: optionalNumberSchema,
    share: optionalNumberSchema,
    operation: z
      .strictObject({ name: z.string(), share: z.number(), samples: z.number() })
      .optional(),
  })
  .meta({
    id: 'Bottleneck',
    description:
      'The part that limits a group of requests. `duration` and `time` are means in ms, and `share` is in percent. `operation` is the statement, host, queue, or pool with most of the time of the part in the kept requests.',
  });
