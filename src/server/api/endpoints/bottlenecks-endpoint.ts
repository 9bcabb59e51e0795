import { z } from 'zod';
import { queryBottlenecks } from '../../bottlenecks/query-bottlenecks.ts';
import { defineEndpoint } from '../endpoint-definition.ts';
import { toRequestQuery } from '../request/request-query.ts';
import {
  createFilterParameters,
  createGroupByParameter,
  ORIGIN_FILTER_PARAMETERS,
  RANGE_PARAMETERS,
  TENANT_FILTER_PARAMETERS,
  toDimensions,
  toNamedGroup,
} from '../schemas/query-parameters.ts';
import { TIME_RANGE_FIELDS, toTimeRangeFields } from '../schemas/response-schemas.ts';
import { bottleneckSchema } from '../schemas/suggestion-schemas.ts';

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1000;

export const bottlenecksEndpoint = defineEndpoint({
  path: '/api/performance/bottlenecks',
  methods: ['get'],
  summary:
    'Returns the part that limits the requests of each endpoint, with its share and its statement or host. Groups with the most total time come first.',
  permission: 'read',
  query: z.strictObject({
    ...RANGE_PARAMETERS,
    ...createGroupByParameter('service', 'endpoint', 'operation'),
    ...ORIGIN_FILTER_PARAMETERS,
    ...createFilterParameters('endpoint', 'operation'),
    ...TENANT_FILTER_PARAMETERS,
    limit: z
      .int()
      .min(1)
      .max(MAX_LIMIT)
      .default(DEFAULT_LIMIT)
      .meta({
        description: `Maximum number of groups: a whole number from 1 to ${MAX_LIMIT}.`,
      }),
  }),
  response: z
    .strictObject({ ...TIME_RANGE_FIELDS, bottlenecks: z.array(bottleneckSchema) })
    .meta({ id: 'Bottlenecks' }),
  async handle(context) {
    const { groupBy, limit } = context.query;
    const { dbQuery } = toRequestQuery(context);
    const found = await queryBottlenecks(context.dependencies.queryClient, {
      ...dbQuery,
      groupBy: toDimensions(groupBy),
    });
    const bottlenecks = found
      .slice(0, limit)
      .map((each) => ({ ...each, group: toNamedGroup(each.group) }));
    return { ...toTimeRangeFields(dbQuery.range), bottlenecks };
  },
});
