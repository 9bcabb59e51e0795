import { z } from 'zod';
import { narrowScope } from '../../../core/tenant-scope.ts';
import { defineEndpoint } from '../endpoint-definition.ts';
import { createRequestError } from '../problem-details.ts';
import { parseDuration } from '../request/request-time-range.ts';
import { recommendationSchema } from '../schemas/action-schemas.ts';
import {
  createDurationSchema,
  createFilterParameters,
  TENANT_FILTER_PARAMETERS,
} from '../schemas/query-parameters.ts';

const MAX_STABILIZATION_MS = 3_600_000;
const MAX_COUNT = 10_000;

const createCountParameter = (fallback: number, least: number, what: string) =>
  z
    .int()
    .min(least)
    .max(MAX_COUNT)
    .default(fallback)
    .meta({ description: `a whole number from ${least} to ${MAX_COUNT}: ${what}` });

export const scalingEndpoint = defineEndpoint({
  path: '/api/performance/scaling',
  methods: ['get'],
  summary:
    "Recommended workers of queues and replicas of services, in the form of KEDA's metrics-api scaler",
  // How many machines there are is nothing of a tenant.
  permission: 'readHosts',
  query: z.strictObject({
    ...createFilterParameters('service', 'queue'),
    ...TENANT_FILTER_PARAMETERS,
    targetWait: createDurationSchema('how long work should wait at most').default('1m'),
    stabilization: createDurationSchema('how long a smaller need must last, up to 1h').default(
      '5m',
    ),
    concurrency: createCountParameter(1, 1, 'pieces of work that one does at once'),
    min: createCountParameter(1, 0, 'recommended at least'),
    max: createCountParameter(100, 1, 'recommended at most'),
  }),
  response: z
    .strictObject({
      value: z.number().meta({
        description: 'The greatest that is recommended, for a scaler that wants one number',
      }),
      recommendations: z.array(recommendationSchema),
    })
    .meta({ id: 'Scaling' }),
  async handle({ dependencies, query, scope }) {
    const { queue, service, concurrency, min, max } = query;
    const stabilizationMs = parseDuration(query.stabilization);
    if (stabilizationMs > MAX_STABILIZATION_MS) {
      throw createRequestError({
        parameter: 'stabilization',
        reason: 'is too long',
        allowed: 'up to 1h',
      });
    }
    if (min > max) {
      throw createRequestError({
        parameter: 'min',
        reason: 'is above max',
        allowed: `0 to ${max}`,
      });
    }
    const waitMs = parseDuration(query.targetWait);
    const ask = { queue, service, waitMs, concurrency, min, max, stabilizationMs };
    const recommendations = await dependencies.actions.recommendScaling(
      ask,
      narrowScope(scope, query),
    );
    const value = Math.max(min, ...recommendations.map(({ desired }) => desired));
    return { value, recommendations };
  },
});
