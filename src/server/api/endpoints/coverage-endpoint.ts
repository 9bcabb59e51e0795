import { z } from 'zod';
import { queryCoverage } from '../../../storage/queries/coverage-query.ts';
import { defineEndpoint } from '../endpoint-definition.ts';
import { toRequestQuery } from '../request/request-query.ts';
import { ORIGIN_FILTER_PARAMETERS, RANGE_PARAMETERS } from '../schemas/query-parameters.ts';
import * as schemas from '../schemas/response-schemas.ts';

const serviceCoverageSchema = z
  .strictObject({
    service: z.string(),
    version: schemas.optionalTextSchema,
    library: z.string(),
    libraryVersion: schemas.optionalTextSchema,
    measured: z.number(),
    unmeasured: z.number(),
    reason: schemas.optionalTextSchema,
  })
  .meta({
    id: 'ServiceCoverage',
    description:
      'A library in the processes of one version of a service. `measured` is the number of processes that measure it. `unmeasured` is the number of processes that have it, but do not measure it.',
  });

export const coverageEndpoint = defineEndpoint({
  path: '/api/performance/coverage',
  methods: ['get'],
  summary: 'Lists the libraries that services use, and whether they are measured.',
  // Tenants must not see how many processes exist.
  permission: 'readHosts',
  query: z.strictObject({ ...RANGE_PARAMETERS, ...ORIGIN_FILTER_PARAMETERS }),
  response: z
    .strictObject({ ...schemas.TIME_RANGE_FIELDS, coverage: z.array(serviceCoverageSchema) })
    .meta({ id: 'Coverage' }),
  async handle(context) {
    const { dbQuery } = toRequestQuery(context);
    const coverage = await queryCoverage(context.dependencies.queryClient, dbQuery);
    return { ...schemas.toTimeRangeFields(dbQuery.range), coverage };
  },
});
