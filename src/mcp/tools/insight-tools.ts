import { z } from 'zod';
import {
  createLimitInput,
  defineTool,
  nameSchema,
  namesSchema,
  ORIGIN_INPUT,
  RANGE_INPUT,
  SERVICE_INPUT,
  TENANT_INPUT,
  type Tool,
  toViewParameters,
} from '../tool.ts';

/** Tools for suggestions, bottlenecks, anomalies, forecasts, and the effect of slowness. */
export const INSIGHT_TOOLS: readonly Tool[] = [
  defineTool({
    name: 'list_suggestions',
    title: 'Suggestions',
    description:
      'Lists known performance problems in a time range: evidence, expected gain, and next step. Default range: 1 hour, maximum: 7 days.',
    input: { ...RANGE_INPUT, ...SERVICE_INPUT, ...TENANT_INPUT },
    async run(client, input) {
      const data = await client.get('suggestions', input);
      return { data, link: { path: '/suggestions', parameters: toViewParameters(input) } };
    },
  }),
  defineTool({
    name: 'list_bottlenecks',
    title: 'Bottlenecks',
    description:
      'Lists the part that limits each endpoint: database, outgoing calls, queue calls, waits, or own code. Returns its share of the time.',
    input: {
      ...RANGE_INPUT,
      ...ORIGIN_INPUT,
      endpoint: namesSchema.describe('Only these endpoints.'),
      groupBy: z
        .array(
          z.enum(['service', 'version', 'operation', 'endpoint', 'organizationId', 'propertyId']),
        )
        .min(1)
        .max(5)
        .optional()
        .describe('Default: service, operation, and endpoint.'),
      ...createLimitInput('groups'),
    },
    async run(client, input) {
      const data = await client.get('bottlenecks', input);
      return { data, link: { path: '/services', parameters: toViewParameters(input) } };
    },
  }),
  defineTool({
    name: 'list_anomalies',
    title: 'Unusual values',
    description:
      'Lists series whose newest values are outside of their normal values for this hour of the week.',
    input: { ...TENANT_INPUT },
    async run(client, input) {
      return { data: await client.get('anomalies', input), link: { path: '/' } };
    },
  }),
  defineTool({
    name: 'list_forecasts',
    title: 'Forecasts',
    description:
      'Lists when disks, memory, pools, queues, request rates, and error budgets reach their limits. Each forecast has an interval and its error in the past.',
    input: {
      kind: z
        .array(z.enum(['disk', 'memory', 'pool', 'queue', 'requestRate', 'errorBudget']))
        .min(1)
        .optional(),
      ...SERVICE_INPUT,
      ...TENANT_INPUT,
    },
    async run(client, input) {
      return { data: await client.get('forecasts', input), link: { path: '/forecasts' } };
    },
  }),
  defineTool({
    name: 'compare_outcomes',
    title: 'Business outcomes by latency',
    description:
      'Compares a business outcome, such as bookings, in fast and slow intervals of each tenant, with confidence intervals. It shows an association, not a cause.',
    input: {
      ...RANGE_INPUT,
      ...TENANT_INPUT,
      ...SERVICE_INPUT,
      outcome: nameSchema
        .optional()
        .describe(
          'Successful requests, such as "POST /bookings", or a metric, such as "metric:bookings". The result lists the choices.',
        ),
      exposure: nameSchema
        .optional()
        .describe('Requests, such as "GET /rooms", or "requests", or "activeUsers".'),
      latency: nameSchema
        .optional()
        .describe('Requests whose latency counts, such as "GET /rooms".'),
    },
    async run(client, input) {
      const data = await client.get('businessImpact', input);
      return { data, link: { path: '/business', parameters: toViewParameters(input) } };
    },
  }),
];
