import { z } from 'zod';
import { PerformanceMetricType } from '../../core/schema/enums.ts';
import {
  COMPARE_INPUT,
  createLimitInput,
  defineTool,
  namesSchema,
  ORIGIN_INPUT,
  RANGE_INPUT,
  SERVICE_INPUT,
  TENANT_INPUT,
  type Tool,
  toViewParameters,
} from '../tool.ts';

const METRIC_TYPES = Object.keys(PerformanceMetricType) as [PerformanceMetricType];
const DIMENSIONS = z.enum([
  'service',
  'version',
  'environment',
  'endpoint',
  'operation',
  'queue',
  'organizationId',
  'propertyId',
]);

/** Tools to find names, and to query metrics over time. */
export const METRIC_TOOLS: readonly Tool[] = [
  defineTool({
    name: 'get_context',
    title: 'Time, time zone, and access',
    description:
      'Returns the current time and the time zone of the server, and the organization and permissions of the caller. Use it to convert times such as "last night" to from and to.',
    input: {},
    async run(client) {
      return { data: await client.get('me') };
    },
  }),
  defineTool({
    name: 'list_values',
    title: 'Names to filter by',
    description:
      'Lists the values of a dimension, such as services, endpoints, queues, or organizations, most frequent first.',
    input: {
      ...RANGE_INPUT,
      dimension: DIMENSIONS,
      search: z.string().optional().describe('Only values that contain this text.'),
      ...SERVICE_INPUT,
      ...TENANT_INPUT,
      ...createLimitInput('values', 50),
    },
    async run(client, input) {
      return { data: await client.get('values', input) };
    },
  }),
  defineTool({
    name: 'list_metrics',
    title: 'Metrics',
    description:
      'Lists the metrics that have data, with types, units, and services. Custom metrics have the type CUSTOM.',
    input: {
      ...RANGE_INPUT,
      metricType: z.array(z.enum(METRIC_TYPES)).min(1).optional(),
      ...SERVICE_INPUT,
      ...createLimitInput('metrics', 50),
    },
    async run(client, input) {
      return { data: await client.get('catalog', input), link: { path: '/explore' } };
    },
  }),
  defineTool({
    name: 'query_metric',
    title: 'A metric over time',
    description:
      'Returns a metric over time, and a summary of each group. Durations are in ms, usage is in percent.',
    input: {
      ...RANGE_INPUT,
      ...COMPARE_INPUT,
      ...ORIGIN_INPUT,
      metricType: z.enum(METRIC_TYPES).default('API_RESPONSE_TIME'),
      name: namesSchema.describe('Names of metrics, for the type CUSTOM.'),
      aggregate: z
        .array(
          z.enum([
            'count',
            'rate',
            'average',
            'errorRate',
            'min',
            'max',
            'p50',
            'p90',
            'p95',
            'p99',
            'last',
            'sum',
          ]),
        )
        .min(1)
        .max(4)
        .default(['rate', 'p95', 'errorRate'])
        .describe('Use `last` for gauges, such as queue depths.'),
      endpoint: namesSchema.describe('Only these endpoints, hosts, or statements.'),
      operation: namesSchema.describe('Only these operations, such as GET.'),
      queue: namesSchema.describe('Only these queues.'),
      groupBy: z.array(DIMENSIONS).max(3).optional().describe('One series for each group.'),
      step: z
        .string()
        .regex(/^[1-9]\d{0,4}[smhd]$/)
        .optional()
        .describe('Time between two points, such as 5m. Default: chosen for the range.'),
      ...createLimitInput('series', 5),
    },
    async run(client, input) {
      const { metricType, aggregate } = input;
      const parameters = { ...toViewParameters(input), metricType, aggregate };
      const data = await client.get('trends', input);
      return { data, link: { path: '/explore', parameters } };
    },
  }),
  defineTool({
    name: 'list_events',
    title: 'Deploys, restarts, and alerts over time',
    description: 'Lists new versions, restarts, and fired alerts in a time range, oldest first.',
    input: { ...RANGE_INPUT, ...SERVICE_INPUT, ...TENANT_INPUT },
    async run(client, input) {
      const data = await client.get('marks', input);
      return { data, link: { path: '/', parameters: toViewParameters(input) } };
    },
  }),
];
