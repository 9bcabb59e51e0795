import { z } from 'zod';
import {
  queryQueueSeries,
  queryQueueStats,
  queryQueueUsageByTenant,
} from '../../../storage/queries/queue-stats.ts';
import { defineEndpoint } from '../endpoint-definition.ts';
import { toRequestQuery } from '../request/request-query.ts';
import { formatDuration, resolveStep } from '../request/request-time-range.ts';
import {
  createFilterParameters,
  INCLUDE_TEST_PARAMETER,
  ORIGIN_FILTER_PARAMETERS,
  RANGE_PARAMETERS,
  STEP_PARAMETER,
  TENANT_FILTER_PARAMETERS,
} from '../schemas/query-parameters.ts';
import * as shapes from '../schemas/response-schemas.ts';

const tenantShareSchema = z
  .strictObject({
    queue: z.string().optional(),
    organizationId: z.string().optional(),
    propertyId: z.string().optional(),
    ended: z.number(),
    processing: z.number(),
    processingShare: shapes.optionalNumberSchema,
    waiting: z.number(),
    waitingShare: shapes.optionalNumberSchema,
  })
  .meta({ id: 'TenantShare', description: 'Times in ms, shares in percent of the queue' });

const queuePointSchema = z.strictObject({
  at: shapes.timeSchema,
  arrived: z.number(),
  completed: z.number(),
  failed: z.number(),
  stalled: z.number(),
  averageProcessing: shapes.optionalNumberSchema,
  averageWait: shapes.optionalNumberSchema,
  depth: shapes.optionalNumberSchema,
});

export const queuesEndpoint = defineEndpoint({
  path: '/api/performance/queues',
  methods: ['get'],
  summary: 'Queues, who uses them, and with a step how they go on',
  permission: 'read',
  query: z.strictObject({
    ...RANGE_PARAMETERS,
    ...STEP_PARAMETER,
    ...ORIGIN_FILTER_PARAMETERS,
    ...TENANT_FILTER_PARAMETERS,
    ...createFilterParameters('queue'),
    ...INCLUDE_TEST_PARAMETER,
  }),
  response: z
    .strictObject({
      ...shapes.TIME_RANGE_FIELDS,
      queues: z.array(shapes.queueStatsSchema),
      tenants: z.array(tenantShareSchema),
      step: z.string().optional(),
      timeZone: z.string().optional(),
      ...shapes.NOTES_FIELD,
      series: z
        .array(z.strictObject({ queue: z.string(), points: z.array(queuePointSchema) }))
        .optional(),
    })
    .meta({ id: 'Queues' }),
  async handle(context) {
    const { query, dependencies } = context;
    const { question, zone } = toRequestQuery(context);
    const [queues, tenants, series] = await Promise.all([
      queryQueueStats(dependencies.queryClient, question),
      queryQueueUsageByTenant(dependencies.queryClient, question),
      query.step === undefined ? undefined : seriesOf(query.step),
    ]);
    return { ...shapes.toTimeRangeFields(question.range), queues, tenants, ...series };

    async function seriesOf(asked: string) {
      const tables = ['queue_metrics', 'performance_metrics'];
      const { range } = question;
      const { step, notes } = await resolveStep(
        asked,
        { range, zone },
        dependencies.queryClient,
        tables,
      );
      const found = await queryQueueSeries(dependencies.queryClient, { ...question, step });
      return {
        step: formatDuration(step.ms),
        timeZone: step.zone,
        notes: notes.length > 0 ? notes : undefined,
        series: found.map(({ queue, points }) => ({
          queue,
          points: points.map(({ bucket: span, ...figures }) => ({
            at: new Date(span?.fromMs ?? range.fromMs),
            ...figures,
          })),
        })),
      };
    }
  },
});
