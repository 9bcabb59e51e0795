import { z } from 'zod';
import { HOUR_MS } from '../../../core/duration.ts';
import { narrowScope } from '../../../core/tenant-scope.ts';
import { defineEndpoint } from '../endpoint-definition.ts';
import { createRequestError } from '../problem-details.ts';
import { toDurationMs } from '../request/request-time-range.ts';
import { recommendationSchema } from '../schemas/action-schemas.ts';
import {
  createDurationSchema,
  createFilterParameters,
  QUEUE_SCOPE_PARAMETER,
  TENANT_FILTER_PARAMETERS,
} from '../schemas/query-parameters.ts';

const MAX_STABILIZATION_MS = HOUR_MS;
const MAX_COUNT = 10_000;

const createCountParameter = (defaultCount: number, min: number, description: string) =>
  z
    .int()
    .min(min)
    .max(MAX_COUNT)
    .default(defaultCount)
    .meta({ description: `${description}: a whole number from ${min} to ${MAX_COUNT}.` });

export const scalingEndpoint = defineEndpoint({
  path: '/api/performance/scaling',
  methods: ['get'],
  summary:
    "Returns the recommended numbers of queue workers and service replicas, in the format of KEDA's metrics-api scaler.",
  // Tenants must not see how many machines exist.
  permission: 'readHosts',
  query: z.strictObject({
    ...createFilterParameters('service', 'queue'),
    ...QUEUE_SCOPE_PARAMETER,
    ...TENANT_FILTER_PARAMETERS,
    targetWait: createDurationSchema('Maximum time that jobs should wait, such as 1m.').default(
      '1m',
    ),
    stabilization: createDurationSchema(
      'Time that demand must stay lower before the recommendation decreases, at most 1h.',
    ).default('5m'),
    concurrency: createCountParameter(1, 1, 'Number of jobs that a worker runs at once'),
    min: createCountParameter(1, 0, 'Minimum recommendation'),
    max: createCountParameter(100, 1, 'Maximum recommendation'),
  }),
  response: z
    .strictObject({
      value: z.number().meta({
        description: 'The highest recommendation, for scalers that expect a single number.',
      }),
      recommendations: z.array(recommendationSchema),
    })
    .meta({ id: 'Scaling' }),
  async handle({ dependencies, query, scope }) {
    const { queue, scope: queueScope, service, concurrency, min, max } = query;
    const stabilizationMs = toDurationMs(query.stabilization);
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
    const waitMs = toDurationMs(query.targetWait);
    const recommendations = await dependencies.actions.recommendScaling(
      { queue, queueScope, service, waitMs, concurrency, min, max, stabilizationMs },
      narrowScope(scope, query),
    );
    const value = Math.max(min, ...recommendations.map(({ desired }) => desired));
    return { value, recommendations };
  },
});
