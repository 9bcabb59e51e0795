import { z } from 'zod';
import { DEPLOY_SOURCES } from '../../../core/schema/tables/deploys-table.ts';
import {
  DURATION_STATISTICS,
  SHARE_STATISTICS,
} from '../../../core/statistics/sample-estimates.ts';
import { COMPARED_TYPES } from '../../../storage/queries/interval-histograms.ts';
import { COMPARISON_METHODS } from '../../alerts/deploys/comparison-times.ts';
import { DEPLOY_STATUSES } from '../../alerts/deploys/deploy-views.ts';
import { optionalTextSchema, timeSchema } from './response-schemas.ts';

export const findingSchema = z
  .strictObject({
    text: z.string(),
    type: z.enum(COMPARED_TYPES),
    endpoint: optionalTextSchema.meta({
      description: 'Endpoint, statement, queue, or host, depending on the type.',
    }),
    operation: optionalTextSchema,
    queueScope: optionalTextSchema,
    organization: optionalTextSchema.meta({
      description: 'Organization. Missing if the change is about all organizations.',
    }),
    statistic: z.enum([...DURATION_STATISTICS, ...SHARE_STATISTICS]).meta({
      description: 'Compared statistic. `typical` is the geometric mean.',
    }),
    verdict: z.enum(['regression', 'improvement', 'unchanged']),
    method: z.enum(COMPARISON_METHODS).meta({
      description:
        'Times of the measurements before the change. `concurrent`: in the same minutes as the measurements after the change. `overlapping`: only partly in the same minutes. `before` or `after`: in earlier or later minutes.',
    }),
    before: z.number().meta({ description: 'Value before, in ms, or a share from 0 to 1.' }),
    after: z.number().meta({ description: 'Value after, in ms, or a share from 0 to 1.' }),
    change: z.number().meta({
      description: 'Relative change of a duration, such as 0.34, or difference of a share.',
    }),
    lower: z.number().meta({ description: 'Lower end of the confidence interval of the change.' }),
    upper: z.number().meta({ description: 'Upper end of the confidence interval of the change.' }),
    countBefore: z.number(),
    countAfter: z.number(),
    look: z.number().meta({ description: 'Number of the comparison that found the change.' }),
    isRelative: z.boolean().optional().meta({
      description:
        'True if the change of the other series in the same time is subtracted from `change`.',
    }),
  })
  .meta({ id: 'VersionChange', description: 'A compared statistic of one series.' });

export const deploySchema = z
  .strictObject({
    id: z.string(),
    service: z.string(),
    environment: optionalTextSchema,
    version: z.string(),
    previousVersion: optionalTextSchema,
    sources: z.array(z.enum(DEPLOY_SOURCES)),
    startsAt: timeSchema,
    commit: optionalTextSchema,
    author: optionalTextSchema,
    url: optionalTextSchema,
    status: z.enum(DEPLOY_STATUSES).meta({
      description: '`ended` if a confirmed regression no longer exists.',
    }),
    comparedSeries: z.number().meta({
      description: 'Number of series with enough data in the last comparison.',
    }),
    endedAt: timeSchema.optional(),
    endReason: optionalTextSchema,
    findings: z.array(findingSchema),
  })
  .meta({ id: 'Deploy' });
