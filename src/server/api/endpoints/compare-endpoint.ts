import { z } from 'zod';
import { CONFIDENCE } from '../../../core/statistics/compare-samples.ts';
import { compareOnRequest, isSelfComparison } from '../../alerts/deploys/compare-on-request.ts';
import { formatFinding } from '../../alerts/deploys/finding.ts';
import { defineEndpoint } from '../endpoint-definition.ts';
import { createRequestError } from '../problem-details.ts';
import { toRequestQuery } from '../request/request-query.ts';
import { parseTimeRange } from '../request/request-time-range.ts';
import { findingSchema } from '../schemas/deploy-schemas.ts';
import {
  createFilterParameters,
  RANGE_PARAMETERS,
  TENANT_FILTER_PARAMETERS,
} from '../schemas/query-parameters.ts';
import { TIME_RANGE_FIELDS, toTimeRangeFields } from '../schemas/response-schemas.ts';

const versionSchema = z.string().min(1).max(512).optional();

export const compareEndpoint = defineEndpoint({
  path: '/api/performance/compare',
  methods: ['get'],
  summary: 'Compares two versions, or two time ranges, of a service.',
  permission: 'read',
  query: z.strictObject({
    ...RANGE_PARAMETERS,
    ...createFilterParameters('service', 'environment', 'endpoint'),
    ...TENANT_FILTER_PARAMETERS,
    base: versionSchema.meta({
      description:
        'Version to compare with. Default: all versions, without the candidate if the time ranges overlap.',
    }),
    candidate: versionSchema.meta({
      description:
        'Version to check. Default: all versions, without the base if the time ranges overlap.',
    }),
    baseFrom: RANGE_PARAMETERS.from.meta({
      description: 'Start of the time range of the base. Default: the same range.',
    }),
    baseTo: RANGE_PARAMETERS.to.meta({ description: 'End of the time range of the base.' }),
  }),
  response: z
    .strictObject({
      ...TIME_RANGE_FIELDS,
      base: z.strictObject({ version: versionSchema, ...TIME_RANGE_FIELDS }),
      candidate: z.strictObject({ version: versionSchema, ...TIME_RANGE_FIELDS }),
      confidence: z.number().meta({
        description: 'Probability that all confidence intervals of a statistic are correct.',
      }),
      seriesCount: z.number().meta({
        description: 'Number of series of the candidate, including series without enough data.',
      }),
      changes: z.array(findingSchema),
    })
    .meta({ id: 'VersionComparison' }),
  async handle(context) {
    const { query, dependencies, nowMs } = context;
    const { base, candidate, baseFrom, baseTo } = query;
    const { dbQuery, zone } = toRequestQuery(context);
    const baseRange =
      baseFrom === undefined
        ? dbQuery.range
        : parseTimeRange({ from: baseFrom, to: baseTo }, zone, nowMs);
    const sides = {
      base: { version: base, range: baseRange },
      candidate: { version: candidate, range: dbQuery.range },
    };
    if (isSelfComparison(sides.base, sides.candidate)) throw createSelfComparisonError(query);
    const { findings, seriesCount } = await compareOnRequest(dependencies.queryClient, {
      scope: dbQuery.scope,
      filter: dbQuery.filter ?? {},
      ...sides,
      alpha: 1 - CONFIDENCE,
    });
    return {
      ...toTimeRangeFields(dbQuery.range),
      base: { version: base, ...toTimeRangeFields(baseRange) },
      candidate: { version: candidate, ...toTimeRangeFields(dbQuery.range) },
      confidence: CONFIDENCE,
      seriesCount,
      changes: findings.map((finding) => ({
        ...finding,
        text: formatFinding(candidate ?? 'the new range', finding),
      })),
    };
  },
});

/** Creates the error for a comparison in which the same requests would be on both sides. */
function createSelfComparisonError({
  base,
  baseFrom,
}: {
  readonly base?: string | undefined;
  readonly baseFrom?: string | undefined;
}) {
  const subject = base === undefined ? 'all versions' : `version ${base}`;
  return createRequestError(
    baseFrom === undefined
      ? {
          parameter: 'base',
          reason: `compares ${subject} with itself. Select another version for base or candidate, or another time range with baseFrom and baseTo`,
        }
      : {
          parameter: 'baseFrom',
          reason: `compares ${subject} with itself, because both time ranges overlap. Select ranges without common time, or different versions`,
        },
  );
}
