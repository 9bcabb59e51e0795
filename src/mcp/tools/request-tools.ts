import { z } from 'zod';
import { REQUEST_SAMPLE_METRIC_NAME } from '../../core/request-sample-row.ts';
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

const GROUP_BY = z.enum([
  'service',
  'version',
  'environment',
  'endpoint',
  'operation',
  'organizationId',
  'propertyId',
]);
const groupBySchema = z.array(GROUP_BY).min(1).max(5);

const SORT = z.enum(['count', 'rate', 'errorCount', 'errorRate', 'average', 'p50', 'p95', 'p99']);
const sortInput = { sort: SORT.default('count').describe('Largest values first.') };

/** Tools for requests, statements, outgoing calls, queues, and errors. */
export const REQUEST_TOOLS: readonly Tool[] = [
  defineTool({
    name: 'get_overview',
    title: 'Overview',
    description:
      'Returns the main metrics of a time range: requests, errors, durations, database, queues, hosts, and active alerts. Start here.',
    input: { ...RANGE_INPUT, ...COMPARE_INPUT, ...ORIGIN_INPUT },
    async run(client, input) {
      const data = await client.get('dashboard', input);
      return { data, link: { path: '/', parameters: toViewParameters(input) } };
    },
  }),
  defineTool({
    name: 'list_endpoints',
    title: 'Endpoints',
    description:
      'Lists request metrics by endpoint, or by other dimensions: rate, errors, and percentiles in ms. Also returns where the time was spent: database, outgoing calls, queues, waits, and own code.',
    input: {
      ...RANGE_INPUT,
      ...COMPARE_INPUT,
      ...ORIGIN_INPUT,
      endpoint: namesSchema.describe('Only these endpoints, such as /api/bookings/:id.'),
      groupBy: groupBySchema
        .default(['service', 'operation', 'endpoint'])
        .describe('For example ["organizationId"] to compare tenants.'),
      ...sortInput,
      ...createLimitInput('groups'),
    },
    async run(client, input) {
      const data = await client.get('endpoints', { ...input, order: 'desc' });
      const parameters = { ...toViewParameters(input), service: input.service };
      return { data, link: { path: '/services', parameters } };
    },
  }),
  defineTool({
    name: 'list_slow_requests',
    title: 'Slow and failed requests',
    description:
      'Lists individual slow or failed requests with their operations, slowest first. Perfscope stores a sample of these requests.',
    input: {
      ...RANGE_INPUT,
      ...ORIGIN_INPUT,
      endpoint: namesSchema.describe('Only these endpoints.'),
      failed: z.boolean().optional().describe('Only failed (true) or only successful requests.'),
      ...createLimitInput('requests', 10),
    },
    async run(client, input) {
      const { metrics, ...data } = await client.get('metrics', {
        ...input,
        name: [REQUEST_SAMPLE_METRIC_NAME],
        sort: 'value',
      });
      const link = { path: '/services', parameters: toViewParameters(input) };
      // An assistant doesn't need to know who sent a request.
      return { data: { ...data, requests: metrics.map(({ userId: _, ...each }) => each) }, link };
    },
  }),
  defineTool({
    name: 'list_statements',
    title: 'Database statements',
    description:
      'Lists metrics of database statements: rate, errors, and durations in ms. The endpoint of a group is the text of the statement without values.',
    input: {
      ...RANGE_INPUT,
      ...COMPARE_INPUT,
      ...ORIGIN_INPUT,
      ...sortInput,
      ...createLimitInput('statements'),
    },
    async run(client, input) {
      const data = await client.get('database', { ...input, order: 'desc' });
      return { data, link: { path: '/databases', parameters: toViewParameters(input) } };
    },
  }),
  defineTool({
    name: 'list_outgoing_calls',
    title: 'Outgoing calls',
    description:
      'Lists metrics of calls to other hosts: rate, durations in ms, and errors by kind, such as refused or timeout.',
    input: {
      ...RANGE_INPUT,
      ...COMPARE_INPUT,
      ...ORIGIN_INPUT,
      ...sortInput,
      ...createLimitInput('hosts'),
    },
    async run(client, input) {
      const data = await client.get('outgoing', { ...input, order: 'desc' });
      return { data, link: { path: '/outgoing', parameters: toViewParameters(input) } };
    },
  }),
  defineTool({
    name: 'list_queues',
    title: 'Queues',
    description:
      'Lists queues with depth, oldest job, waits, processing times, failures, and the share of each tenant.',
    input: {
      ...RANGE_INPUT,
      ...ORIGIN_INPUT,
      queue: namesSchema.describe('Only these queues.'),
    },
    async run(client, input) {
      const data = await client.get('queues', input);
      return { data, link: { path: '/queues', parameters: toViewParameters(input) } };
    },
  }),
  defineTool({
    name: 'list_errors',
    title: 'Errors',
    description:
      'Lists errors by fingerprint with message, stack trace, number of occurrences, and first and last time.',
    input: {
      ...RANGE_INPUT,
      ...SERVICE_INPUT,
      endpoint: namesSchema.describe('Only these endpoints.'),
      ...TENANT_INPUT,
      sort: z.enum(['count', 'firstSeen', 'lastSeen']).default('count'),
      ...createLimitInput('errors', 10),
    },
    async run(client, input) {
      const data = await client.get('errors', { ...input, order: 'desc' });
      return { data, link: { path: '/errors', parameters: toViewParameters(input) } };
    },
  }),
];
