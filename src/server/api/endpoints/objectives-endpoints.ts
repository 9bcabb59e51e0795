import { z } from 'zod';
import { nameSchema } from '../../../core/config-files/config-validation.ts';
import { narrowScope } from '../../../core/tenant-scope.ts';
import { defineEndpoint } from '../endpoint-definition.ts';
import { getTimeZone, parseTimeRange } from '../request/request-time-range.ts';
import {
  objectiveHistorySchema,
  objectiveKindSchema,
  objectiveSchema,
  objectiveStatusSchema,
} from '../schemas/objective-schemas.ts';
import {
  createFilterParameters,
  createNameFilter,
  RANGE_PARAMETERS,
  TENANT_FILTER_PARAMETERS,
} from '../schemas/query-parameters.ts';
import { TIME_RANGE_FIELDS, timeSchema, toTimeRangeFields } from '../schemas/response-schemas.ts';

export const objectivesEndpoint = defineEndpoint({
  path: '/api/performance/objectives',
  methods: ['get'],
  summary: 'Lists objectives with their error budgets and burn rates.',
  permission: 'read',
  query: z.strictObject({
    name: createNameFilter('objective'),
    kind: z
      .array(objectiveKindSchema)
      .min(1)
      .max(4)
      .optional()
      .meta({ description: 'Limits the response to this kind. Can be repeated.' }),
    status: z
      .array(objectiveStatusSchema)
      .min(1)
      .max(3)
      .optional()
      .meta({ description: 'Limits the response to groups with this status. Can be repeated.' }),
    ...createFilterParameters('service'),
    ...TENANT_FILTER_PARAMETERS,
  }),
  response: z
    .strictObject({
      objectives: z.array(objectiveSchema),
      updatedAt: timeSchema.optional().meta({
        description: 'Time of the last update. Missing until the first update after a start.',
      }),
    })
    .meta({ id: 'Objectives' }),
  async handle({ dependencies, query, scope }) {
    return dependencies.alerts.listObjectives(query, narrowScope(scope, query));
  },
});

export const objectiveEndpoint = defineEndpoint({
  path: '/api/performance/objectives/:id',
  methods: ['get'],
  summary:
    'Returns an objective with the history of its error budgets. `id` is the name of the objective. Default range: the last 24 hours.',
  operation: 'objective',
  permission: 'read',
  params: z.strictObject({ id: nameSchema.meta({ description: 'The `name` from the list.' }) }),
  query: z.strictObject({ ...RANGE_PARAMETERS, ...TENANT_FILTER_PARAMETERS }),
  response: z
    .strictObject({
      ...TIME_RANGE_FIELDS,
      objective: objectiveSchema,
      history: z.array(objectiveHistorySchema),
      historyFrom: timeSchema.optional().meta({
        description:
          'Start of `history`, if the range contains more than 20,000 rows. To get older rows, set `to` to this time.',
      }),
    })
    .meta({ id: 'OneObjective' }),
  async handle({ dependencies, params: { id = '' }, query, scope, nowMs }) {
    const hasRange = (query.from ?? query.to ?? query.last) !== undefined;
    const parameters = hasRange ? query : { ...query, last: '24h' };
    const range = parseTimeRange(parameters, getTimeZone(query, dependencies.zone), nowMs);
    const found = await dependencies.alerts.getObjective(id, range, narrowScope(scope, query));
    return { ...toTimeRangeFields(range), ...found };
  },
});
