import { z } from 'zod';
import { narrow } from '../../schema/scope.ts';
import { recommendation } from '../action-shapes.ts';
import { endpoint } from '../endpoint.ts';
import { filters, length, TENANT_FILTERS } from '../parameters.ts';
import { refusal } from '../refusal.ts';
import { lengthOf } from '../time-range.ts';

const LONGEST_MS = 3_600_000;
const MOST = 10_000;

const count = (fallback: number, least: number, what: string) =>
  z
    .int()
    .min(least)
    .max(MOST)
    .default(fallback)
    .meta({ description: `a whole number from ${least} to ${MOST}: ${what}` });

export const scalingEndpoint = endpoint({
  path: '/api/performance/scaling',
  methods: ['get'],
  summary:
    "Recommended workers of queues and replicas of services, in the form of KEDA's metrics-api scaler",
  // How many machines there are is nothing of a tenant.
  permission: 'readHosts',
  query: z.strictObject({
    ...filters('service', 'queue'),
    ...TENANT_FILTERS,
    targetWait: length('how long work should wait at most').default('1m'),
    stabilization: length('how long a smaller need must last, up to 1h').default('5m'),
    concurrency: count(1, 1, 'pieces of work that one does at once'),
    min: count(1, 0, 'recommended at least'),
    max: count(100, 1, 'recommended at most'),
  }),
  response: z
    .strictObject({
      value: z.number().meta({
        description: 'The greatest that is recommended, for a scaler that wants one number',
      }),
      recommendations: z.array(recommendation),
    })
    .meta({ id: 'Scaling' }),
  async handle({ parts, query, scope }) {
    const { queue, service, concurrency, min, max } = query;
    const stabilizationMs = lengthOf(query.stabilization);
    if (stabilizationMs > LONGEST_MS) {
      throw refusal({ parameter: 'stabilization', reason: 'is too long', allowed: 'up to 1h' });
    }
    if (min > max) {
      throw refusal({ parameter: 'min', reason: 'is above max', allowed: `0 to ${max}` });
    }
    const waitMs = lengthOf(query.targetWait);
    const ask = { queue, service, waitMs, concurrency, min, max, stabilizationMs };
    const recommendations = await parts.actions.scaling(ask, narrow(scope, query));
    const value = Math.max(min, ...recommendations.map(({ desired }) => desired));
    return { value, recommendations };
  },
});
