import { z } from 'zod';
import { type Labels, toReadableLabels } from '../../../core/alerts/alert.ts';
import { ERROR_KINDS, ERROR_LEVELS } from '../../../core/schema/tables/error-logs-table.ts';
import type { TenantScope } from '../../../core/tenant-scope.ts';
import { type ErrorGroup, queryErrorGroups } from '../../../storage/queries/error-groups.ts';
import { queryErrorSeries } from '../../../storage/queries/error-series.ts';
import type { Query } from '../../../storage/queries/query-definition.ts';
import { defineEndpoint } from '../endpoint-definition.ts';
import { paginate } from '../request/pagination.ts';
import { toRequestQuery } from '../request/request-query.ts';
import { formatStep, getTimeZone, resolveStep } from '../request/request-time-range.ts';
import {
  createFilterParameters,
  createNameFilter,
  createPagingParameters,
  FORMAT_PARAMETER,
  RANGE_PARAMETERS,
  STEP_PARAMETER,
  TENANT_FILTER_PARAMETERS,
} from '../schemas/query-parameters.ts';
import * as schemas from '../schemas/response-schemas.ts';

const { optionalTextSchema } = schemas;
const isoTimeSchema = z.string();
const SORT_FIELDS = ['count', 'firstSeen', 'lastSeen'] as const;

const ERROR_FIELDS = {
  kind: optionalTextSchema,
  level: optionalTextSchema,
  type: optionalTextSchema,
  message: optionalTextSchema,
  endpoint: optionalTextSchema,
  service: optionalTextSchema,
};

const errorExampleSchema = z
  .strictObject({
    at: isoTimeSchema,
    id: z.string(),
    stackTrace: optionalTextSchema,
    context: z.unknown(),
    alertId: optionalTextSchema,
    version: optionalTextSchema,
    environment: optionalTextSchema,
    instance: optionalTextSchema,
    organizationId: optionalTextSchema,
    propertyId: optionalTextSchema,
    userId: optionalTextSchema,
  })
  .meta({ id: 'ErrorExample', description: 'The most recent occurrence of an error.' });

const errorSchema = z
  .strictObject({
    fingerprint: z.string(),
    count: z.number(),
    firstSeen: isoTimeSchema,
    lastSeen: isoTimeSchema,
    ...ERROR_FIELDS,
    example: errorExampleSchema,
    points: z.array(z.number()).optional().meta({
      description:
        'With step: number of occurrences in each time bucket. `times` has their starts.',
    }),
  })
  .meta({
    id: 'TrackedError',
    description: 'All occurrences of an error, which have the same fingerprint.',
  });

export const errorsEndpoint = defineEndpoint({
  path: '/api/performance/errors',
  methods: ['get'],
  summary:
    'Lists errors by fingerprint: uncaught errors, failed jobs, requests with a 5xx status, and critical alerts.',
  permission: 'read',
  query: z.strictObject({
    ...RANGE_PARAMETERS,
    kind: z
      .array(z.enum(ERROR_KINDS))
      .min(1)
      .max(ERROR_KINDS.length)
      .optional()
      .meta({ description: `Kinds to return: one or more of ${ERROR_KINDS.join(', ')}.` }),
    level: z
      .array(z.enum(ERROR_LEVELS))
      .min(1)
      .max(ERROR_LEVELS.length)
      .optional()
      .meta({ description: `Levels to return: one or more of ${ERROR_LEVELS.join(', ')}.` }),
    fingerprint: createNameFilter('fingerprint'),
    ...STEP_PARAMETER,
    ...createFilterParameters('service', 'version', 'environment', 'endpoint'),
    ...TENANT_FILTER_PARAMETERS,
    sort: z
      .enum(SORT_FIELDS)
      .default('lastSeen')
      .meta({ description: `Field to sort by: one of ${SORT_FIELDS.join(', ')}.` }),
    order: z
      .enum(['asc', 'desc'])
      .default('desc')
      .meta({ description: 'Sort order: asc or desc.' }),
    ...createPagingParameters(50, 1000),
    ...FORMAT_PARAMETER,
  }),
  response: z
    .strictObject({
      ...schemas.TIME_RANGE_FIELDS,
      errors: z.array(errorSchema),
      step: optionalTextSchema,
      timeZone: optionalTextSchema,
      times: z
        .array(schemas.timeSchema)
        .optional()
        .meta({ description: 'With step: starts of the time buckets.' }),
      nextCursor: schemas.nextCursorSchema,
    })
    .meta({ id: 'Errors' }),
  toTable: ({ errors }) => ({
    columns: ['fingerprint', 'count', 'firstSeen', 'lastSeen', ...Object.keys(ERROR_FIELDS)],
    rows: errors.map(({ example: _example, points: _points, ...row }) => row),
  }),
  async handle(context) {
    const { query, dependencies, nowMs } = context;
    const { kind, level, fingerprint, service, version, environment, endpoint } = query;
    const filter = { kind, level, fingerprint, service, version, environment, endpoint };
    const { order, sort } = query;
    const { dbQuery, groups, nextCursor } = await paginate(
      { query, nowMs, dbQuery: toRequestQuery(context).dbQuery, order },
      async (pinned) =>
        (await queryErrorGroups(dependencies.queryClient, pinned, filter)).map((group) => ({
          row: toErrorView(group, context.scope),
          key: group.fingerprint,
          value: Number(group[sort]),
        })),
    );
    return {
      ...schemas.toTimeRangeFields(dbQuery.range),
      errors: groups,
      ...(query.step !== undefined && (await addSeries(dbQuery, query.step, groups))),
      nextCursor,
    };

    /** Returns the errors with their occurrences over time. */
    async function addSeries(pinned: Query, requestedStep: string, errors: typeof groups) {
      const { queryClient } = dependencies;
      const { range } = pinned;
      const zone = getTimeZone(query, dependencies.zone);
      const { step } = await resolveStep(requestedStep, { range, zone }, queryClient, []);
      const fingerprints = errors.map((error) => error.fingerprint);
      const { startsMs, counts } = await queryErrorSeries(
        queryClient,
        { ...pinned, step },
        { ...filter, fingerprint: fingerprints },
      );
      return {
        step: formatStep(step.ms),
        timeZone: step.zone,
        times: startsMs.map((ms) => new Date(ms)),
        errors: errors.map((error) => ({
          ...error,
          points: counts.get(error.fingerprint) ?? startsMs.map(() => 0),
        })),
      };
    }
  },
});

function toErrorView({ example, ...group }: ErrorGroup, { hosts }: TenantScope) {
  const { kind, level, type, message, endpoint, service, context, instance, ...rest } = example;
  const details = schemas.parseJsonColumn(context);
  return {
    ...group,
    kind,
    level,
    type,
    message,
    endpoint,
    service,
    example: {
      ...rest,
      instance: hosts ? instance : undefined,
      context: hosts || kind !== 'alert' ? details : omitHostLabel(details),
    },
  };
}

/** Removes the label of the host from the context of an alert. */
function omitHostLabel(details: unknown): unknown {
  const { labels, ...others } = (details ?? {}) as { labels?: Labels };
  return labels ? { ...others, labels: toReadableLabels(labels) } : details;
}
