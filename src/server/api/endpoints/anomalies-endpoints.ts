import { z } from 'zod';
import { narrowScope } from '../../../core/tenant-scope.ts';
import { toPreferredName } from '../../../core/vocabulary.ts';
import type { BandAggregate, BandMeasure } from '../../anomalies/band-measure.ts';
import {
  DEFAULT_SENSITIVITY,
  SENSITIVITIES,
  type Sensitivity,
} from '../../anomalies/model/band.ts';
import { BAND_REASONS, BAND_STATUSES } from '../../anomalies/model/band-problem.ts';
import type { AnomalyView, BandState } from '../../anomalies/service/anomaly-service.ts';
import { defineEndpoint } from '../endpoint-definition.ts';
import { toRequestQuery } from '../request/request-query.ts';
import { formatStep, resolveStep } from '../request/request-time-range.ts';
import {
  createNameFilter,
  FILTER_PARAMETERS,
  FORMAT_PARAMETER,
  METRIC_TYPES,
  RANGE_PARAMETERS,
  STEP_PARAMETER,
  TENANT_FILTER_PARAMETERS,
  toNamedGroup,
} from '../schemas/query-parameters.ts';
import * as schemas from '../schemas/response-schemas.ts';

const { optionalNumberSchema, optionalTextSchema, timeSchema } = schemas;

/** The aggregates of bands, with the names of the API. */
const AGGREGATES = {
  average: 'mean',
  last: 'last',
  p50: 'p50',
  p90: 'p90',
  p95: 'p95',
  p99: 'p99',
  count: 'count',
  rate: 'rate',
  errorRate: 'error_ratio',
  depth: 'depth',
} as const satisfies Readonly<Record<string, BandAggregate>>;
type AggregateName = keyof typeof AGGREGATES;
const AGGREGATE_NAMES = Object.keys(AGGREGATES) as [AggregateName, ...AggregateName[]];
const SENSITIVITY_NAMES = Object.keys(SENSITIVITIES) as [Sensitivity, ...Sensitivity[]];

const sensitivitySchema = z.enum(SENSITIVITY_NAMES);
const STATE_FIELDS = {
  status: z.enum(BAND_STATUSES).meta({
    description:
      '`learning` means that more data is needed, and `unknown` that there are no normal values now.',
  }),
  reason: z.enum(BAND_REASONS).optional().meta({ description: 'Why there is no band.' }),
  text: z.string().meta({ description: 'The reason in words, or what the band was learned from.' }),
  note: optionalTextSchema.meta({ description: 'What limits the band although it exists.' }),
  learnedFrom: timeSchema.optional(),
  learnedTo: timeSchema.optional(),
  values: z.number().meta({ description: 'Number of hours that the band was learned from.' }),
  shiftedSince: timeSchema.optional().meta({
    description: 'Since when the level differs from the level before. It is learned after a day.',
  }),
  error: z
    .strictObject({
      hours: z.number().meta({ description: 'Number of compared hours.' }),
      outside: z.number().meta({ description: 'Hours whose value was outside.' }),
      share: z.number().meta({ description: 'Share of these hours, in percent.' }),
      expectedShare: z
        .number()
        .meta({ description: 'Share that a normal distribution would have, in percent.' }),
    })
    .optional()
    .meta({
      id: 'BandError',
      description: 'How often the last seven days were outside of a band that was learned before.',
    }),
  omittedSeries: z
    .number()
    .meta({ description: 'Number of series without a band because of the limit on series.' }),
};

const bandPointSchema = z
  .strictObject({
    at: timeSchema,
    lower: optionalNumberSchema,
    expected: optionalNumberSchema,
    upper: optionalNumberSchema,
  })
  .meta({
    id: 'BandPoint',
    description: 'Normal values of a time bucket that starts at `at`. Missing if they are unknown.',
  });

export const bandsEndpoint = defineEndpoint({
  path: '/api/performance/bands',
  methods: ['get'],
  summary: 'Returns the normal values of a metric for each hour of the week, to draw in a chart.',
  permission: 'read',
  query: z.strictObject({
    ...RANGE_PARAMETERS,
    ...STEP_PARAMETER,
    metricType: z.enum(METRIC_TYPES).default('API_RESPONSE_TIME'),
    name: createNameFilter('metric name'),
    aggregate: z
      .enum(AGGREGATE_NAMES)
      .default('p95')
      .meta({
        description: `One of ${AGGREGATE_NAMES.join(', ')}. Rates are per second.`,
      }),
    sensitivity: sensitivitySchema.default(DEFAULT_SENSITIVITY).meta({
      description: 'Width of the band: `low` is the widest.',
    }),
    ...FILTER_PARAMETERS,
    ...FORMAT_PARAMETER,
  }),
  response: z
    .strictObject({
      ...schemas.TIME_RANGE_FIELDS,
      metricType: z.enum(METRIC_TYPES),
      aggregate: z.enum(AGGREGATE_NAMES),
      sensitivity: sensitivitySchema,
      step: z.string(),
      timeZone: z.string(),
      ...STATE_FIELDS,
      points: z.array(bandPointSchema),
    })
    .meta({ id: 'Bands' }),
  toTable: ({ points }) => ({
    columns: ['at', 'lower', 'expected', 'upper'],
    rows: points.map((point) => ({ ...point })),
  }),
  async handle(context) {
    const { query, dependencies, nowMs } = context;
    const { metricType, aggregate, sensitivity, name } = query;
    const { dbQuery, zone } = toRequestQuery(context);
    const { range, scope, filter = {} } = dbQuery;
    const { step } = await resolveStep(
      query.step,
      { range, whole: range, zone },
      dependencies.queryClient,
      ['performance_metrics', 'metric_buckets'],
    );
    const measure: BandMeasure = {
      type: metricType,
      aggregate: AGGREGATES[aggregate],
      filter: { ...filter, ...(name && { name }) },
      groupBy: [],
      scope,
    };
    const band = await dependencies.anomalies.getBand(measure, range, step, sensitivity, nowMs);
    const factor = getRateFactor(measure);
    return {
      ...schemas.toTimeRangeFields(range),
      ...{ metricType, aggregate, sensitivity },
      step: formatStep(step.ms),
      timeZone: step.zone,
      ...toStateFields(band),
      points: band.points.map(({ at, ...values }) => ({ at, ...multiply(values, factor) })),
    };
  },
});

/** Rates are per minute in rules, and per second in the API. */
function getRateFactor({ aggregate }: BandMeasure): number {
  return aggregate === 'rate' ? 1 / 60 : 1;
}

function multiply<K extends string>(
  values: Readonly<Record<K, number | undefined>>,
  factor: number,
): Record<K, number | undefined> {
  const entries = Object.entries<number | undefined>(values).map(([name, value]) => [
    name,
    value === undefined ? undefined : factor * value,
  ]);
  return Object.fromEntries(entries) as Record<K, number | undefined>;
}

function toStateFields(state: BandState) {
  const { status, reason, text, note, learnedFrom, learnedTo, values } = state;
  const { shiftedSince, error, omittedSeries } = state;
  return {
    ...{ status, reason, text, note, learnedFrom, learnedTo, values },
    ...{ shiftedSince, error, omittedSeries },
  };
}

const anomalySchema = z
  .strictObject({
    metricType: z.enum(METRIC_TYPES),
    aggregate: z.string(),
    group: schemas.groupSchema,
    rule: optionalTextSchema.meta({ description: 'The alert rule that watches the series.' }),
    sensitivity: sensitivitySchema,
    from: timeSchema,
    to: timeSchema,
    value: optionalNumberSchema,
    lower: optionalNumberSchema,
    expected: optionalNumberSchema,
    upper: optionalNumberSchema,
    distance: optionalNumberSchema.meta({
      description: 'Distance from the normal values, in robust standard deviations.',
    }),
    outside: z.boolean(),
    deploy: optionalTextSchema.meta({
      description: 'A deploy of the service within six hours before the anomaly.',
    }),
    ...STATE_FIELDS,
  })
  .meta({ id: 'Anomaly', description: 'The newest value of a series, and its normal values.' });

/** Maximum number of series in a response. */
const MAX_ANOMALIES = 500;

export const anomaliesEndpoint = defineEndpoint({
  path: '/api/performance/anomalies',
  methods: ['get'],
  summary:
    'Lists series that are outside of their normal values now: requests of each service, and series of anomaly rules.',
  permission: 'read',
  query: z.strictObject({
    all: z.boolean().default(false).meta({
      description: 'Also list series with normal values, and series without a band.',
    }),
    ...TENANT_FILTER_PARAMETERS,
  }),
  response: z
    .strictObject({
      anomalies: z.array(anomalySchema),
      outside: z.number().meta({ description: 'Number of series outside of their band.' }),
      ready: z.number().meta({ description: 'Number of series with a band.' }),
      learning: z.number().meta({ description: 'Number of series that need more data.' }),
      unknown: z.number().meta({ description: 'Number of series without normal values now.' }),
    })
    .meta({ id: 'Anomalies' }),
  async handle({ query, scope, dependencies, nowMs }) {
    const views = await dependencies.anomalies.list(narrowScope(scope, query), nowMs);
    const listed = query.all ? views : views.filter(({ isOutside }) => isOutside);
    const count = (status: BandState['status']) =>
      views.filter((view) => view.status === status).length;
    return {
      anomalies: listed.slice(0, MAX_ANOMALIES).map(toAnomaly),
      outside: views.filter(({ isOutside }) => isOutside).length,
      ready: count('ready'),
      learning: count('learning'),
      unknown: count('unknown'),
    };
  },
});

function toAnomaly(view: AnomalyView) {
  const { measure, group, rule, sensitivity, window, distance, deploy } = view;
  const { value, lower, expected, upper } = view;
  return {
    metricType: measure.type,
    aggregate: toPreferredName(measure.aggregate),
    group: toNamedGroup(group),
    ...{ rule, sensitivity },
    from: new Date(window.fromMs),
    to: new Date(window.toMs),
    ...multiply({ value, lower, expected, upper }, getRateFactor(measure)),
    ...{ distance, deploy },
    outside: view.isOutside,
    ...toStateFields(view),
  };
}
