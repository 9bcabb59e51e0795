import { z } from 'zod';
import { narrowScope } from '../../../core/tenant-scope.ts';
import { defineEndpoint } from '../endpoint-definition.ts';
import { getCaller } from '../middleware/authorization-middleware.ts';
import { createRequestError } from '../problem-details.ts';
import { toQuery } from '../request/request-query.ts';
import { toDurationMs } from '../request/request-time-range.ts';
import { decisionSchema } from '../schemas/action-schemas.ts';
import { alertSchema } from '../schemas/alert-schemas.ts';
import { incidentSchema } from '../schemas/incident-schemas.ts';
import { notificationSchema } from '../schemas/notification-schemas.ts';
import {
  createDurationSchema,
  INCLUDE_TEST_PARAMETER,
  ORIGIN_FILTER_PARAMETERS,
  TENANT_FILTER_PARAMETERS,
} from '../schemas/query-parameters.ts';
import * as schemas from '../schemas/response-schemas.ts';
import {
  createAlertSource,
  createDecisionSource,
  createIncidentSource,
  createNotificationSource,
} from '../stream/change-sources.ts';
import { sendEventStream } from '../stream/event-stream.ts';
import { createPointSource } from '../stream/interval-events.ts';

const MAX_INTERVAL_MS = 300_000;

const pointStatsSchema = z
  .strictObject({
    count: z.number(),
    rate: z.number(),
    average: schemas.optionalNumberSchema,
    errorRate: schemas.optionalNumberSchema,
    p50: schemas.optionalNumberSchema,
    p95: schemas.optionalNumberSchema,
    p99: schemas.optionalNumberSchema,
  })
  .meta({ id: 'PointFigures', description: 'Metrics of one interval. Durations are in ms.' });

const pointSchema = z
  .strictObject({
    ...schemas.TIME_RANGE_FIELDS,
    api: pointStatsSchema,
    database: pointStatsSchema,
    jobs: z.strictObject({
      arrived: z.number(),
      completed: z.number(),
      failed: z.number(),
      stalled: z.number(),
    }),
  })
  .meta({ id: 'Point', description: 'The metrics of a completed interval.' });

const gapSchema = z
  .strictObject(schemas.TIME_RANGE_FIELDS)
  .meta({ id: 'Gap', description: 'Events in this time range are too old to be sent again.' });

const streamEventSchema = z
  .discriminatedUnion('event', [
    createEventSchema('point', pointSchema),
    createEventSchema('alert', alertSchema),
    createEventSchema('incident', incidentSchema),
    createEventSchema('notification', notificationSchema),
    createEventSchema('decision', decisionSchema),
    createEventSchema('gap', gapSchema),
  ])
  .meta({ id: 'StreamEvent', description: 'A server-sent event. `data` is JSON.' });

function createEventSchema<const T extends string, D extends z.ZodType>(event: T, data: D) {
  const id = z.string().meta({
    description: 'Send it as Last-Event-ID to resume after this event.',
    example: 'point=1893456005000',
  });
  return z.strictObject({ event: z.literal(event), id, data });
}

export const streamEndpoint = defineEndpoint({
  path: '/api/performance/stream',
  methods: ['get'],
  summary:
    'Streams server-sent events: `point` for each completed interval, and `alert`, `incident`, `notification`, and `decision` for each change. Send Last-Event-ID to resume.',
  permission: 'read',
  query: z.strictObject({
    interval: createDurationSchema('Length of an interval: 1s to 5m.').default('5s'),
    ...ORIGIN_FILTER_PARAMETERS,
    ...TENANT_FILTER_PARAMETERS,
    ...INCLUDE_TEST_PARAMETER,
  }),
  response: pointSchema,
  events: streamEventSchema,
  async stream({ query, scope, dependencies, streams }, request, response) {
    const intervalMs = toDurationMs(query.interval);
    if (intervalMs > MAX_INTERVAL_MS) {
      throw createRequestError({
        parameter: 'interval',
        reason: 'is too long',
        allowed: '1s to 5m',
      });
    }
    const release = streams.acquire(getCaller(response).principal);
    const source = createPointSource({
      intervalMs,
      maxWriteDelayMs: dependencies.maxWriteDelayMs,
      queryPoints: (range) =>
        streams.queryPoints(dependencies.queryClient, toQuery(query, scope, range), intervalMs),
    });
    const narrowed = narrowScope(scope, query);
    try {
      await sendEventStream(request, response, {
        sources: [
          source,
          createAlertSource(dependencies.alerts, narrowed, query.service),
          createIncidentSource(dependencies.incidents, narrowed, query.service),
          createNotificationSource(dependencies.notifications, narrowed),
          createDecisionSource(dependencies.actions, narrowed),
        ],
        stopping: dependencies.stopping,
        isStillAllowed: getCaller(response).isStillAllowed,
      });
    } finally {
      release();
    }
  },
});
