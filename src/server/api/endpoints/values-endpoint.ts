import { z } from 'zod';
import { MAX_NAME_LENGTH } from '../../../core/schema/table-definition.ts';
import { queryDimensionValues } from '../../../storage/queries/dimension-values.ts';
import { defineEndpoint } from '../endpoint-definition.ts';
import { toRequestQuery } from '../request/request-query.ts';
import {
  DIMENSION_NAMES,
  FILTER_PARAMETERS,
  INCLUDE_TEST_PARAMETER,
  METRIC_TYPES,
  RANGE_PARAMETERS,
  toDimension,
} from '../schemas/query-parameters.ts';
import * as schemas from '../schemas/response-schemas.ts';

const VALUES_DIMENSIONS = z.enum(DIMENSION_NAMES).exclude(['queueScope']);

export const valuesEndpoint = defineEndpoint({
  path: '/api/performance/values',
  methods: ['get'],
  summary: 'Lists the values of a dimension, such as services or endpoints, most frequent first.',
  permission: 'read',
  query: z.strictObject({
    ...RANGE_PARAMETERS,
    dimension: VALUES_DIMENSIONS.default('service').meta({
      description: `Dimension to list: ${VALUES_DIMENSIONS.options.join(', ')}.`,
    }),
    metricType: z
      .enum(METRIC_TYPES)
      .optional()
      .meta({ description: 'Metric type of the values to list. Default: all.' }),
    search: z.string().min(1).max(MAX_NAME_LENGTH).optional().meta({
      description: 'Limits the response to values that contain this text. Case is ignored.',
    }),
    limit: z
      .int()
      .min(1)
      .max(1000)
      .default(50)
      .meta({ description: 'Maximum number of values, 1 to 1000.' }),
    ...FILTER_PARAMETERS,
    ...INCLUDE_TEST_PARAMETER,
  }),
  response: z
    .strictObject({
      ...schemas.TIME_RANGE_FIELDS,
      dimension: VALUES_DIMENSIONS,
      values: z.array(
        z.strictObject({
          value: z.string(),
          count: z.number().meta({ description: 'Number of measurements with this value.' }),
        }),
      ),
    })
    .meta({ id: 'Values' }),
  async handle(context) {
    const { query, dependencies } = context;
    const { dbQuery } = toRequestQuery(context);
    const { dimension, metricType, search, limit } = query;
    const values = await queryDimensionValues(dependencies.queryClient, dbQuery, {
      dimension: toDimension(dimension),
      metricType,
      search,
      limit,
    });
    return { ...schemas.toTimeRangeFields(dbQuery.range), dimension, values };
  },
});
