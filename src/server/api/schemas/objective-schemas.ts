import { z } from 'zod';
import { PerformanceMetricType } from '../../../core/schema/enums.ts';
import {
  OBJECTIVE_ALERTS,
  OBJECTIVE_KINDS,
  type ObjectiveKind,
} from '../../alerts/objectives/objective.ts';
import { OBJECTIVE_STATUSES } from '../../alerts/objectives/objective-status.ts';
import { optionalNumberSchema, optionalTextSchema, timeSchema } from './response-schemas.ts';

export const objectiveKindSchema = z.enum(
  Object.keys(OBJECTIVE_KINDS) as [ObjectiveKind, ...ObjectiveKind[]],
);
export const objectiveStatusSchema = z.enum(OBJECTIVE_STATUSES);
const labelsSchema = z.record(z.string(), z.string());

const burnRatesSchema = z
  .strictObject({
    fast: optionalNumberSchema,
    medium: optionalNumberSchema,
    slow: optionalNumberSchema,
  })
  .meta({
    id: 'BurnRates',
    description:
      'Burn rates: the lower value of the long and the short window of each alert. At 1, the budget lasts exactly for the period. Missing if there is too little data.',
  });

const objectiveGroupSchema = z
  .strictObject({
    labels: labelsSchema,
    status: objectiveStatusSchema,
    reason: optionalTextSchema.meta({ description: 'Why the status is `waiting`.' }),
    target: z.number().meta({ description: 'Required percentage of good events.' }),
    threshold: optionalNumberSchema.meta({ description: 'Longest good duration in ms.' }),
    good: z.number().meta({ description: 'Number of good events in the period.' }),
    total: z.number().meta({ description: 'Number of events in the period.' }),
    achieved: optionalNumberSchema.meta({ description: 'Percentage of good events.' }),
    budgetRemaining: optionalNumberSchema.meta({
      description: 'Percentage of the error budget that remains. Negative if it is exceeded.',
    }),
    eventsRemaining: optionalNumberSchema.meta({
      description: 'Number of events that can still fail. Negative if the budget is exceeded.',
    }),
    burnRates: burnRatesSchema,
    exhaustedAt: timeSchema.optional().meta({
      description:
        'When the budget runs out at the rate of the last 6 hours, or of the last 84 minutes for an objective over 7 days. Missing if it does not run out.',
    }),
    alerts: z.number().meta({ description: 'Number of firing burn-rate alerts.' }),
  })
  .meta({ id: 'ObjectiveGroup', description: 'The error budget of one group.' });

export const objectiveSchema = z
  .strictObject({
    name: z.string(),
    kind: objectiveKindSchema,
    description: optionalTextSchema,
    builtIn: z.boolean(),
    metricType: z.enum(PerformanceMetricType).optional(),
    target: z.number().meta({ description: 'Required percentage of good events.' }),
    threshold: optionalNumberSchema.meta({ description: 'Longest good duration in ms.' }),
    effectiveThreshold: optionalNumberSchema.meta({
      description:
        'For latency objectives: bound of the stored bucket that is closest to `threshold`, in ms.',
    }),
    window: z.number().meta({ description: 'Length of the period in ms.' }),
    filters: z.record(z.string(), z.array(z.string())),
    groupBy: z.array(z.string()),
    alerts: z.enum(OBJECTIVE_ALERTS),
    groups: z.array(objectiveGroupSchema).meta({
      description: 'The smallest remaining budget first, and groups without a budget last.',
    }),
    omittedGroups: z.number().meta({
      description:
        'Number of groups over the limit of 500, which have no error budget. Counts at most 10,000 groups.',
    }),
  })
  .meta({ id: 'Objective', description: 'An objective with the error budgets of its groups.' });

export const objectiveHistorySchema = z
  .strictObject({
    labels: labelsSchema,
    points: z.array(
      z.strictObject({
        at: timeSchema,
        budgetRemaining: optionalNumberSchema,
        burnRates: burnRatesSchema,
      }),
    ),
  })
  .meta({ id: 'ObjectiveHistory', description: 'Recorded budgets of one group, oldest first.' });
