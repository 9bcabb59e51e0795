import { z } from 'zod';
import { createError } from '../../../core/errors.ts';
import { PerformanceMetricType } from '../../../core/schema/enums.ts';
import {
  type AlignedComparison,
  alignComparison,
  type Comparison,
} from '../../../storage/queries/comparison.ts';
import { queryTrends } from '../../../storage/queries/dashboard-query.ts';
import {
  AGGREGATES,
  type Aggregate,
  querySeries,
  type Series,
  type SeriesPoint,
} from '../../../storage/queries/metric-series.ts';
import { toGroupKey } from '../../../storage/queries/query.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import { defineEndpoint } from '../endpoint-definition.ts';
import { createRequestError } from '../problem-details.ts';
import { type RequestQuery, toRequestQuery } from '../request/request-query.ts';
import { formatDuration, resolveStep } from '../request/request-time-range.ts';
import {
  APDEX_TARGET_PARAMETER,
  COMPARE_PARAMETER,
  DIMENSION_NAMES,
  type DimensionName,
  FILTER_PARAMETERS,
  FORMAT_PARAMETER,
  INCLUDE_TEST_PARAMETER,
  namesSchema,
  RANGE_PARAMETERS,
  STEP_PARAMETER,
  toDimensions,
  toNamedGroup,
} from '../schemas/query-parameters.ts';
import * as shapes from '../schemas/response-schemas.ts';

/** Points of one answer at most, some 10 MB. */
const MAX_POINTS = 60_000;
const SERIES_TABLES = ['performance_metrics', 'metric_buckets'];

export interface SeriesParameters {
  readonly step?: string | undefined;
  readonly compare?: Comparison | undefined;
  readonly metricType: string;
  readonly name?: readonly string[] | undefined;
  readonly aggregate: readonly Aggregate[];
  readonly groupBy?: readonly DimensionName[] | undefined;
  readonly limit: number;
  readonly apdexTarget: number;
}

/** The series of a kind of measurement, and the earlier ones drawn at the same times. */
async function buildSeriesResponse(
  store: QueryClient,
  { question, zone }: RequestQuery,
  query: SeriesParameters,
) {
  const { range } = question;
  const { compare, limit, groupBy = [] } = query;
  // What the range is compared with is at most a week, or its own length, older.
  const guess = compare && alignComparison(range, compare, { ms: 1, zone });
  const whole = guess ? { fromMs: guess.range.fromMs, toMs: range.toMs } : range;
  const { step, notes } = await resolveStep(
    query.step,
    { range, whole, zone },
    store,
    SERIES_TABLES,
  );
  const earlier = compare && comparison();
  const stepped = { ...question, step, groupBy: toDimensions(groupBy) };
  const wanted = {
    metricType: query.metricType,
    names: query.name,
    aggregates: query.aggregate,
    apdexTarget: query.apdexTarget,
  };
  const [found, before] = await Promise.all([
    querySeries(store, stepped, wanted),
    earlier ? querySeries(store, { ...stepped, range: earlier.range }, wanted) : [],
  ]);
  const beforeOf = new Map(before.map((each) => [toGroupKey(each.group), each]));
  const known = new Set(found.map(({ group }) => toGroupKey(group)));
  const gone = before.filter(({ group }) => !known.has(toGroupKey(group)));
  const all: Series[] = [...found, ...gone.map((each) => ({ ...each, points: [] }))];
  const shown = all.slice(0, limit).map(({ group, points }) => ({
    group: toNamedGroup(group),
    points: points.map(toTrendPoint),
    compared:
      earlier &&
      beforeOf.get(toGroupKey(group))?.points.map((each) => toComparedPoint(each, earlier)),
  }));
  const count = shown.reduce(
    (sum, { points, compared = [] }) => sum + points.length + compared.length,
    0,
  );
  if (count > MAX_POINTS) throw createError('PS_REQUEST_TOO_LARGE', {});
  return {
    step: formatDuration(step.ms),
    timeZone: step.zone,
    notes: notes.length > 0 ? notes : undefined,
    series: shown,
    omittedSeries: all.length - shown.length,
  };

  function comparison(): AlignedComparison {
    const other = alignComparison(range, compare ?? 'previous', step);
    if (other) return other;
    throw createRequestError({
      parameter: 'step',
      reason: `of ${formatDuration(step.ms)} does not fit ${compare}`,
      allowed: 'a step that a day or a week is a multiple of, as 15m, 1h or 1d',
    });
  }
}

function toTrendPoint({ bucket: span, values }: SeriesPoint) {
  return { at: new Date(span?.fromMs ?? 0), ...values };
}

function toComparedPoint(
  { bucket: span, values }: SeriesPoint,
  { toCurrentMs: onto }: AlignedComparison,
) {
  return { at: new Date(onto(span?.fromMs ?? 0)), ...values };
}

const METRIC_TYPES = Object.keys(PerformanceMetricType) as [PerformanceMetricType];

const trendPointSchema = z
  .strictObject({
    at: shapes.timeSchema,
    ...(Object.fromEntries(AGGREGATES.map((name) => [name, shapes.optionalNumberSchema])) as Record<
      (typeof AGGREGATES)[number],
      typeof shapes.optionalNumberSchema
    >),
  })
  .meta({ id: 'TrendPoint', description: 'A bucket of time that begins at `at`' });

export const trendsEndpoint = defineEndpoint({
  path: '/api/performance/trends',
  methods: ['get'],
  summary: 'How a kind of measurement goes on, beside an earlier time, and what has changed',
  permission: 'read',
  query: z.strictObject({
    ...RANGE_PARAMETERS,
    ...STEP_PARAMETER,
    ...COMPARE_PARAMETER,
    metricType: z.enum(METRIC_TYPES).default('API_RESPONSE_TIME'),
    name: namesSchema.optional().meta({ description: 'only of this name; may be repeated' }),
    aggregate: z
      .array(z.enum(AGGREGATES))
      .min(1)
      .max(AGGREGATES.length)
      .default(['rate', 'average', 'errorRate', 'p95'])
      .meta({ description: `one or more of ${AGGREGATES.join(', ')}` }),
    groupBy: z
      .array(z.enum(DIMENSION_NAMES))
      .max(DIMENSION_NAMES.length)
      .optional()
      .meta({ description: `a series for each of: ${DIMENSION_NAMES.join(', ')}` }),
    limit: z
      .int()
      .min(1)
      .max(100)
      .default(20)
      .meta({ description: 'series at most, those with most measurements first: 1 to 100' }),
    ...APDEX_TARGET_PARAMETER,
    ...FILTER_PARAMETERS,
    ...INCLUDE_TEST_PARAMETER,
    ...FORMAT_PARAMETER,
  }),
  response: z
    .strictObject({
      ...shapes.TIME_RANGE_FIELDS,
      metricType: z.enum(METRIC_TYPES),
      step: z.string(),
      timeZone: z.string(),
      ...shapes.NOTES_FIELD,
      series: z.array(
        z.strictObject({
          group: shapes.groupSchema,
          points: z.array(trendPointSchema),
          compared: z
            .array(trendPointSchema)
            .optional()
            .meta({ description: 'The earlier time, drawn at the times of this one' }),
        }),
      ),
      omittedSeries: z.int().meta({ description: 'Groups beyond the limit' }),
      summary: shapes.trendsSchema,
    })
    .meta({ id: 'TrendsAnswer' }),
  toTable: ({ series }, { groupBy = [], aggregate }) => ({
    columns: [...groupBy, 'at', 'compared', ...aggregate],
    rows: series.flatMap(({ group, points, compared = [] }) =>
      [
        ...points.map((each) => ({ ...each, compared: false })),
        ...compared.map((each) => ({ ...each, compared: true })),
      ].map((each) => ({ ...group, ...each })),
    ),
  }),
  async handle(context) {
    const { query, dependencies } = context;
    const asked = toRequestQuery(context);
    const [answer, summary] = await Promise.all([
      buildSeriesResponse(dependencies.queryClient, asked, query),
      queryTrends(
        dependencies.queryClient,
        asked.question,
        query.compare ?? 'previous',
        asked.zone,
      ),
    ]);
    return {
      ...shapes.toTimeRangeFields(asked.question.range),
      metricType: query.metricType,
      ...answer,
      summary,
    };
  },
});
