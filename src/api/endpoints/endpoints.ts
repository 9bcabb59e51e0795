import { z } from 'zod';
import { endpoint } from '../endpoint.ts';
import { GROUPS_QUERY, groupsPage, groupsTable, workGroups } from '../groups-page.ts';
import { FILTERS, INCLUDE_TEST, RANGE } from '../parameters.ts';
import * as shapes from '../shapes.ts';

export const endpointsEndpoint = endpoint({
  path: '/api/performance/endpoints',
  methods: ['get'],
  summary: 'Requests by endpoint, or by any other names',
  permission: 'read',
  query: z.strictObject({ ...RANGE, ...GROUPS_QUERY, ...FILTERS, ...INCLUDE_TEST }),
  response: z
    .strictObject({ ...shapes.OF_TIME, endpoints: workGroups, nextCursor: shapes.nextCursor })
    .meta({ id: 'Endpoints' }),
  table: ({ endpoints }, query) => groupsTable(endpoints, query.groupBy),
  async handle(context) {
    const { question, groups, nextCursor } = await groupsPage(context, {
      metricType: 'API_RESPONSE_TIME',
    });
    return { ...shapes.ofTime(question.range), endpoints: groups, nextCursor };
  },
});
