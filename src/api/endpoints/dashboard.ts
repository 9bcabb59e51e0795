import { z } from 'zod';
import { dashboard } from '../../windows/dashboard.ts';
import { endpoint } from '../endpoint.ts';
import { COMPARE, INCLUDE_TEST, ORIGIN_FILTERS, RANGE, TENANT_FILTERS } from '../parameters.ts';
import { askedBy } from '../question-of.ts';
import * as shapes from '../shapes.ts';

export const dashboardEndpoint = endpoint({
  path: '/api/performance/dashboard',
  methods: ['get'],
  summary: 'All main figures of a time, and how they have changed',
  permission: 'read',
  query: z.strictObject({
    ...RANGE,
    ...COMPARE,
    ...ORIGIN_FILTERS,
    ...TENANT_FILTERS,
    ...INCLUDE_TEST,
  }),
  response: z
    .strictObject({
      ...shapes.OF_TIME,
      api: shapes.requestFigures,
      database: shapes.databaseFigures,
      queues: z.array(shapes.queueFigures),
      systemHealth: z.array(shapes.healthFigures),
      trends: shapes.trends,
    })
    .meta({ id: 'Dashboard' }),
  handle(context) {
    const { question, zone } = askedBy(context);
    return dashboard(context.parts.store, question, zone, context.query.compare);
  },
});
