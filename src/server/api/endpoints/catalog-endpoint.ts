import { createHash } from 'node:crypto';
import { z } from 'zod';
import { type CatalogMetric, queryMetricCatalog } from '../../../storage/queries/metric-catalog.ts';
import { defineEndpoint } from '../endpoint-definition.ts';
import { paginate } from '../request/pagination.ts';
import { toRequestQuery } from '../request/request-query.ts';
import {
  createPagingParameters,
  INCLUDE_TEST_PARAMETER,
  METRIC_TYPES,
  METRIC_TYPES_PARAMETER,
  ORIGIN_FILTER_PARAMETERS,
  RANGE_PARAMETERS,
  TENANT_FILTER_PARAMETERS,
} from '../schemas/query-parameters.ts';
import * as schemas from '../schemas/response-schemas.ts';

const catalogMetricSchema = z
  .strictObject({
    metricType: z.enum(METRIC_TYPES),
    name: schemas.optionalTextSchema,
    unit: schemas.optionalTextSchema,
    count: z.number(),
    lastSeen: schemas.timeSchema,
    services: z.array(z.string()),
  })
  .meta({
    id: 'CatalogMetric',
    description:
      'A metric with measurements in the time range. `services` are the 20 services with the most measurements.',
  });

export const catalogEndpoint = defineEndpoint({
  path: '/api/performance/catalog',
  methods: ['get'],
  summary: 'Lists the metrics in a time range with their units and services, by type and name.',
  permission: 'read',
  query: z.strictObject({
    ...RANGE_PARAMETERS,
    ...METRIC_TYPES_PARAMETER,
    ...ORIGIN_FILTER_PARAMETERS,
    ...TENANT_FILTER_PARAMETERS,
    ...INCLUDE_TEST_PARAMETER,
    ...createPagingParameters(100, 1000),
  }),
  response: z
    .strictObject({
      ...schemas.TIME_RANGE_FIELDS,
      metrics: z.array(catalogMetricSchema),
      nextCursor: schemas.nextCursorSchema,
    })
    .meta({ id: 'Catalog' }),
  async handle(context) {
    const { query, dependencies, nowMs } = context;
    const { dbQuery, groups, nextCursor } = await paginate(
      { query, nowMs, dbQuery: toRequestQuery(context).dbQuery, order: 'asc' },
      async (pinned) =>
        (await queryMetricCatalog(dependencies.queryClient, pinned, query.metricType)).map(
          (row) => ({ row, key: toSortKey(row), value: row.metricType }),
        ),
    );
    return { ...schemas.toTimeRangeFields(dbQuery.range), metrics: groups, nextCursor };
  },
});

/** Returns a key that sorts metrics of one type by name and unit. Long keys are shortened, because cursors contain them. */
function toSortKey({ name = '', unit = '' }: CatalogMetric): string {
  const text = `${name}\u0001${unit}`;
  if (text.length <= 500) return text;
  return `${text.slice(0, 400).toWellFormed()}${createHash('sha256').update(text).digest('hex')}`;
}
