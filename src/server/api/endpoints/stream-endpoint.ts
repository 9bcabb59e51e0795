import { z } from 'zod';
import { createError } from '../../../core/errors.ts';
import { narrowScope } from '../../../core/tenant-scope.ts';
import { defineEndpoint } from '../endpoint-definition.ts';
import { getPrincipal } from '../middleware/authorization-middleware.ts';
import { createRequestError } from '../problem-details.ts';
import { toQuery } from '../request/request-query.ts';
import { parseDuration } from '../request/request-time-range.ts';
import {
  createDurationSchema,
  INCLUDE_TEST_PARAMETER,
  ORIGIN_FILTER_PARAMETERS,
  TENANT_FILTER_PARAMETERS,
} from '../schemas/query-parameters.ts';
import * as shapes from '../schemas/response-schemas.ts';
import {
  createAlertSource,
  createDecisionSource,
  createNotificationSource,
} from '../stream/change-sources.ts';
import { sendEventStream } from '../stream/event-stream.ts';
import { createPointSource } from '../stream/point-source.ts';

const MAX_INTERVAL_MS = 300_000;

const pointStatsSchema = z.strictObject({
  count: z.number(),
  rate: z.number(),
  average: shapes.optionalNumberSchema,
  errorRate: shapes.optionalNumberSchema,
  p50: shapes.optionalNumberSchema,
  p95: shapes.optionalNumberSchema,
  p99: shapes.optionalNumberSchema,
});

export const streamEndpoint = defineEndpoint({
  path: '/api/performance/stream',
  methods: ['get'],
  summary:
    'Events `point` of each interval that has ended, `alert`, `notification` and `decision` of each change, resumable by Last-Event-ID',
  permission: 'read',
  query: z.strictObject({
    interval: createDurationSchema('1s to 5m').default('5s'),
    ...ORIGIN_FILTER_PARAMETERS,
    ...TENANT_FILTER_PARAMETERS,
    ...INCLUDE_TEST_PARAMETER,
  }),
  response: z
    .strictObject({
      ...shapes.TIME_RANGE_FIELDS,
      api: pointStatsSchema,
      database: pointStatsSchema,
      jobs: z.strictObject({
        arrived: z.number(),
        completed: z.number(),
        failed: z.number(),
        stalled: z.number(),
      }),
    })
    .meta({ id: 'Point' }),
  async stream({ query, scope, dependencies, streams }, request, response) {
    const intervalMs = parseDuration(query.interval);
    if (intervalMs > MAX_INTERVAL_MS) {
      throw createRequestError({
        parameter: 'interval',
        reason: 'is too long',
        allowed: '1s to 5m',
      });
    }
    const leave = streams.acquire();
    if (!leave) {
      response.set('Retry-After', '30');
      throw createError('PS_UNAVAILABLE', { reason: 'too many streams are open' });
    }
    const source = createPointSource({
      intervalMs,
      maxWriteDelayMs: dependencies.maxWriteDelayMs,
      queryPoints: (range) =>
        streams.queryPoints(dependencies.queryClient, toQuery(query, scope, range), intervalMs),
    });
    const shown = narrowScope(scope, query);
    try {
      await sendEventStream(request, response, {
        sources: [
          source,
          createAlertSource(dependencies.alerts, shown, query.service),
          createNotificationSource(dependencies.notifications, shown),
          createDecisionSource(dependencies.actions, shown),
        ],
        stopping: dependencies.stopping,
        stillAllowed: getPrincipal(response).stillAllowed,
      });
    } finally {
      leave();
    }
  },
});
