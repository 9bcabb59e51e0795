import { z } from 'zod';
import { queryDashboard } from '../../../storage/queries/dashboard-query.ts';
import { defineEndpoint } from '../endpoint-definition.ts';
import { toRequestQuery } from '../request/request-query.ts';
import { toVisibleScope } from '../request/visible-scope.ts';
import {
  COMPARE_PARAMETER,
  INCLUDE_TEST_PARAMETER,
  ORIGIN_FILTER_PARAMETERS,
  RANGE_PARAMETERS,
  TENANT_FILTER_PARAMETERS,
} from '../schemas/query-parameters.ts';
import * as schemas from '../schemas/response-schemas.ts';

export const dashboardEndpoint = defineEndpoint({
  path: '/api/performance/dashboard',
  methods: ['get'],
  summary: 'Returns the main metrics of a time range, and how they changed.',
  permission: 'read',
  query: z.strictObject({
    ...RANGE_PARAMETERS,
    ...COMPARE_PARAMETER,
    ...ORIGIN_FILTER_PARAMETERS,
    ...TENANT_FILTER_PARAMETERS,
    ...INCLUDE_TEST_PARAMETER,
  }),
  response: z
    .strictObject({
      ...schemas.TIME_RANGE_FIELDS,
      api: schemas.requestStatsSchema,
      database: schemas.databaseStatsSchema,
      queues: z.array(schemas.queueStatsSchema),
      systemHealth: z.array(schemas.healthStatsSchema),
      trends: schemas.trendsSchema,
    })
    .meta({ id: 'Dashboard' }),
  async handle(context) {
    const { dbQuery, zone } = toRequestQuery(context);
    const { queryClient } = context.dependencies;
    const dashboard = await queryDashboard(queryClient, dbQuery, zone, context.query.compare);
    const queues = dashboard.queues.map((queue) => ({
      ...queue,
      scope: toVisibleScope(queue.scope, context.scope.hosts),
    }));
    return { ...dashboard, queues };
  },
});
