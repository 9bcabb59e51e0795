import { z } from 'zod';
import { coded } from '../../errors.ts';
import { narrow } from '../../schema/scope.ts';
import { callerOf } from '../caller.ts';
import { alertSource, decisionSource, notificationSource } from '../desk-sources.ts';
import { endpoint } from '../endpoint.ts';
import { sendEvents } from '../event-stream.ts';
import { INCLUDE_TEST, length, ORIGIN_FILTERS, TENANT_FILTERS } from '../parameters.ts';
import { pointSource } from '../point-source.ts';
import { questionOf } from '../question-of.ts';
import { refusal } from '../refusal.ts';
import * as shapes from '../shapes.ts';
import { lengthOf } from '../time-range.ts';

const LONGEST_MS = 300_000;

const pointWork = z.strictObject({
  count: z.number(),
  rate: z.number(),
  average: shapes.figure,
  errorRate: shapes.figure,
  p50: shapes.figure,
  p95: shapes.figure,
  p99: shapes.figure,
});

export const streamEndpoint = endpoint({
  path: '/api/performance/stream',
  methods: ['get'],
  summary:
    'Events `point` of each interval that has ended, `alert`, `notification` and `decision` of each change, resumable by Last-Event-ID',
  permission: 'read',
  query: z.strictObject({
    interval: length('1s to 5m').default('5s'),
    ...ORIGIN_FILTERS,
    ...TENANT_FILTERS,
    ...INCLUDE_TEST,
  }),
  response: z
    .strictObject({
      ...shapes.OF_TIME,
      api: pointWork,
      database: pointWork,
      jobs: z.strictObject({
        arrived: z.number(),
        completed: z.number(),
        failed: z.number(),
        stalled: z.number(),
      }),
    })
    .meta({ id: 'Point' }),
  async stream({ query, scope, parts, streams }, request, response) {
    const intervalMs = lengthOf(query.interval);
    if (intervalMs > LONGEST_MS) {
      throw refusal({ parameter: 'interval', reason: 'is too long', allowed: '1s to 5m' });
    }
    const leave = streams.enter();
    if (!leave) {
      response.set('Retry-After', '30');
      throw coded('PS_UNAVAILABLE', { reason: 'too many streams are open' });
    }
    const source = pointSource({
      intervalMs,
      settleMs: parts.settleMs,
      ask: (range) => streams.points(parts.store, questionOf(query, scope, range), intervalMs),
    });
    const shown = narrow(scope, query);
    try {
      await sendEvents(request, response, {
        sources: [
          source,
          alertSource(parts.alerts, shown, query.service),
          notificationSource(parts.notifications, shown),
          decisionSource(parts.actions, shown),
        ],
        stopping: parts.stopping,
        stillAllowed: callerOf(response).stillAllowed,
      });
    } finally {
      leave();
    }
  },
});
