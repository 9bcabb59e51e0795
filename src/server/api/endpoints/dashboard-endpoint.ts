import { z } from 'zod';
import { queryDashboard } from '../../../storage/queries/dashboard-query.ts';
import { defineEndpoint } from '../endpoint-definition.ts';
import { toRequestQuery } from '../request/request-query.ts';
import {
  COMPARE_PARAMETER,
  INCLUDE_TEST_PARAMETER,
  ORIGIN_FILTER_PARAMETERS,
  RANGE_PARAMETERS,
  TENANT_FILTER_PARAMETERS,
} from '../schemas/query-parameters.ts';
import * as shapes from '../schemas/response-schemas.ts';

export const dashboardEndpoint = defineEndpoint({
  path: '/api/performance/dashboard',
  methods: ['get'],
  summary: 'All main figures of a time, and how they have changed',
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
      ...shapes.TIME_RANGE_FIELDS,
      api: shapes.requestStatsSchema,
      database: shapes.databaseStatsSchema,
      queues: z.array(shapes.queueStatsSchema),
      systemHealth: z.array(shapes.healthStatsSchema),
      trends: shapes.trendsSchema,
    })
    .meta({ id: 'Dashboard' }),
  handle(context) {
    const { question, zone } = toRequestQuery(context);
    return queryDashboard(context.dependencies.queryClient, question, zone, context.query.compare);
  },
});
