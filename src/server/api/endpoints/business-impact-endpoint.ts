import { z } from 'zod';
import { narrowScope } from '../../../core/tenant-scope.ts';
import { getRangeLengthMs } from '../../../storage/queries/time-range.ts';
import type { ImpactAnalysis } from '../../business-impact/analyze-impact.ts';
import {
  computeBusinessImpact,
  MAX_IMPACT_RANGE_MS,
} from '../../business-impact/business-impact-service.ts';
import { IMPACT_STATISTICS } from '../../business-impact/impact-query.ts';
import { defineEndpoint } from '../endpoint-definition.ts';
import { createRequestError } from '../problem-details.ts';
import { getTimeZone, parseTimeRange } from '../request/request-time-range.ts';
import {
  createFilterParameters,
  RANGE_PARAMETERS,
  TENANT_FILTER_PARAMETERS,
} from '../schemas/query-parameters.ts';
import {
  optionalNumberSchema,
  optionalTextSchema,
  TIME_RANGE_FIELDS,
  toTimeRangeFields,
} from '../schemas/response-schemas.ts';

const DEFAULT_LAST = '14d';

const sourceSchema = z
  .string()
  .min(1)
  .max(600)
  .regex(/^\P{Cc}*$/u);

const ratioSchema = z
  .strictObject({ ratio: z.number(), lower: z.number(), upper: z.number(), pValue: z.number() })
  .meta({
    id: 'ImpactRatio',
    description:
      'Ratio of the outcomes per exposure to the ratio in fast intervals, with its interval of 95 % confidence.',
  });

const bandSchema = z
  .strictObject({
    from: z.number().meta({ description: 'Lowest latency in ms.' }),
    to: optionalNumberSchema.meta({ description: 'Missing in the slowest band.' }),
    intervals: z.number(),
    outcome: z.number(),
    exposure: z.number(),
    rate: z.number().meta({ description: 'Outcomes per exposure, without a correction.' }),
    relative: ratioSchema.optional(),
  })
  .meta({ id: 'LatencyBand' });

const resultSchema = z
  .strictObject({
    organizationId: optionalTextSchema.meta({ description: 'Missing for all visible tenants.' }),
    status: z.enum(['waiting', 'fewer', 'more', 'noDifference']),
    sentences: z.array(z.string()),
    missing: z.array(z.string()),
    intervals: z.number(),
    outcome: z.number(),
    exposure: z.number(),
    slowFrom: optionalNumberSchema.meta({ description: 'Lowest latency of the slow intervals.' }),
    slow: ratioSchema.optional(),
    trend: z.strictObject({ pValue: z.number(), direction: z.enum(['fewer', 'more']) }).optional(),
    associated: z
      .strictObject({ count: z.number(), lower: z.number(), upper: z.number() })
      .optional()
      .meta({ description: 'Outcomes that are associated with slow intervals.' }),
    bands: z.array(bandSchema),
  })
  .meta({ id: 'ImpactResult' });

export const businessImpactEndpoint = defineEndpoint({
  path: '/api/performance/business-impact',
  methods: ['get'],
  summary:
    'Compares outcomes, such as bookings, between fast and slow intervals of 10 minutes. An association is not a cause.',
  permission: 'read',
  query: z.strictObject({
    ...RANGE_PARAMETERS,
    ...TENANT_FILTER_PARAMETERS,
    ...createFilterParameters('service'),
    outcome: sourceSchema.optional().meta({
      description:
        'Successful requests, such as `POST /bookings`, or a metric, such as `metric:bookings`. Default: the most frequent write.',
      example: 'POST /bookings',
    }),
    exposure: sourceSchema.optional().meta({
      description:
        'Requests, such as `GET /rooms`, or `requests` or `activeUsers`. Default: the most frequent read.',
      example: 'GET /rooms',
    }),
    latency: sourceSchema.optional().meta({
      description: 'Requests whose latency counts. Default: the requests of `exposure`.',
      example: 'GET /rooms',
    }),
    statistic: z
      .enum(IMPACT_STATISTICS)
      .default('p95')
      .meta({ description: 'Statistic of the latency.' }),
  }),
  response: z
    .strictObject({
      ...TIME_RANGE_FIELDS,
      selection: z
        .strictObject({
          service: z.string(),
          outcome: z.string(),
          exposure: z.string(),
          latency: z.string(),
        })
        .optional()
        .meta({ description: 'Missing if there is nothing to compare.' }),
      results: z.array(resultSchema),
      choices: z.array(
        z
          .strictObject({
            service: z.string(),
            endpoints: z.array(z.string()),
            metrics: z.array(z.string()),
          })
          .meta({ id: 'ImpactChoices' }),
      ),
      note: z.string(),
    })
    .meta({ id: 'BusinessImpact' }),
  async handle({ dependencies, query, scope, nowMs }) {
    const { from, to, last = from === undefined ? DEFAULT_LAST : undefined } = query;
    const zone = getTimeZone(query, dependencies.zone);
    const range = parseTimeRange({ from, to, last }, zone, nowMs);
    if (getRangeLengthMs(range) > MAX_IMPACT_RANGE_MS) {
      throw createRequestError({
        parameter: from === undefined ? 'last' : 'from',
        reason: 'is too long',
        allowed: 'up to 31d',
      });
    }
    const impact = await computeBusinessImpact(
      dependencies.queryClient,
      query,
      range,
      narrowScope(scope, query),
      zone,
    );
    const { selection, choices, note } = impact;
    return {
      ...toTimeRangeFields(impact.range),
      selection,
      choices,
      note,
      results: impact.results.map(({ organizationId, sentences, analysis }) => ({
        organizationId,
        sentences,
        ...toResult(analysis),
      })),
    };
  },
});

function toResult({ slowFromMs, bands, ...analysis }: ImpactAnalysis) {
  return {
    ...analysis,
    slowFrom: slowFromMs,
    bands: bands.map(({ fromMs, toMs, ...band }) => ({ from: fromMs, to: toMs, ...band })),
  };
}
