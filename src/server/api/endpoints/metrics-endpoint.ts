import { z } from 'zod';
import { PerformanceMetricType } from '../../../core/schema/enums.ts';
import {
  formatMicros,
  type MetricRow,
  queryMetricRows,
} from '../../../storage/queries/metric-rows.ts';
import { defineEndpoint } from '../endpoint-definition.ts';
import { createRequestError } from '../problem-details.ts';
import { formatCursor, parseCursor } from '../request/pagination.ts';
import { toRequestQuery } from '../request/request-query.ts';
import { checkTimeRange } from '../request/request-time-range.ts';
import {
  createPagingParameters,
  FILTER_PARAMETERS,
  FORMAT_PARAMETER,
  INCLUDE_TEST_PARAMETER,
  namesSchema,
  RANGE_PARAMETERS,
} from '../schemas/query-parameters.ts';
import * as shapes from '../schemas/response-schemas.ts';
import { parseJsonColumn } from '../schemas/response-schemas.ts';

const METRIC_TYPES = Object.keys(PerformanceMetricType) as [PerformanceMetricType];
const optionalTextSchema = z.string().optional();

const metricSchema = z
  .strictObject({
    at: z.string(),
    id: z.string(),
    metricType: optionalTextSchema,
    name: optionalTextSchema,
    value: shapes.optionalNumberSchema,
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
    duration: shapes.optionalNumberSchema,
    count: shapes.optionalNumberSchema,
    errorCount: shapes.optionalNumberSchema,
    abortedCount: shapes.optionalNumberSchema,
    sum: shapes.optionalNumberSchema,
    min: shapes.optionalNumberSchema,
    max: shapes.optionalNumberSchema,
    test: z.boolean(),
  })
  .meta({ id: 'Metric', description: 'One row of performance_metrics; durations in ms' });

export const metricsEndpoint = defineEndpoint({
  path: '/api/performance/metrics',
  methods: ['get'],
  summary: 'Single measurements, the newest first',
  permission: 'read',
  query: z.strictObject({
    ...RANGE_PARAMETERS,
    metricType: z
      .array(z.enum(METRIC_TYPES))
      .min(1)
      .max(METRIC_TYPES.length)
      .optional()
      .meta({ description: `only of these types: ${METRIC_TYPES.join(', ')}` }),
    name: namesSchema.optional().meta({ description: 'only of this name; may be repeated' }),
    userId: namesSchema.optional().meta({ description: 'only of this user; may be repeated' }),
    ...FILTER_PARAMETERS,
    ...INCLUDE_TEST_PARAMETER,
    ...createPagingParameters(100, 10_000),
    ...FORMAT_PARAMETER,
  }),
  response: z
    .strictObject({
      ...shapes.TIME_RANGE_FIELDS,
      metrics: z.array(metricSchema),
      nextCursor: shapes.nextCursorSchema,
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
    const { question } = toRequestQuery(context);
    const cursor = query.cursor === undefined ? undefined : parseCursor(query.cursor, query);
    const range = cursor ? checkTimeRange(cursor.range, nowMs, 'cursor') : question.range;
    const found = await queryMetricRows(
      dependencies.queryClient,
      { ...question, range },
      {
        metricTypes: query.metricType,
        names: query.name,
        userIds: query.userId,
        after: cursor && parseMetricPosition(cursor.after),
        limit: query.limit + 1,
      },
    );
    const shown = found.slice(0, query.limit);
    const last = shown.at(-1);
    const goesOn = last && found.length > shown.length;
    return {
      ...shapes.toTimeRangeFields(range),
      metrics: shown.map(toMetricView),
      nextCursor: goesOn
        ? formatCursor({ range, after: [last.micros, last.id] }, query)
        : undefined,
    };
  },
});

function parseMetricPosition([micros, id]: readonly unknown[]) {
  const known = typeof micros === 'number' && Number.isSafeInteger(micros) && micros > 0;
  if (known && micros < 8.64e18 && typeof id === 'string') return { micros, id };
  throw createRequestError({
    parameter: 'cursor',
    reason: 'is not one that an answer has given',
    allowed: 'the nextCursor of an answer',
  });
}

function toMetricView({ micros, tags, ...row }: MetricRow) {
  return { at: formatMicros(micros), ...row, tags: parseJsonColumn(tags) };
}
