import { z } from 'zod';
import { PerformanceMetricType } from '../../schema/metric-type.ts';
import { type MetricRow, metricRows, timeText } from '../../windows/rows.ts';
import { cursorText, readCursor } from '../cursor.ts';
import { endpoint } from '../endpoint.ts';
import { jsonOf } from '../json-text.ts';
import { FILTERS, FORMAT, INCLUDE_TEST, names, paging, RANGE } from '../parameters.ts';
import { askedBy } from '../question-of.ts';
import { refusal } from '../refusal.ts';
import * as shapes from '../shapes.ts';
import { checkedRange } from '../time-range.ts';

const TYPES = Object.keys(PerformanceMetricType) as [PerformanceMetricType];
const text = z.string().optional();

const metric = z
  .strictObject({
    at: z.string(),
    id: z.string(),
    metricType: text,
    name: text,
    value: shapes.figure,
    unit: text,
    endpoint: text,
    operation: text,
    service: text,
    version: text,
    environment: text,
    instance: text,
    organizationId: text,
    propertyId: text,
    userId: text,
    tags: z.unknown(),
    duration: shapes.figure,
    count: shapes.figure,
    errorCount: shapes.figure,
    abortedCount: shapes.figure,
    sum: shapes.figure,
    min: shapes.figure,
    max: shapes.figure,
    test: z.boolean(),
  })
  .meta({ id: 'Metric', description: 'One row of performance_metrics; durations in ms' });

export const metricsEndpoint = endpoint({
  path: '/api/performance/metrics',
  methods: ['get'],
  summary: 'Single measurements, the newest first',
  permission: 'read',
  query: z.strictObject({
    ...RANGE,
    metricType: z
      .array(z.enum(TYPES))
      .min(1)
      .max(TYPES.length)
      .optional()
      .meta({ description: `only of these types: ${TYPES.join(', ')}` }),
    name: names.optional().meta({ description: 'only of this name; may be repeated' }),
    userId: names.optional().meta({ description: 'only of this user; may be repeated' }),
    ...FILTERS,
    ...INCLUDE_TEST,
    ...paging(100, 10_000),
    ...FORMAT,
  }),
  response: z
    .strictObject({
      ...shapes.OF_TIME,
      metrics: z.array(metric),
      nextCursor: shapes.nextCursor,
    })
    .meta({ id: 'Metrics' }),
  table: ({ metrics }) => ({
    columns: Object.keys(metric.shape),
    rows: metrics.map((row) => ({
      ...row,
      tags: row.tags === undefined ? undefined : JSON.stringify(row.tags),
    })),
  }),
  async handle(context) {
    const { query, parts, nowMs } = context;
    const { question } = askedBy(context);
    const cursor = query.cursor === undefined ? undefined : readCursor(query.cursor, query);
    const range = cursor ? checkedRange(cursor.range, nowMs, 'cursor') : question.range;
    const found = await metricRows(
      parts.store,
      { ...question, range },
      {
        metricTypes: query.metricType,
        names: query.name,
        userIds: query.userId,
        after: cursor && positionOf(cursor.after),
        limit: query.limit + 1,
      },
    );
    const shown = found.slice(0, query.limit);
    const last = shown.at(-1);
    const goesOn = last && found.length > shown.length;
    return {
      ...shapes.ofTime(range),
      metrics: shown.map(rowOf),
      nextCursor: goesOn ? cursorText({ range, after: [last.micros, last.id] }, query) : undefined,
    };
  },
});

function positionOf([micros, id]: readonly unknown[]) {
  const known = typeof micros === 'number' && Number.isSafeInteger(micros) && micros > 0;
  if (known && micros < 8.64e18 && typeof id === 'string') return { micros, id };
  throw refusal({
    parameter: 'cursor',
    reason: 'is not one that an answer has given',
    allowed: 'the nextCursor of an answer',
  });
}

function rowOf({ micros, tags, ...row }: MetricRow) {
  return { at: timeText(micros), ...row, tags: jsonOf(tags) };
}
