import { z } from 'zod';
import { PerformanceMetricType } from '../../schema/metric-type.ts';
import { AGGREGATES } from '../../windows/series.ts';
import { trends } from '../../windows/trends.ts';
import { DIMENSION_NAMES } from '../dimension-names.ts';
import { endpoint } from '../endpoint.ts';
import {
  APDEX_TARGET,
  COMPARE,
  FILTERS,
  FORMAT,
  INCLUDE_TEST,
  names,
  RANGE,
  STEP,
} from '../parameters.ts';
import { askedBy } from '../question-of.ts';
import { seriesAnswer } from '../series-answer.ts';
import * as shapes from '../shapes.ts';

const TYPES = Object.keys(PerformanceMetricType) as [PerformanceMetricType];

const point = z
  .strictObject({
    at: shapes.time,
    ...(Object.fromEntries(AGGREGATES.map((name) => [name, shapes.figure])) as Record<
      (typeof AGGREGATES)[number],
      typeof shapes.figure
    >),
  })
  .meta({ id: 'TrendPoint', description: 'A bucket of time that begins at `at`' });

export const trendsEndpoint = endpoint({
  path: '/api/performance/trends',
  methods: ['get'],
  summary: 'How a kind of measurement goes on, beside an earlier time, and what has changed',
  permission: 'read',
  query: z.strictObject({
    ...RANGE,
    ...STEP,
    ...COMPARE,
    metricType: z.enum(TYPES).default('API_RESPONSE_TIME'),
    name: names.optional().meta({ description: 'only of this name; may be repeated' }),
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
    ...APDEX_TARGET,
    ...FILTERS,
    ...INCLUDE_TEST,
    ...FORMAT,
  }),
  response: z
    .strictObject({
      ...shapes.OF_TIME,
      metricType: z.enum(TYPES),
      step: z.string(),
      timeZone: z.string(),
      ...shapes.NOTES,
      series: z.array(
        z.strictObject({
          group: shapes.group,
          points: z.array(point),
          compared: z
            .array(point)
            .optional()
            .meta({ description: 'The earlier time, drawn at the times of this one' }),
        }),
      ),
      omittedSeries: z.int().meta({ description: 'Groups beyond the limit' }),
      summary: shapes.trends,
    })
    .meta({ id: 'TrendsAnswer' }),
  table: ({ series }, { groupBy = [], aggregate }) => ({
    columns: [...groupBy, 'at', 'compared', ...aggregate],
    rows: series.flatMap(({ group, points, compared = [] }) =>
      [
        ...points.map((each) => ({ ...each, compared: false })),
        ...compared.map((each) => ({ ...each, compared: true })),
      ].map((each) => ({ ...group, ...each })),
    ),
  }),
  async handle(context) {
    const { query, parts } = context;
    const asked = askedBy(context);
    const [answer, summary] = await Promise.all([
      seriesAnswer(parts.store, asked, query),
      trends(parts.store, asked.question, query.compare ?? 'previous', asked.zone),
    ]);
    return {
      ...shapes.ofTime(asked.question.range),
      metricType: query.metricType,
      ...answer,
      summary,
    };
  },
});
