import { z } from 'zod';
import { createError } from '../../../core/perfscope-error.ts';
import type { AlignedComparison } from '../../../storage/queries/comparison.ts';
import { queryTrends } from '../../../storage/queries/dashboard-query.ts';
import {
  AGGREGATES,
  querySeries,
  type Series,
  type SeriesPoint,
} from '../../../storage/queries/metric-series.ts';
import { toGroupKey } from '../../../storage/queries/query-definition.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import { defineEndpoint } from '../endpoint-definition.ts';
import { type RequestQuery, toRequestQuery } from '../request/request-query.ts';
import { formatStep } from '../request/request-time-range.ts';
import {
  APDEX_TARGET_PARAMETER,
  COMPARE_PARAMETER,
  createNameFilter,
  FILTER_PARAMETERS,
  FORMAT_PARAMETER,
  INCLUDE_TEST_PARAMETER,
  METRIC_DIMENSION_NAMES,
  METRIC_TYPES,
  RANGE_PARAMETERS,
  STEP_PARAMETER,
  toNamedGroup,
} from '../schemas/query-parameters.ts';
import * as schemas from '../schemas/response-schemas.ts';
import { planSeries, type SeriesParameters } from './series-plan.ts';

/** Maximum number of points in a response: about 10 MB. */
const MAX_POINTS = 60_000;
const trendGroupSchema = z
  .strictObject({ ...schemas.groupSchema.shape, name: schemas.optionalTextSchema })
  .meta({
    id: 'TrendGroup',
    description:
      'Dimension values of a group, and the name of its metric. A missing dimension means rows without that value.',
  });

const trendPointSchema = z
  .strictObject({
    at: schemas.timeSchema,
    ...(Object.fromEntries(
      AGGREGATES.map((name) => [name, schemas.optionalNumberSchema]),
    ) as Record<(typeof AGGREGATES)[number], typeof schemas.optionalNumberSchema>),
  })
  .meta({ id: 'TrendPoint', description: 'A time bucket that starts at `at`.' });

export const trendsEndpoint = defineEndpoint({
  path: '/api/performance/trends',
  methods: ['get'],
  summary:
    'Returns a metric over time, optionally with an earlier time range, and a summary of changes.',
  permission: 'read',
  query: z.strictObject({
    ...RANGE_PARAMETERS,
    ...STEP_PARAMETER,
    ...COMPARE_PARAMETER,
    metricType: z.enum(METRIC_TYPES).default('API_RESPONSE_TIME'),
    name: createNameFilter('metric name'),
    aggregate: z
      .array(z.enum(AGGREGATES))
      .min(1)
      .max(AGGREGATES.length)
      .default(['rate', 'average', 'errorRate', 'p95'])
      .meta({ description: `Aggregates to return: one or more of ${AGGREGATES.join(', ')}.` }),
    groupBy: z
      .array(z.enum(METRIC_DIMENSION_NAMES))
      .max(METRIC_DIMENSION_NAMES.length)
      .optional()
      .meta({
        description: `Dimensions to group by, one series per group: ${METRIC_DIMENSION_NAMES.join(', ')}.`,
      }),
    limit: z.int().min(1).max(100).default(20).meta({
      description:
        'Maximum number of series, 1 to 100. Series with the most measurements come first.',
    }),
    ...APDEX_TARGET_PARAMETER,
    ...FILTER_PARAMETERS,
    ...INCLUDE_TEST_PARAMETER,
    ...FORMAT_PARAMETER,
  }),
  response: z
    .strictObject({
      ...schemas.TIME_RANGE_FIELDS,
      metricType: z.enum(METRIC_TYPES),
      step: z.string(),
      timeZone: z.string(),
      ...schemas.NOTES_FIELD,
      series: z.array(
        z.strictObject({
          group: trendGroupSchema,
          points: z.array(trendPointSchema),
          compared: z.array(trendPointSchema).optional().meta({
            description: 'Points of the earlier time range, shifted to the current time range.',
          }),
        }),
      ),
      omittedSeries: z.int().meta({ description: 'Number of groups beyond the limit.' }),
      summary: schemas.trendsSchema,
    })
    .meta({ id: 'TrendsAnswer' }),
  toTable: ({ series }, { groupBy = [], aggregate }) => ({
    columns: [...groupBy, 'at', 'compared', ...aggregate],
    rows: series.flatMap(({ group, points, compared = [] }) =>
      [
        ...points.map((point) => ({ ...point, compared: false })),
        ...compared.map((point) => ({ ...point, compared: true })),
      ].map((row) => ({ ...group, ...row })),
    ),
  }),
  async handle(context) {
    const { query, dependencies } = context;
    const requestQuery = toRequestQuery(context);
    const { dbQuery, zone } = requestQuery;
    const [series, summary] = await Promise.all([
      buildSeriesResponse(dependencies.queryClient, requestQuery, query),
      queryTrends(dependencies.queryClient, dbQuery, query.compare ?? 'previous', zone),
    ]);
    return {
      ...schemas.toTimeRangeFields(dbQuery.range),
      metricType: query.metricType,
      ...series,
      summary,
    };
  },
});

/**
 * Queries a metric type's series for the time range and, if requested, for the range to compare
 * with.
 */
async function buildSeriesResponse(
  queryClient: QueryClient,
  requestQuery: RequestQuery,
  query: SeriesParameters,
) {
  const plan = await planSeries(queryClient, requestQuery, query);
  const { step, notes, comparison, selection } = plan;
  const [current, previous] = await Promise.all([
    querySeries(queryClient, plan.current, selection),
    plan.compared ? querySeries(queryClient, plan.compared, selection) : [],
  ]);
  const previousByGroup = new Map(previous.map((series) => [toGroupKey(series.group), series]));
  const currentGroups = new Set(current.map(({ group }) => toGroupKey(group)));
  const onlyPrevious = previous.filter(({ group }) => !currentGroups.has(toGroupKey(group)));
  const all: Series[] = [...current, ...onlyPrevious.map((series) => ({ ...series, points: [] }))];
  const series = all.slice(0, query.limit).map(({ group, points }) => ({
    group: { ...toNamedGroup(group), name: group.name },
    points: points.map(toTrendPoint),
    compared:
      comparison &&
      previousByGroup
        .get(toGroupKey(group))
        ?.points.map((point) => toComparedPoint(point, comparison)),
  }));
  const count = series.reduce(
    (sum, { points, compared = [] }) => sum + points.length + compared.length,
    0,
  );
  if (count > MAX_POINTS) throw createError('PS_REQUEST_TOO_LARGE', {});
  return {
    step: formatStep(step.ms),
    timeZone: step.zone,
    notes: notes.length > 0 ? notes : undefined,
    series,
    omittedSeries: all.length - series.length,
  };
}

function toTrendPoint({ bucket, values }: SeriesPoint) {
  return { at: new Date(bucket?.fromMs ?? 0), ...values };
}

function toComparedPoint({ bucket, values }: SeriesPoint, { toCurrentMs }: AlignedComparison) {
  return { at: new Date(toCurrentMs(bucket?.fromMs ?? 0)), ...values };
}
