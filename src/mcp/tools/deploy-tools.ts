import { z } from 'zod';
import {
  defineTool,
  nameSchema,
  RANGE_INPUT,
  SERVICE_INPUT,
  TENANT_INPUT,
  type Tool,
  toViewParameters,
} from '../tool.ts';

/** Tools for deploys and comparisons. */
export const DEPLOY_TOOLS: readonly Tool[] = [
  defineTool({
    name: 'list_deploys',
    title: 'Deploys',
    description: 'Lists deploys with their confirmed changes of durations and errors.',
    input: { ...RANGE_INPUT, ...SERVICE_INPUT },
    async run(client, input) {
      const data = await client.get('deploys', input);
      return { data, link: { path: '/deploys', parameters: toViewParameters(input) } };
    },
  }),
  defineTool({
    name: 'compare_versions',
    title: 'Compare two versions or two time ranges',
    description:
      'Compares two versions, or two time ranges, of a service: durations, errors, and the statistical evidence for each change. Default: the newest version with the one before it.',
    input: {
      service: nameSchema.describe('Name of the service.'),
      environment: nameSchema.optional().describe('Name of the environment.'),
      base: nameSchema.optional().describe('Earlier version.'),
      candidate: nameSchema.optional().describe('Later version.'),
      ...RANGE_INPUT,
      baseFrom: z
        .string()
        .optional()
        .describe('Start of the earlier time range, to compare two time ranges.'),
      baseTo: z.string().optional().describe('End of the earlier time range.'),
      ...TENANT_INPUT,
    },
    async run(client, { service, environment, ...input }) {
      const data = await client.get('compare', {
        ...input,
        service: [service],
        ...(environment !== undefined && { environment: [environment] }),
      });
      return { data, link: { path: '/deploys', parameters: toViewParameters(input) } };
    },
  }),
];
