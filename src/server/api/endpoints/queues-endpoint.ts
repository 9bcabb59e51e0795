import { z } from 'zod';
import {
  queryQueueSeries,
  queryQueueStats,
  queryQueueUsageByTenant,
} from '../../../storage/queries/queue-stats.ts';
import { defineEndpoint } from '../endpoint-definition.ts';
import { toRequestQuery } from '../request/request-query.ts';
import { formatStep, resolveStep } from '../request/request-time-range.ts';
import { selectVisibleScopes } from '../request/visible-scope.ts';
import {
  createFilterParameters,
  INCLUDE_TEST_PARAMETER,
  ORIGIN_FILTER_PARAMETERS,
  QUEUE_SCOPE_PARAMETER,
  RANGE_PARAMETERS,
  STEP_PARAMETER,
  TENANT_FILTER_PARAMETERS,
} from '../schemas/query-parameters.ts';
import * as schemas from '../schemas/response-schemas.ts';

const tenantShareSchema = z
  .strictObject({
    queue: z.string().optional(),
    scope: schemas.queueScopeSchema,
    organizationId: z.string().optional(),
    propertyId: z.string().optional(),
    ended: z.number(),
    processing: z.number(),
    processingShare: schemas.optionalNumberSchema,
    waiting: z.number(),
    waitingShare: schemas.optionalNumberSchema,
  })
  .meta({
    id: 'TenantShare',
    description: "A tenant's share of a queue. Durations are in ms, shares in percent.",
  });

const queuePointSchema = z.strictObject({
  at: schemas.timeSchema,
  arrived: z.number(),
  completed: z.number(),
  failed: z.number(),
  stalled: z.number(),
  averageProcessing: schemas.optionalNumberSchema,
  averageWait: schemas.optionalNumberSchema,
  depth: schemas.optionalNumberSchema,
});

export const queuesEndpoint = defineEndpoint({
  path: '/api/performance/queues',
  methods: ['get'],
  summary:
    'Returns queue metrics and the share of each tenant. With step, also returns metrics over time.',
  permission: 'read',
  query: z.strictObject({
    ...RANGE_PARAMETERS,
    ...STEP_PARAMETER,
    ...ORIGIN_FILTER_PARAMETERS,
    ...TENANT_FILTER_PARAMETERS,
    ...createFilterParameters('queue'),
    ...QUEUE_SCOPE_PARAMETER,
    ...INCLUDE_TEST_PARAMETER,
  }),
  response: z
    .strictObject({
      ...schemas.TIME_RANGE_FIELDS,
      queues: z.array(schemas.queueStatsSchema),
      tenants: z.array(tenantShareSchema),
      step: z.string().optional(),
      timeZone: z.string().optional(),
      ...schemas.NOTES_FIELD,
      series: z
        .array(
          z.strictObject({
            queue: z.string(),
            scope: schemas.queueScopeSchema,
            points: z.array(queuePointSchema),
          }),
        )
        .optional(),
    })
    .meta({ id: 'Queues' }),
  async handle(context) {
    const { query, dependencies } = context;
    const { hosts } = context.scope;
    const { dbQuery, zone } = toRequestQuery(context);
    const [queues, tenants, series] = await Promise.all([
      queryQueueStats(dependencies.queryClient, dbQuery),
      queryQueueUsageByTenant(dependencies.queryClient, dbQuery),
      query.step === undefined ? undefined : buildSeries(query.step),
    ]);
    return {
      ...schemas.toTimeRangeFields(dbQuery.range),
      queues: selectByScope(queues),
      tenants: selectByScope(tenants),
      ...series,
    };

    function selectByScope<T extends { scope: string | undefined }>(stats: readonly T[]): T[] {
      return selectVisibleScopes(stats, query.scope, hosts);
    }

    async function buildSeries(requestedStep: string) {
      const tables = ['queue_metrics', 'performance_metrics'];
      const { range } = dbQuery;
      const { step, notes } = await resolveStep(
        requestedStep,
        { range, zone },
        dependencies.queryClient,
        tables,
      );
      const queueSeries = await queryQueueSeries(dependencies.queryClient, { ...dbQuery, step });
      return {
        step: formatStep(step.ms),
        timeZone: step.zone,
        notes: notes.length > 0 ? notes : undefined,
        series: selectByScope(queueSeries).map(({ points, ...queue }) => ({
          ...queue,
          points: points.map(({ bucket, averageWork: _, ...metrics }) => ({
            at: new Date(bucket?.fromMs ?? range.fromMs),
            ...metrics,
          })),
        })),
      };
    }
  },
});
