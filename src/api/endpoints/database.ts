import { z } from 'zod';
import { databaseFigures } from '../../windows/database.ts';
import { endpoint } from '../endpoint.ts';
import { GROUPS_QUERY, groupsPage, groupsTable, workGroups } from '../groups-page.ts';
import { FILTERS, INCLUDE_TEST, RANGE } from '../parameters.ts';
import * as shapes from '../shapes.ts';

export const databaseEndpoint = endpoint({
  path: '/api/performance/database',
  methods: ['get'],
  summary: 'Database statements by fingerprint, connections and the share of slow ones',
  permission: 'read',
  query: z.strictObject({ ...RANGE, ...GROUPS_QUERY, ...FILTERS, ...INCLUDE_TEST }),
  response: z
    .strictObject({
      ...shapes.OF_TIME,
      figures: shapes.databaseFigures,
      statements: workGroups,
      nextCursor: shapes.nextCursor,
    })
    .meta({ id: 'Database', description: 'The endpoint of a group is its statement' }),
  table: ({ statements }, query) => groupsTable(statements, query.groupBy),
  async handle(context) {
    const { question, groups, nextCursor } = await groupsPage(context, {
      metricType: 'DATABASE_QUERY_TIME',
    });
    const figures = await databaseFigures(context.parts.store, question);
    return { ...shapes.ofTime(question.range), figures, statements: groups, nextCursor };
  },
});
