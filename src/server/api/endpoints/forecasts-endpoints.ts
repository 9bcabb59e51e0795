import { z } from 'zod';
import { narrowScope } from '../../../core/tenant-scope.ts';
import { defineEndpoint } from '../endpoint-definition.ts';
import { ID_PARAMS_SCHEMA } from '../schemas/alert-schemas.ts';
import {
  forecastKindSchema,
  forecastPointSchema,
  forecastSchema,
  forecastStatusSchema,
} from '../schemas/forecast-schemas.ts';
import {
  createFilterParameters,
  createNameFilter,
  TENANT_FILTER_PARAMETERS,
} from '../schemas/query-parameters.ts';
import { optionalTextSchema, timeSchema } from '../schemas/response-schemas.ts';

export const forecastsEndpoint = defineEndpoint({
  path: '/api/performance/forecasts',
  methods: ['get'],
  summary:
    'Lists when disks, memory, pools, queues, request rates, and error budgets reach their limits. Tenants see only their error budgets.',
  permission: 'read',
  query: z.strictObject({
    kind: z
      .array(forecastKindSchema)
      .min(1)
      .max(6)
      .optional()
      .meta({ description: 'Limits the response to this kind. Can be repeated.' }),
    status: z
      .array(forecastStatusSchema)
      .min(1)
      .max(6)
      .optional()
      .meta({ description: 'Limits the response to this status. Can be repeated.' }),
    ...createFilterParameters('service'),
    host: createNameFilter('host'),
    ...TENANT_FILTER_PARAMETERS,
  }),
  response: z
    .strictObject({
      forecasts: z.array(forecastSchema),
      updatedAt: timeSchema.optional().meta({
        description: 'Time of the last update. Missing until the first update after a start.',
      }),
      problem: optionalTextSchema.meta({ description: 'Why the last update failed.' }),
    })
    .meta({ id: 'Forecasts' }),
  async handle({ dependencies, query, scope }) {
    return dependencies.alerts.listForecasts(query, narrowScope(scope, query));
  },
});

export const forecastEndpoint = defineEndpoint({
  path: '/api/performance/forecasts/:id',
  methods: ['get'],
  summary: 'Returns a forecast with the measured and the predicted values.',
  operation: 'forecast',
  permission: 'read',
  params: ID_PARAMS_SCHEMA,
  query: z.strictObject({}),
  response: z
    .strictObject({
      forecast: forecastSchema,
      history: z.array(z.strictObject({ at: timeSchema, value: z.number() })),
      points: z.array(forecastPointSchema),
    })
    .meta({ id: 'OneForecast' }),
  async handle({ dependencies, params: { id = '' }, scope }) {
    return dependencies.alerts.getForecast(id, scope);
  },
});
