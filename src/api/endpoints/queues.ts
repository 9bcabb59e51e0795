import { z } from 'zod';
import { queueHogs } from '../../windows/hogs.ts';
import { queueSeries } from '../../windows/queue-series.ts';
import { queueFigures } from '../../windows/queues.ts';
import { endpoint } from '../endpoint.ts';
import {
  filters,
  INCLUDE_TEST,
  ORIGIN_FILTERS,
  RANGE,
  STEP,
  TENANT_FILTERS,
} from '../parameters.ts';
import { askedBy } from '../question-of.ts';
import * as shapes from '../shapes.ts';
import { stepOf } from '../step-of.ts';
import { lengthText } from '../time-range.ts';

const tenantShare = z
  .strictObject({
    queue: z.string().optional(),
    organizationId: z.string().optional(),
    propertyId: z.string().optional(),
    ended: z.number(),
    processing: z.number(),
    processingShare: shapes.figure,
    waiting: z.number(),
    waitingShare: shapes.figure,
  })
  .meta({ id: 'TenantShare', description: 'Times in ms, shares in percent of the queue' });

const queuePoint = z.strictObject({
  at: shapes.time,
  arrived: z.number(),
  completed: z.number(),
  failed: z.number(),
  stalled: z.number(),
  averageProcessing: shapes.figure,
  averageWait: shapes.figure,
  depth: shapes.figure,
});

export const queuesEndpoint = endpoint({
  path: '/api/performance/queues',
  methods: ['get'],
  summary: 'Queues, who uses them, and with a step how they go on',
  permission: 'read',
  query: z.strictObject({
    ...RANGE,
    ...STEP,
    ...ORIGIN_FILTERS,
    ...TENANT_FILTERS,
    ...filters('queue'),
    ...INCLUDE_TEST,
  }),
  response: z
    .strictObject({
      ...shapes.OF_TIME,
      queues: z.array(shapes.queueFigures),
      tenants: z.array(tenantShare),
      step: z.string().optional(),
      timeZone: z.string().optional(),
      ...shapes.NOTES,
      series: z
        .array(z.strictObject({ queue: z.string(), points: z.array(queuePoint) }))
        .optional(),
    })
    .meta({ id: 'Queues' }),
  async handle(context) {
    const { query, parts } = context;
    const { question, zone } = askedBy(context);
    const [queues, tenants, series] = await Promise.all([
      queueFigures(parts.store, question),
      queueHogs(parts.store, question),
      query.step === undefined ? undefined : seriesOf(query.step),
    ]);
    return { ...shapes.ofTime(question.range), queues, tenants, ...series };

    async function seriesOf(asked: string) {
      const tables = ['queue_metrics', 'performance_metrics'];
      const { range } = question;
      const { step, notes } = await stepOf(asked, { range, zone }, parts.store, tables);
      const found = await queueSeries(parts.store, { ...question, step });
      return {
        step: lengthText(step.ms),
        timeZone: step.zone,
        notes: notes.length > 0 ? notes : undefined,
        series: found.map(({ queue, points }) => ({
          queue,
          points: points.map(({ span, ...figures }) => ({
            at: new Date(span?.fromMs ?? range.fromMs),
            ...figures,
          })),
        })),
      };
    }
  },
});
