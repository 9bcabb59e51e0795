import { z } from 'zod';
import { queryDistributionOverTime } from '../../../storage/queries/distribution-over-time.ts';
import { chooseStepMs } from '../../../storage/queries/time-buckets.ts';
import { getRangeLengthMs, type TimeRange } from '../../../storage/queries/time-range.ts';
import { defineEndpoint } from '../endpoint-definition.ts';
import { toRequestQuery } from '../request/request-query.ts';
import { formatStep, resolveStep, toDurationMs } from '../request/request-time-range.ts';
import {
  createNameFilter,
  FILTER_PARAMETERS,
  INCLUDE_TEST_PARAMETER,
  METRIC_TYPES,
  RANGE_PARAMETERS,
  STEP_PARAMETER,
} from '../schemas/query-parameters.ts';
import * as schemas from '../schemas/response-schemas.ts';

const DEFAULT_TIMES = 120;
const MAX_TIMES = 300;
/** A range that isn't aligned with the step has one more bucket. */
const MAX_WHOLE_TIMES = MAX_TIMES - 1;

export const distributionEndpoint = defineEndpoint({
  path: '/api/performance/distribution',
  methods: ['get'],
  summary: 'Returns the distribution of a metric over time, for a heatmap.',
  permission: 'read',
  query: z.strictObject({
    ...RANGE_PARAMETERS,
    ...STEP_PARAMETER,
    metricType: z.enum(METRIC_TYPES).default('API_RESPONSE_TIME'),
    name: createNameFilter('metric name'),
    ...FILTER_PARAMETERS,
    ...INCLUDE_TEST_PARAMETER,
  }),
  response: z
    .strictObject({
      ...schemas.TIME_RANGE_FIELDS,
      metricType: z.enum(METRIC_TYPES),
      step: z.string(),
      timeZone: z.string(),
      ...schemas.NOTES_FIELD,
      times: z.array(schemas.timeSchema).meta({
        description: `Start of each time bucket, including empty buckets. At most ${MAX_TIMES}.`,
      }),
      uppers: z.array(z.number()).meta({
        description:
          "Inclusive upper bound of each value bucket, ascending, in the metric's unit: ms for durations. A bucket with the bound 0 contains all values up to 0.",
      }),
      upperRatio: z.number().meta({
        description: 'Ratio of the upper to the lower bound of each bucket with positive values.',
      }),
      cells: z.array(z.tuple([z.number(), z.number(), z.number(), z.number()])).meta({
        description:
          'Cells with values: index of the time, index of the upper bound, number of values, number of failures.',
      }),
    })
    .meta({ id: 'Distribution' }),
  async handle(context) {
    const { query, dependencies } = context;
    const { queryClient } = dependencies;
    const { dbQuery, zone } = toRequestQuery(context);
    const { range } = dbQuery;
    const limited = limitStep(query.step, range);
    const { step, notes } = await resolveStep(limited.step, { range, zone }, queryClient, [
      'metric_buckets',
    ]);
    const allNotes = [...limited.notes, ...notes];
    const { timesMs, uppers, ratio, cells } = await queryDistributionOverTime(
      queryClient,
      { ...dbQuery, step },
      { metricType: query.metricType, names: query.name },
    );
    return {
      ...schemas.toTimeRangeFields(range),
      metricType: query.metricType,
      step: formatStep(step.ms),
      timeZone: step.zone,
      notes: allNotes.length > 0 ? allNotes : undefined,
      times: timesMs.map((ms) => new Date(ms)),
      uppers,
      upperRatio: ratio,
      cells,
    };
  },
});

/** Returns the requested or the default step. Increases a step that gives too many time buckets. */
function limitStep(requested: string | undefined, range: TimeRange) {
  if (requested === undefined) {
    return { step: formatStep(chooseStepMs(range, DEFAULT_TIMES)), notes: [] };
  }
  if (getRangeLengthMs(range) / toDurationMs(requested) <= MAX_WHOLE_TIMES) {
    return { step: requested, notes: [] };
  }
  const step = formatStep(chooseStepMs(range, MAX_WHOLE_TIMES));
  const reason = `A response contains up to ${MAX_TIMES} time buckets`;
  return { step, notes: [`${reason}, so the step is ${step} instead of ${requested}.`] };
}
