import { afterAll, beforeAll, expect, it } from 'vitest';
import { migrate } from '../../../../src/storage/migrations/migrate.ts';
import type { QuestdbQueryClient } from '../../../../src/storage/questdb/query-client.ts';
import {
  createEvaluator,
  createQueryClient,
  makeHistogram,
  TestRowWriter,
} from '../../../support/alert-fixtures.ts';
import { DEFAULT_RETENTION } from '../../../support/default-retention.ts';
import { ExternalQuestdb } from '../../../support/external-questdb.ts';

const questdb = new ExternalQuestdb({ isShared: true });
const rows = new TestRowWriter(questdb);
let queryClient: QuestdbQueryClient;

beforeAll(async () => {
  await questdb.start();
  await migrate(questdb.target, DEFAULT_RETENTION);
  queryClient = createQueryClient(questdb);
});
afterAll(async () => {
  rows.close();
  await queryClient?.close();
  await questdb.remove();
});

it('stores an alert with an explanation for a slow endpoint', async () => {
  const now = Date.now();
  const fields = {
    metricType: 'API_RESPONSE_TIME',
    service: 'booking',
    endpoint: '/rooms',
    operation: 'GET',
    organizationId: 'anna',
  } as const;
  for (const [minutesAgo, count, ms] of [
    [19, 18, 500],
    [7, 2, 500],
    [1, 10, 5500],
  ] as const) {
    const timestamp = now - minutesAgo * 60_000;
    const { row, buckets } = makeHistogram({ ...fields, timestamp }, { count, ms });
    rows.add('performance_metrics', [row]);
    rows.add('metric_buckets', buckets);
  }
  await rows.flush();
  const evaluator = createEvaluator({ queryClient, ...rows });
  const transitions = await evaluator.runOnce(now);
  await rows.flush();
  const stored = await questdb.sql('SELECT rule, state, severity, value, threshold FROM alerts');
  expect(stored).toEqual([['response-time', 'firing', 'critical', 5500, 5000]]);
  expect(transitions[0]?.cause).toBe('up from 500 ms');
  expect(transitions.map(({ rule, severity }) => `${rule} ${severity}`)).toEqual([
    'response-time critical',
  ]);
});
