import { z } from 'zod';
import type { TenantScope } from '../../../core/tenant-scope.ts';
import {
  formatMicros,
  METRIC_ROW_ORDERS,
  type MetricRow,
  queryMetricRows,
} from '../../../storage/queries/metric-rows.ts';
import { defineEndpoint } from '../endpoint-definition.ts';
import {
  cutPage,
  parseMicrosPosition,
  parsePageStart,
  parseValuePosition,
} from '../request/pagination.ts';
import { toRequestQuery } from '../request/request-query.ts';
import {
  createNameFilter,
  createPagingParameters,
  FILTER_PARAMETERS,
  FORMAT_PARAMETER,
  INCLUDE_TEST_PARAMETER,
  METRIC_TYPES_PARAMETER,
  RANGE_PARAMETERS,
} from '../schemas/query-parameters.ts';
import * as schemas from '../schemas/response-schemas.ts';

const { optionalTextSchema } = schemas;

const metricSchema = z
  .strictObject({
    at: z.string(),
    id: z.string(),
    metricType: optionalTextSchema,
    name: optionalTextSchema,
    value: schemas.optionalNumberSchema,
    unit: optionalTextSchema,
    endpoint: optionalTextSchema,
    operation: optionalTextSchema,
    service: optionalTextSchema,
    version: optionalTextSchema,
    environment: optionalTextSchema,
    instance: optionalTextSchema,
    organizationId: optionalTextSchema,
    propertyId: optionalTextSchema,
    userId: optionalTextSchema,
    tags: z.unknown(),
    duration: schemas.optionalNumberSchema,
    count: schemas.optionalNumberSchema,
    errorCount: schemas.optionalNumberSchema,
    abortedCount: schemas.optionalNumberSchema,
    sum: schemas.optionalNumberSchema,
    min: schemas.optionalNumberSchema,
    max: schemas.optionalNumberSchema,
    test: z.boolean(),
  })
  .meta({ id: 'Metric', description: 'One row of performance_metrics. Durations are in ms.' });

export const metricsEndpoint = defineEndpoint({
  path: '/api/performance/metrics',
  methods: ['get'],
  summary: 'Lists individual measurements, newest or largest first.',
  permission: 'read',
  query: z.strictObject({
    ...RANGE_PARAMETERS,
    ...METRIC_TYPES_PARAMETER,
    name: createNameFilter('metric name'),
    userId: createNameFilter('user'),
    minValue: z.number().optional().meta({
      description: 'Limits the response to rows whose value is greater than this number.',
    }),
    maxValue: z.number().optional().meta({
      description: 'Limits the response to rows whose value is at most this number.',
    }),
    failed: z.boolean().optional().meta({
      description:
        'If true, returns only failed requests, calls, and statements, and intervals with failures. If false, returns only the others.',
    }),
    sort: z.enum(METRIC_ROW_ORDERS).default('at').meta({
      description:
        'Order of the rows: at (newest first) or value (largest first, without rows that have no value).',
    }),
    ...FILTER_PARAMETERS,
    ...INCLUDE_TEST_PARAMETER,
    ...createPagingParameters(100, 10_000),
    ...FORMAT_PARAMETER,
  }),
  response: z
    .strictObject({
      ...schemas.TIME_RANGE_FIELDS,
      metrics: z.array(metricSchema),
      nextCursor: schemas.nextCursorSchema,
    })
    .meta({ id: 'Metrics' }),
  toTable: ({ metrics }) => ({
    columns: Object.keys(metricSchema.shape),
    rows: metrics.map((row) => ({
      ...row,
      tags: row.tags === undefined ? undefined : JSON.stringify(row.tags),
    })),
  }),
  async handle(context) {
    const { query, dependencies, nowMs } = context;
    const { dbQuery } = toRequestQuery(context);
    const { range, after } = parsePageStart(query, nowMs, () => dbQuery.range);
    const isByValue = query.sort === 'value';
    const rows = await queryMetricRows(
      dependencies.queryClient,
      { ...dbQuery, range },
      {
        metricTypes: query.metricType,
        names: query.name,
        userIds: query.userId,
        minValue: query.minValue,
        maxValue: query.maxValue,
        failed: query.failed,
        sort: query.sort,
        after: after && (isByValue ? parseValuePosition(after) : parseMicrosPosition(after)),
        limit: query.limit + 1,
      },
    );
    const { page, nextCursor } = cutPage(rows, range, query, ({ sortValue = 0, micros, id }) =>
      isByValue ? [sortValue, micros, id] : [micros, id],
    );
    return {
      ...schemas.toTimeRangeFields(range),
      metrics: page.map((row) => toMetricView(row, context.scope)),
      nextCursor,
    };
  },
});

function toMetricView(
  { micros, sortValue: _, tags, instance, ...row }: MetricRow,
  { hosts }: TenantScope,
) {
  return {
    at: formatMicros(micros),
    ...row,
    instance: hosts ? instance : undefined,
    tags: schemas.parseJsonColumn(tags),
  };
}
